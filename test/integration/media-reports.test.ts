import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { newRtpHeader, writeRtp } from '../../src/media/rtp.ts';
import { bridgeOf, callWithPhone, endAfter, poolOfFile } from '../kit/media-call.ts';
import { until } from '../kit/until.ts';

// What the legs of one room say about what they receive, seen packet by packet.

const pool = poolOfFile();

const source = 1001;
const opusSilence = Buffer.from([0xf8, 0xff, 0xfe]);

async function leg(t: TestContext, id: string) {
  const talk = await callWithPhone(pool, 'room', {}, id);
  endAfter(t, talk);
  return { bridge: await bridgeOf(t, talk.call, source), call: talk.call };
}

const numbered = (sequence: number) => ({
  sequence,
  timestamp: sequence * 960,
  ssrc: source,
  audioLevel: 20,
});

/** A packet with the clear header of a real one, that only its tag tells from it. */
function forged(sequence: number): Buffer {
  const packet = Buffer.alloc(60, 0x55);
  writeRtp(packet, { ...newRtpHeader(), payloadType: 111, ...numbered(sequence) }, 1);
  return packet;
}

test('forged copies of what another leg received change nothing in the reports', async (t) => {
  const [first, second] = [await leg(t, 'first'), await leg(t, 'second')];
  const packets = 200;
  for (let sequence = 1; sequence <= packets; sequence += 1) {
    first.bridge.send(numbered(sequence), opusSilence);
    while ((await first.call.statistics()).sources[0]?.packetsReceived !== sequence) await immediate();
    for (let copy = 0; copy < 3; copy += 1) second.bridge.sendRaw(forged(sequence));
    if (sequence % 20 !== 10) second.bridge.send(numbered(sequence), opusSilence);
  }
  const refused = async () => Object.values((await second.call.statistics()).bridge.dropped);
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
  const sent = packets * 3 + (packets * 19) / 20;
  await until('all is counted', async () => {
    const { bridge } = await second.call.statistics();
    return sum(await refused()) + bridge.packetsReceived >= sent;
  });
  const { sources, bridge } = await second.call.statistics();
  assert.ok((bridge.dropped.shared ?? 0) > 500, JSON.stringify(bridge));
  const packetsLost = sources[0]?.packetsLost ?? -1;
  assert.ok(packetsLost >= 0 && packetsLost <= packets / 20, `${packetsLost} lost`);
});
