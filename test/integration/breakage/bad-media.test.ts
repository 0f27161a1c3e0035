import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { levelAt } from '../../kit/analysis.ts';
import { ownAddress } from '../../kit/bridge.ts';
import { Constellation } from '../../kit/constellation.ts';
import { ulawEncode } from '../../kit/g711.ts';
import { cut } from '../../kit/sound.ts';
import { tone } from '../../kit/tone.ts';
import { finish, startTalk, type Talk } from './talk.ts';

let stage: Constellation;
let talk: Talk;
let sprayer: Socket;
/** Datagrams that the sprayer got. */
let caught = 0;
let rtp = 0;
let ice = 0;

before(async () => {
  stage = await Constellation.start();
  talk = await startTalk(stage, 'steady');
  sprayer = createSocket('udp4');
  sprayer.on('message', () => {
    caught += 1;
  });
  sprayer.bind(0, '127.0.0.2');
  await once(sprayer, 'listening');
  rtp = talk.call.remoteSdp?.port ?? 0;
  ice = stage.gateway.mediaPorts().find((port) => port !== rtp && port !== rtp + 1) ?? 0;
});
after(async () => {
  sprayer.close();
  await finish(stage);
});

const voice = Buffer.from(Array.from(tone(2000, 8000, 0.02, -6).samples, ulawEncode));
const forged = 2000; // Hz

function rtpPacket(fields: { type: number; sequence: number; ssrc: number; payload?: Buffer }): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = fields.type;
  header.writeUInt16BE(fields.sequence & 0xffff, 2);
  header.writeUInt32BE((fields.sequence * 160) >>> 0, 4);
  header.writeUInt32BE(fields.ssrc >>> 0, 8);
  return Buffer.concat([header, fields.payload ?? voice]);
}

/** Sends in step with the phone's own packets, a few for each of them. */
async function spray(from: Socket, port: number, to: string, packets: Iterable<Buffer>): Promise<void> {
  let count = 0;
  for (const packet of packets) {
    from.send(packet, port, to);
    count += 1;
    if (count % 10 === 0) await talk.call.audio.recording.more(1);
  }
}

async function unharmed(): Promise<void> {
  await talk.bothWays();
  const heard = await talk.alice.heard(talk.nick);
  assert.ok(levelAt(cut(heard, -0.3), forged) < -50, 'the room does not hear the stranger');
}

function* rtpOf(type: number, ssrc: () => number): Iterable<Buffer> {
  for (let n = 0; n < 500; n += 1) yield rtpPacket({ type, sequence: n, ssrc: ssrc() });
}

test('RTP from another address never gets the phone’s media and is never heard', async () => {
  const steady = 0x5eed;
  await spray(
    sprayer,
    rtp,
    '127.0.0.1',
    rtpOf(0, () => steady),
  );
  await spray(
    sprayer,
    rtp,
    '127.0.0.1',
    rtpOf(0, () => talk.call.audio.ssrc),
  );
  await spray(
    sprayer,
    rtp,
    '127.0.0.1',
    rtpOf(8, () => randomBytes(4).readUInt32BE()),
  );
  assert.equal(caught, 0, 'not one packet went to the stranger');
  await unharmed();
});

test('random bytes and broken RTP at the RTP and RTCP ports', async () => {
  function* rubbish(): Iterable<Buffer> {
    for (let n = 0; n < 500; n += 1) {
      const bytes = randomBytes(n * 3);
      if (n > 0 && n % 3 > 0) bytes[0] = [0x80, 0x90, 0xbf, 0x8f][n % 4] as number;
      yield bytes;
    }
  }
  for (const port of [rtp, rtp + 1]) {
    await spray(sprayer, port, '127.0.0.1', rubbish());
    // The phone's own address, as on a path that carries other things too.
    for (const packet of rubbish()) if ((packet[0] ?? 0) < 0x80) talk.call.audio.sendRaw(packet);
  }
  assert.equal(caught, 0);
  await unharmed();
});

test('from the phone’s own address: another payload type and an RTCP goodbye change nothing', async () => {
  const { ssrc } = talk.call.audio;
  for (let n = 0; n < 100; n += 1) {
    talk.call.audio.sendRaw(rtpPacket({ type: 96 + (n % 20), sequence: n, ssrc: 7 }));
    const bye = Buffer.from([0x81, 203, 0, 1, 0, 0, 0, 0]);
    bye.writeUInt32BE(ssrc, 4);
    sprayer.send(bye, rtp + 1, '127.0.0.1');
  }
  await unharmed();
});

/** STUN, DTLS, RTP and nonsense as the first byte says (RFC 7983), none of it from the bridge. */
function* forgeries(): Iterable<Buffer> {
  for (let n = 0; n < 400; n += 1) {
    yield [
      stunRequest,
      clientHello,
      () => rtpPacket({ type: 111, sequence: n, ssrc: 1 }),
      () => randomBytes(n),
    ][n % 4]?.() as Buffer;
  }
}

test('forged STUN, DTLS from elsewhere and rubbish at the ICE port: no answer, and the bridge stays the bridge', async () => {
  const near = createSocket('udp4');
  let answers = 0;
  near.on('message', () => {
    answers += 1;
  });
  near.bind(0, ownAddress());
  await once(near, 'listening');
  await spray(near, ice, ownAddress(), forgeries());
  await spray(sprayer, ice, '127.0.0.1', forgeries());
  near.close();
  assert.equal(answers + caught, 0, 'strangers get no answer at all');
  await unharmed();
});

test('through all of that neither side lost a packet or heard a pause', async () => {
  await talk.phoneLostNothing();
  await talk.roomLostNothing();
});

/** A binding request with USE-CANDIDATE and a wrong MESSAGE-INTEGRITY (RFC 8489 §14.5). */
function stunRequest(): Buffer {
  const attribute = (type: number, value: Buffer) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(value.length, 2);
    return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
  };
  const attributes = Buffer.concat([
    attribute(0x0006, Buffer.from('aaaa:bbbb')),
    attribute(0x0025, Buffer.alloc(0)),
    attribute(0x802a, randomBytes(8)),
    attribute(0x0024, Buffer.from([110, 0, 1, 255])),
    attribute(0x0008, randomBytes(20)),
  ]);
  const head = Buffer.alloc(20);
  head.writeUInt16BE(1, 0);
  head.writeUInt16BE(attributes.length, 2);
  head.writeUInt32BE(0x2112a442, 4);
  randomBytes(12).copy(head, 8);
  return Buffer.concat([head, attributes]);
}

/** A DTLS 1.2 record with the beginning of a ClientHello (RFC 6347 §4.2.2). */
function clientHello(): Buffer {
  const body = Buffer.concat([
    Buffer.from([0xfe, 0xfd]),
    randomBytes(32),
    Buffer.from([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]),
  ]);
  const handshake = Buffer.alloc(12);
  handshake[0] = 1;
  handshake.writeUIntBE(body.length, 1, 3);
  handshake.writeUIntBE(body.length, 9, 3);
  const record = Buffer.alloc(13);
  record.set([22, 0xfe, 0xfd]);
  record.writeUInt16BE(handshake.length + body.length, 11);
  return Buffer.concat([record, handshake, body]);
}
