import { parentPort } from 'node:worker_threads';
import { DtlsHandshake } from './dtls.ts';
import type { HandshakeMessage, HandshakeRequest, PlainKeys } from './handshakes.ts';
import { useNativeP256 } from './p256.ts';
import { takePriority } from './thread-priority.ts';
import { offerOnlyP256, type SrtpKeys } from './werift.ts';

if (parentPort === null) throw new Error('this file is started by handshakes.ts');
const port = parentPort;

const tickMs = 20;

const legs = new Map<number, DtlsHandshake>();
let ticking: NodeJS.Timeout | undefined;

function answer(message: HandshakeMessage): void {
  port.postMessage(message);
}

function serve(request: HandshakeRequest): void {
  const { leg } = request;
  switch (request.verb) {
    case 'start':
      start(request);
      break;
    case 'receive':
      legs.get(leg)?.receive(Buffer.from(request.datagram.buffer));
      answer({ leg, kind: 'received' });
      break;
    case 'close':
      forget(leg);
  }
}

function start({ leg, certificate, expected, profiles }: HandshakeRequest & { verb: 'start' }): void {
  const handshake = new DtlsHandshake({
    certificate,
    expected,
    profiles,
    transmit: (datagram) => answer({ leg, kind: 'transmit', datagram: Uint8Array.from(datagram) }),
    onKeys: (keys) => {
      answer({ leg, kind: 'keys', keys: plain(keys) });
      forget(leg);
    },
    onFailed: (detail) => fail(leg, detail),
    drop: (reason) => answer({ leg, kind: 'drop', reason }),
  });
  legs.set(leg, handshake);
  ticking ??= setInterval(tick, tickMs);
  handshake.start(performance.now());
}

function tick(): void {
  for (const handshake of legs.values()) handshake.tick(performance.now());
}

function fail(leg: number, detail: string): void {
  answer({ leg, kind: 'failed', detail });
  forget(leg);
}

function forget(leg: number): void {
  legs.get(leg)?.close();
  legs.delete(leg);
  if (legs.size > 0) return;
  clearInterval(ticking);
  ticking = undefined;
}

function plain({ profile, local, remote }: SrtpKeys): PlainKeys {
  return {
    profile,
    local: { key: Uint8Array.from(local.key), salt: Uint8Array.from(local.salt) },
    remote: { key: Uint8Array.from(remote.key), salt: Uint8Array.from(remote.salt) },
  };
}

// What werift forgets to catch belongs to a handshake that will time out; the others go on.
process.on('unhandledRejection', () => {});
takePriority('handshakes');
if (useNativeP256()) offerOnlyP256();

port.on('message', (request: HandshakeRequest) => {
  try {
    serve(request);
  } catch (error) {
    fail(request.leg, error instanceof Error ? error.message : String(error));
  }
});
