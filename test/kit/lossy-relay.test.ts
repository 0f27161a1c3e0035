import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { writeRtp } from '../../src/media/rtp.ts';
import { LossyRelay } from './lossy-relay.ts';

const packets = 400;
const fields = { marker: false, payloadType: 0, timestamp: 0, ssrc: 7, audioLevel: -1, voice: false };

function rtp(sequence: number): Buffer {
  const packet = Buffer.alloc(20);
  writeRtp(packet, { ...fields, sequence });
  return packet;
}

test('the relay loses RTP on its way to the gateway, says which, and lets everything else pass', async (context) => {
  const [end, gateway] = [createSocket('udp4'), createSocket('udp4')];
  const bound = Promise.all([once(end, 'listening'), once(gateway, 'listening')]);
  end.bind(0, '127.0.0.1');
  gateway.bind(0, '127.0.0.1');
  await bound;
  const relay = await LossyRelay.open({ address: '127.0.0.1', port: end.address().port });
  context.after(() => {
    for (const socket of [end, gateway, relay]) socket.close();
  });
  relay.impair({ seed: 3, lossPercent: 10 }, {});
  const came: number[] = [];
  const over = new Promise<void>((resolve) => {
    gateway.on('message', (packet) => {
      if (packet[0] === 0) resolve();
      else came.push(packet.readUInt16BE(2));
    });
  });
  gateway.send(rtp(0), relay.portForGateway, '127.0.0.1');
  await once(end, 'message'); // towards the end all is well, and now the relay knows the gateway
  for (let sequence = 0; sequence < packets; sequence += 1) {
    end.send(rtp(sequence), relay.portForEnd, '127.0.0.1');
    if (sequence % 20 === 0) await new Promise(setImmediate);
  }
  end.send(Buffer.from([0, 1, 0, 0]), relay.portForEnd, '127.0.0.1'); // STUN
  await over;
  const lost = relay.lost.toGateway.map(({ sequence }) => sequence);
  assert.deepEqual(
    [...came, ...lost].sort((a, b) => a - b),
    [...Array(packets).keys()],
  );
  assert.ok(lost.length > packets * 0.05 && lost.length < packets * 0.15, `${lost.length} lost`);
});
