import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Codec } from '../../src/config/config.ts';
import { silentLog } from '../../src/log.ts';
import { createAudioDecoder, createAudioEncoder } from '../../src/media/audio-codec.ts';
import type { BridgeAnswer, BridgeOffer, MediaCall } from '../../src/media/media-engine.ts';
import { phoneMedia } from '../../src/media/phone-media.fixture.ts';
import { MediaPool } from '../../src/media/pool.ts';
import { writeRtp } from '../../src/media/rtp.ts';
import { loadOpus } from '../../src/media/worker/opus.ts';
import { dominant } from '../kit/analysis.ts';
import { type Bridge, startBridge } from '../kit/bridge.ts';
import { audioLevelUri } from '../kit/bridge-sdp.ts';
import type { BridgeEndpoint } from '../kit/media-bridge.ts';
import { type CallWithPhone, callWithPhone, endAfter, unwrap } from '../kit/media-call.ts';
import type { RtpPhone } from '../kit/rtp-phone.ts';
import { cut, type Sound, seconds } from '../kit/sound.ts';
import { tone } from '../kit/tone.ts';

const sources = new Map([
  [1001, 440],
  [1002, 620],
  [1003, 880],
]);
const ssrcs = [...sources.keys()];
const config = {
  minPort: 10_000,
  maxPort: 20_999,
  address: '0.0.0.0',
  publicAddress: undefined,
  stunServer: undefined,
  workers: 1,
};
const pool = new MediaPool({ config, log: silentLog });
/** As it is where neither libopus nor the socket calls of Linux are to be had. */
const portable = new MediaPool({
  config: { ...config, minPort: 21_000, maxPort: 31_999, systemLibraries: false },
  log: silentLog,
});
let bridge: Bridge;

before(async () => {
  bridge = await startBridge();
  await Promise.all([pool.start(), portable.start()]);
});
after(async () => {
  await Promise.all([pool.stop(), portable.stop()]);
  await bridge.stop();
});

for (const [kind, engine, room] of [
  ['what this system has', pool, 'hear'],
  ['Node.js alone', portable, 'hear-portable'],
] as const) {
  test(`three conference sources and a phone hear each other through libwebrtc, with ${kind}`, async (t) => {
    const { call, phone } = await startCall(t, room, engine);
    const { endpoint } = await connect(t, call, room, ssrcs);
    speak(room);
    phone.say(tone(1000, 8000, 1, -15));
    await phone.recording.more(125);
    assert.deepEqual(frequencies(cut(phone.recording.heard(), -1)), [440, 620, 880]);
    assert.deepEqual(frequencies(await roomHears(room)), [1000]);
    const { bridge: leg, phone: phoneLeg } = await call.statistics();
    assert.deepEqual([leg.packetsLost, leg.dropped, phoneLeg.dropped], [0, {}, {}]);
    endpoint.close();
    await call.close();
    assert.deepEqual(engine.usage, { calls: 0, ports: 0 });
  });
}

test('two phones of one room hear what is signalled to each, also when the bridge numbers for each leg anew', async (t) => {
  const one = await startCall(t, 'pair');
  const two = await startCall(t, 'pair');
  await connect(t, one.call, 'pair', ssrcs, 'one');
  const second = await connect(t, two.call, 'pair', [1001], 'two');
  speak('pair');
  one.phone.say(undefined);
  two.phone.say(undefined);
  await two.phone.recording.more(100);
  assert.deepEqual(frequencies(cut(one.phone.recording.heard(), -1)), [440, 620, 880]);
  assert.deepEqual(frequencies(cut(two.phone.recording.heard(), -1)), [440]);
  await two.call.close();
  second.endpoint.close();
  await one.phone.recording.more(75);
  assert.deepEqual(frequencies(cut(one.phone.recording.heard(), -1)), [440, 620, 880]);
});

test('noise at the media ports is counted and changes nothing', async (t) => {
  const { call, phone, rtpPort } = await startCall(t, 'noise');
  const { icePort } = await connect(t, call, 'noise', ssrcs);
  speak('noise');
  phone.say(tone(1000, 8000, 1, -15));
  await phone.recording.more(50);
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  for (let count = 0; count < 2000; count += 1) {
    const datagram = randomBytes(1 + ((count * 7) % 300));
    datagram[0] = [0, 1, 22, 128, 144, 255, 20][count % 7] ?? 0;
    if (datagram.length >= 8 && count % 2 === 0) datagram.writeUInt32BE(0x2112a442, 4);
    socket.send(datagram, count % 3 === 0 ? rtpPort : icePort, '127.0.0.1');
    if (count % 50 === 0) await delay(5);
  }
  await phone.recording.more(75);
  assert.deepEqual(frequencies(cut(phone.recording.heard(), -1)), [440, 620, 880]);
  assert.deepEqual(frequencies(await roomHears('noise')), [1000]);
  const { phone: phoneLeg, bridge: leg } = await call.statistics();
  const refused = [phoneLeg, leg].map(({ dropped }) => Object.values(dropped).reduce((sum, n) => sum + n, 0));
  assert.ok((refused[0] ?? 0) > 400 && (refused[1] ?? 0) > 800, JSON.stringify([phoneLeg, leg]));
});

