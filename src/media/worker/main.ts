import { parentPort, workerData } from 'node:worker_threads';
import type { RequestMessage, WorkerMessage, WorkerSettings } from '../protocol.ts';
import { useHandshakeThread } from './handshakes.ts';
import { loadLibraries } from './libraries.ts';
import { MediaWorker } from './media-worker.ts';
import { OpenSockets } from './open-sockets.ts';
import { takePriority } from './thread-priority.ts';
import { createCertificate } from './werift.ts';

if (parentPort === null) throw new Error('this file is started by src/media/worker-thread.ts');
const port = parentPort;
const settings: WorkerSettings = workerData;

// What a library forgets to catch must not end the calls of this worker; what the legs themselves throw ends their call.
process.on('unhandledRejection', (reason) => {
  logError(reason, 'a promise of the media worker was rejected');
});
useHandshakeThread((reason) => logError(reason, 'the thread of the DTLS handshakes died'));

const [certificate, libraries] = await Promise.all([
  createCertificate(),
  loadLibraries(settings.systemLibraries ?? true, new OpenSockets(settings.openSockets)),
]);
const worker = new MediaWorker({
  settings,
  certificate,
  post: (message: WorkerMessage) => port.postMessage(message),
});
port.on('message', (message: RequestMessage) => worker.handle(message));
const priority = takePriority('ticks') ? 'high' : 'normal';
port.postMessage({ kind: 'ready', libraries: { ...libraries, priority } } satisfies WorkerMessage);

function logError(reason: unknown, message: string): void {
  const err = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
  port.postMessage({ kind: 'log', level: 'error', context: { err }, message } satisfies WorkerMessage);
}
