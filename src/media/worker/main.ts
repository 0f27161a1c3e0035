import { parentPort, workerData } from 'node:worker_threads';
import type { RequestMessage, WorkerMessage, WorkerSettings } from '../protocol.ts';
import { loadLibraries } from './libraries.ts';
import { MediaWorker } from './media-worker.ts';
import { OpenSockets } from './open-sockets.ts';
import { createCertificate } from './werift.ts';

if (parentPort === null) throw new Error('this file is started by src/media/worker-thread.ts');
const port = parentPort;
const settings: WorkerSettings = workerData;

// What a library forgets to catch must not end the calls of this worker; what the legs themselves throw ends their call.
process.on('unhandledRejection', (reason) => {
  const err = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
  const message = 'a promise of the media worker was rejected';
  port.postMessage({ kind: 'log', level: 'error', context: { err }, message } satisfies WorkerMessage);
});

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
port.postMessage({ kind: 'ready', libraries } satisfies WorkerMessage);