test('a source that nobody signalled is not heard until it is signalled', async (t) => {
  const { call, phone } = await startCall(t, 'signalled');
  await connect(t, call, 'signalled', [1001]);
  speak('signalled');
  phone.say(undefined);
  await phone.recording.more(100);
  assert.deepEqual(frequencies(cut(phone.recording.heard(), -1)), [440]);
  assert.ok(((await call.statistics()).bridge.dropped.unsignalled ?? 0) > 0);
  call.removeSources([1001]);
  call.addSources([1003]);
  await phone.recording.more(100);
  assert.deepEqual(frequencies(cut(phone.recording.heard(), -1)), [880]);
});

test('mute and hold stop the voice in their direction and keep the streams alive', async (t) => {
  const { call, phone } = await startCall(t, 'mute');
  await connect(t, call, 'mute', ssrcs);
  speak('mute');
  phone.say(tone(1000, 8000, 1, -15));
  await phone.recording.more(100);
  call.mute('phone', true);
  call.mute('room', true);
  await phone.recording.more(100);
  assert.deepEqual(frequencies(cut(phone.recording.heard(), -1)), [], 'a muted room still sends packets');
  await bridge.clear('mute');
  await phone.recording.more(50);
  assert.deepEqual(frequencies(await roomHears('mute')), []);
  call.mute('phone', false);
  call.mute('room', false);
  unwrap(await call.connectPhone(phoneMedia(phone.port, { direction: 'inactive' })));
  const before = phone.recording.packets.length;
  await bridge.clear('mute');
  await delay(600);
  assert.ok(phone.recording.packets.length - before <= 1, 'a held phone gets nothing');
  assert.deepEqual(frequencies(await roomHears('mute')), [], 'and is not heard');
  unwrap(await call.connectPhone(phoneMedia(phone.port)));
  await phone.recording.more(75);
  assert.deepEqual(frequencies(cut(phone.recording.heard(), -1)), [440, 620, 880]);
});

for (const { codec, payloadType } of [
  { codec: 'G722', payloadType: 9 },
  { codec: 'opus', payloadType: 107 },
] as const) {
  test(`a phone that changes to ${codec} in mid-call is heard and hears`, async (t) => {
    await loadOpus();
    const { call, phone } = await startCall(t, codec);
    await connect(t, call, codec, ssrcs);
    speak(codec);
    phone.say(tone(700, 8000, 1, -15));
    await phone.recording.more(25);
    phone.pause();
    const numbers = { codec, sendPayloadType: payloadType, receivePayloadType: payloadType };
    unwrap(await call.connectPhone(phoneMedia(phone.port, numbers)));
    phone.recording.clear();
    await bridge.clear(codec);
    await say(phone, codec, payloadType, 1000);
    assert.deepEqual(frequencies(await roomHears(codec)), [1000]);
    assert.deepEqual(frequencies(cut(await decoded(phone, codec, payloadType), -1)), [440, 620, 880]);
  });
}

test('a bridge whose certificate is not the signalled one gets no media', async (t) => {
  const { call } = await startCall(t, 'forged');
  const down = once(call, 'bridge-down');
  const value = Array.from({ length: 32 }, () => 'AB').join(':');
  const { offer, accept } = await allocate(t, 'forged', ssrcs);
  accept(unwrap(await call.connectBridge({ ...offer, fingerprint: { ...offer.fingerprint, value } })));
  const [why] = await down;
  assert.equal(why.code, 'dtls-failed');
  assert.match(why.detail, /fingerprint/);
  assert.equal(pool.usage.ports, 2, 'the ICE port is free again');
});

test('a bridge that disappears is noticed, and a new session carries on with the same phone', async (t) => {
  const { call, phone } = await startCall(t, 'lost');
  const first = await connect(t, call, 'lost', ssrcs);
  const down = once(call, 'bridge-down');
  first.endpoint.close();
  assert.equal((await down)[0].code, 'bridge-lost');
  await connect(t, call, 'lost', ssrcs);
  speak('lost');
  phone.say(tone(1000, 8000, 1, -15));
  await phone.recording.more(100);
  assert.deepEqual(frequencies(cut(phone.recording.heard(), -1)), [440, 620, 880]);
  call.closeBridge();
  await phone.recording.more(75);
  assert.deepEqual(frequencies(cut(phone.recording.heard(), -0.5)), [], 'silence, but packets');
});

