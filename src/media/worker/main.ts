import { parentPort, workerData } from 'node:worker_threads';
import { nodeCiphers, usePacketCiphers } from '../packet-ciphers.ts';
import type { RequestMessage, WorkerMessage, WorkerSettings } from '../protocol.ts';
import { loadLibcrypto } from './libcrypto.ts';
import { MediaWorker } from './media-worker.ts';
import { OpenSockets } from './open-sockets.ts';
import { loadOpus } from './opus.ts';
import { useSystemSockets } from './udp-socket.ts';
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

const [certificate] = await Promise.all([
  createCertificate(),
  loadOpus(),
  useSystemSockets(new OpenSockets(settings.openSockets)),
  loadLibcrypto().then((ciphers) => usePacketCiphers(ciphers ?? nodeCiphers)),
]);
const worker = new MediaWorker({
  settings,
  certificate,
  post: (message: WorkerMessage) => port.postMessage(message),
});
port.on('message', (message: RequestMessage) => worker.handle(message));
port.postMessage({ kind: 'ready' } satisfies WorkerMessage);
