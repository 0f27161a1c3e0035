import type { BridgeRequest } from './bridge-protocol.ts';
import { BridgeRooms } from './bridge-rooms.ts';
import { processLoad } from './process-load.ts';

// The bridge's own process. libwebrtc keeps a process alive after its connections are closed, and may crash it at its end:
// so it lives alone, and is ended with SIGKILL.

let rooms: BridgeRooms | undefined;

async function perform(request: BridgeRequest): Promise<unknown> {
  if (request.verb === 'start') {
    rooms = new BridgeRooms(request.address, request.payloadTypes, (event, room, subject) => {
      process.send?.({ event, room, subject });
    });
    return undefined;
  }
  if (rooms === undefined) throw new Error('not started');
  switch (request.verb) {
    case 'allocate':
      return rooms.allocate(request.key, request.room, request.nick);
    case 'accept':
      return rooms.accept(request.key, request.answer);
    case 'leg-sources':
      return rooms.legSources(request.key, request.ssrcs);
    case 'close':
      return rooms.close(request.key);
    case 'sources':
      return rooms.setSources(request.room, request.nick, request.ssrcs);
    case 'speak':
      return rooms.speak(request.room, request.ssrc, request.speech);
    case 'impair':
      return rooms.impair(request.impairment);
    case 'heard':
      return rooms.heard(request.room, request.nick);
    case 'clear':
      return rooms.clear(request.room);
    case 'statistics':
      return rooms.statistics(request.room, request.nick);
    case 'trace':
      return rooms.trace();
    case 'traced':
      return rooms.traced(request.room, request.nick);
    case 'load':
      return processLoad();
  }
}

process.on('message', ({ id, request }: { id: number; request: BridgeRequest }) => {
  perform(request).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
