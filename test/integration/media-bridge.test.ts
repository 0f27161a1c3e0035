import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MediaConfig } from '../../src/config/config.ts';
import { silentLog } from '../../src/log.ts';
import type { BridgeOffer, MediaCall, PhoneMedia } from '../../src/media/media-engine.ts';
import { MediaPool } from '../../src/media/pool.ts';
import { dominant } from '../kit/analysis.ts';
import { BridgeLeg } from '../kit/bridge-leg.ts';
import { audioLevelUri } from '../kit/bridge-sdp.ts';
import { RtpPhone } from '../kit/rtp-phone.ts';
import { cut, mix, type Sound } from '../kit/sound.ts';
import { tone } from '../kit/tone.ts';

const config: MediaConfig = {
  minPort: 10_000,
  maxPort: 29_999,
  address: '0.0.0.0',
  publicAddress: undefined,
  stunServer: undefined,
  workers: 1,
};
const numbers = { opus: 111, telephoneEvent: 126 };
const ssrcs = [1001, 1002, 1003];
const hz = [440, 620, 880];
const pool = new MediaPool({ config, log: silentLog });

before(() => pool.start());
after(() => pool.stop());

test('three conference sources and a phone hear each other through libwebrtc', async (t) => {
  const phone = await RtpPhone.open();
  t.after(() => phone.close());
  const call = await openCall('first');
  const { rtpPort } = unwrap(await call.openPhone());
  phone.remote = { address: '127.0.0.1', port: rtpPort };
  unwrap(await call.connectPhone(phoneMedia(phone.port)));
  const bridge = await connect(call);
  t.after(() => bridge.close());
  const stopPump = pump(bridge);
  phone.say(tone(1000, 8000, 1, -15));
  await delay(2500);
  const statistics = await call.statistics();
  stopPump();

  const heardByPhone = phone.recording.sound();
  assert.deepEqual(frequencies(cut(heardByPhone, -1)), hz);
  const heardByRoom = bridge.recording.sound();
  assert.deepEqual(frequencies(cut(heardByRoom, -1)), [1000]);
  assert.equal(statistics.bridge.packetsLost, 0);
  assert.equal(statistics.sources.length, 3);
  await call.close();
  assert.deepEqual(pool.usage, { calls: 0, ports: 0 });
});

async function openCall(callId: string): Promise<MediaCall> {
  return unwrap(await pool.open(callId, `room-of-${callId}`));
}

async function connect(call: MediaCall): Promise<BridgeLeg> {
  const bridge = new BridgeLeg(numbers, () => {}, () => {});
  const { ufrag, pwd, fingerprint, candidates } = await bridge.open('127.0.0.1', ssrcs);
  const offer: BridgeOffer = {
    transport: {
      ufrag,
      pwd,
      candidates: candidates.map(({ ip, port, priority }) => ({
        foundation: '1',
        priority,
        address: ip,
        port,
        type: 'host',
      })),
    },
    fingerprint: { ...fingerprint, setup: 'actpass' },
    opusPayloadType: numbers.opus,
    telephoneEventPayloadType: numbers.telephoneEvent,
    audioLevelId: 1,
    sources: ssrcs,
  };
  const up = once(call, 'bridge-up');
  const answer = unwrap(await call.connectBridge(offer));
  bridge.accept({
    ...answer.transport,
    fingerprint: answer.fingerprint,
    opusPayloadType: numbers.opus,
    headerExtensions: new Map([[audioLevelUri, 1]]),
    ssrcs: [answer.ssrc],
  });
  await up;
  return bridge;
}

/** Feeds each source its own tone, 10 ms at a time, for as long as the answered function is not called. */
function pump(bridge: BridgeLeg): () => void {
  const tones = hz.map((frequency) => tone(frequency, 48_000, 1, -20).samples);
  const started = performance.now();
  let frames = 0;
  const timer = setInterval(() => {
    for (; frames * 10 < performance.now() - started; frames += 1) {
      ssrcs.forEach((ssrc, index) => {
        const at = (frames % 100) * 480;
        bridge.push(ssrc, tones[index]?.slice(at, at + 480) ?? new Int16Array(480));
      });
    }
  }, 10);
  return () => clearInterval(timer);
}

function phoneMedia(port: number): PhoneMedia {
  return {
    remote: { address: '127.0.0.1', port, rtcpPort: port + 1 },
    codec: 'PCMU',
    sendPayloadType: 0,
    receivePayloadType: 0,
    telephoneEvent: { payloadType: 101, clockRate: 8000 },
    ptimeMs: 20,
    direction: 'sendrecv',
  };
}

function frequencies(sound: Sound): number[] {
  return dominant(mix(sound), 5, 20)
    .map((peak) => Math.round(peak.hz / 10) * 10)
    .sort((a, b) => a - b);
}

function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!result.ok) assert.fail(JSON.stringify(result.error));
  return result.value;
}