async function startCall(t: TestContext, room: string, engine = pool): Promise<CallWithPhone> {
  const started = await callWithPhone(engine, room);
  endAfter(t, started);
  return started;
}

/** A Jingle session between the bridge and the gateway leg `nick`; resolves when media flows. */
async function connect(
  t: TestContext,
  call: MediaCall,
  room: string,
  signalled: readonly number[],
  nick = 'phone',
) {
  const { offer, accept, endpoint } = await allocate(t, room, signalled, nick);
  const up = once(call, 'bridge-up');
  const answer = unwrap(await call.connectBridge(offer));
  accept(answer);
  await up;
  return { endpoint, icePort: answer.transport.candidates[0]?.port ?? 0 };
}

async function allocate(t: TestContext, room: string, signalled: readonly number[], nick = 'phone') {
  await bridge.ask({ verb: 'sources', room, nick: 'others', ssrcs });
  const endpoint: BridgeEndpoint = await bridge.allocate(room, nick, 'gateway');
  t.after(() => endpoint.close());
  const { ufrag, pwd, fingerprint, candidates } = endpoint.transport;
  const offer: BridgeOffer = {
    transport: {
      ufrag,
      pwd,
      candidates: candidates.map(({ ip, port, priority }) => {
        return { foundation: '1', priority, address: ip, port, type: 'host' };
      }),
    },
    fingerprint: { ...fingerprint, setup: 'actpass' },
    opusPayloadType: 111,
    telephoneEventPayloadType: 126,
    audioLevelId: 1,
    sources: signalled,
  };
  const accept = ({ transport, fingerprint, ssrc }: BridgeAnswer) =>
    endpoint.accept({
      ...transport,
      fingerprint,
      opusPayloadType: 111,
      headerExtensions: new Map([[audioLevelUri, 1]]),
      ssrcs: [ssrc],
    });
  return { endpoint, offer, accept };
}

/** Sends two seconds of a tone in a codec that the kit's phone does not speak. */
async function say(phone: RtpPhone, codec: Codec, payloadType: number, hz: number): Promise<void> {
  const encoder = createAudioEncoder(codec);
  await delay(20);
  const { samples } = tone(hz, encoder.rate, 1, -15);
  const length = encoder.rate / 50;
  const started = performance.now();
  for (let count = 0; count < 100; count += 1) {
    const at = (count % 50) * length;
    const packet = Buffer.alloc(1500);
    const numbers = {
      payloadType,
      sequence: count,
      timestamp: (count * encoder.clockRate) / 50,
      ssrc: phone.ssrc,
    };
    const start = writeRtp(packet, { ...numbers, marker: false, audioLevel: -1, voice: false });
    const bytes = encoder.encode(samples.subarray(at, at + length), packet, start);
    phone.sendRaw(packet.subarray(0, start + bytes));
    await delay(Math.max(0, started + (count + 1) * 20 - performance.now()));
  }
  encoder.close();
}

/** What the phone got in that codec. */
async function decoded(phone: RtpPhone, codec: Codec, payloadType: number): Promise<Sound> {
  const decoder = createAudioDecoder(codec);
  await delay(20);
  const packets = phone.recording.packets.filter((packet) => packet.payloadType === payloadType);
  const samples = new Int16Array(packets.length * decoder.rate);
  const length = packets.reduce((end, { payload }) => end + decoder.decode(payload, samples, end), 0);
  return { rate: decoder.rate, samples: samples.subarray(0, length) };
}

/** Makes each source say its own tone. */
function speak(room: string): void {
  for (const [ssrc, hz] of sources) {
    bridge.speak(room, ssrc, { samples: tone(hz, 48_000, 1, -20).samples, loop: true });
  }
}

async function roomHears(room: string): Promise<Sound> {
  const samples = (await bridge.heard(room, 'phone'))?.samples ?? new Int16Array();
  return cut({ rate: 48_000, samples }, -1);
}

/** What is heard, to 10 Hz; a room to which nothing is sent records nothing. */
function frequencies(sound: Sound): number[] {
  if (seconds(sound) < 0.3) return [];
  return dominant(sound, 5, 14)
    .map((peak) => Math.round(peak.hz / 10) * 10)
    .sort((a, b) => a - b);
}
