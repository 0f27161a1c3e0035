import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalAudio } from './audio-session.ts';
import { newSrtpKeys, readCrypto } from './crypto-attribute.ts';
import { answerOffer, readAnswer, writeOffer } from './offer-answer.ts';

const theirKey = Buffer.alloc(30, 7).toString('base64');
const inline = `inline:${theirKey}`;

test('lines that phones send are read', () => {
  for (const [line, tag, suite] of [
    [`1 AES_CM_128_HMAC_SHA1_80 ${inline}`, 1, 'AES_CM_128_HMAC_SHA1_80'],
    [`2 AES_CM_128_HMAC_SHA1_32 ${inline}|2^20`, 2, 'AES_CM_128_HMAC_SHA1_32'],
    [`10 aes_cm_128_hmac_sha1_80 ${inline}|1048576 WSH=128 KDR=0`, 10, 'AES_CM_128_HMAC_SHA1_80'],
  ] as const) {
    assert.deepEqual(readCrypto(line), { tag, suite, key: theirKey }, line);
  }
});

test('lines that ask for what we cannot do, or are broken, are passed over', () => {
  for (const line of [
    `1 AES_256_CM_HMAC_SHA1_80 ${inline}`,
    `1 F8_128_HMAC_SHA1_80 ${inline}`,
    `1 AES_CM_128_HMAC_SHA1_80 ${inline}|2^20|1:4`,
    `1 AES_CM_128_HMAC_SHA1_80 ${inline};${inline}`,
    `1 AES_CM_128_HMAC_SHA1_80 ${inline} UNENCRYPTED_SRTP`,
    `1 AES_CM_128_HMAC_SHA1_80 ${inline} WSH=64 UNAUTHENTICATED_SRTP`,
    `1 AES_CM_128_HMAC_SHA1_80 ${inline} KDR=1`,
    '1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=',
    '1 AES_CM_128_HMAC_SHA1_80',
    `x AES_CM_128_HMAC_SHA1_80 ${inline}`,
    '',
  ]) {
    assert.equal(readCrypto(line), undefined, line);
  }
});

const keys = newSrtpKeys();
const us = (policy: 'off' | 'optional' | 'required'): LocalAudio => ({
  address: '198.51.100.2',
  rtpPort: 10_000,
  codecs: ['PCMU'],
  sessionId: 7,
  version: 1,
  srtp: policy === 'off' ? undefined : { policy, keys },
});

const body = (protocol: string, ...crypto: string[]): string =>
  [
    ...['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0'],
    `m=audio 4000 ${protocol} 0`,
    ...crypto.map((value) => `a=crypto:${value}`),
    '',
  ].join('\r\n');

const sha80 = `1 AES_CM_128_HMAC_SHA1_80 ${inline}`;
const sha32 = `2 AES_CM_128_HMAC_SHA1_32 ${inline}`;

test('an offer is answered as the policy says', () => {
  const cases: readonly (readonly ['off' | 'optional' | 'required', string, string | undefined])[] = [
    ['off', body('RTP/AVP'), 'plain'],
    ['off', body('RTP/AVP', sha80), 'plain'],
    ['off', body('RTP/SAVP', sha80), undefined],
    ['optional', body('RTP/AVP'), 'plain'],
    ['optional', body('RTP/AVP', sha80), 'AES_CM_128_HMAC_SHA1_80'],
    ['optional', body('RTP/SAVP', sha32, sha80), 'AES_CM_128_HMAC_SHA1_32'],
    ['optional', body('RTP/SAVPF', `1 UNKNOWN ${inline}`, sha32), 'AES_CM_128_HMAC_SHA1_32'],
    ['optional', body('RTP/SAVP'), undefined],
    ['optional', body('UDP/TLS/RTP/SAVPF', sha80), undefined],
    ['required', body('RTP/AVP'), undefined],
    ['required', body('RTP/SAVP', `1 UNKNOWN ${inline}`), undefined],
    ['required', body('RTP/SAVP', sha80), 'AES_CM_128_HMAC_SHA1_80'],
  ];
  for (const [policy, offer, expected] of cases) {
    const answered = answerOffer(offer, us(policy));
    const got = answered.ok ? (answered.value.audio.srtp?.profile ?? 'plain') : undefined;
    assert.equal(got, expected, `${policy}: ${offer.split('\r\n').slice(5).join(' ')}`);
  }
});

test('each side sends with its own key, under the tag and the protocol of the offer', () => {
  const answered = answerOffer(body('RTP/SAVP', sha32), us('optional'));
  assert.ok(answered.ok);
  const { sdp, audio } = answered.value;
  const own = keys.AES_CM_128_HMAC_SHA1_32;
  assert.deepEqual(audio.srtp, {
    profile: 'AES_CM_128_HMAC_SHA1_32',
    sendKey: own,
    receiveKey: theirKey,
  });
  assert.match(sdp, /^m=audio 10000 RTP\/SAVP 0\r$/m);
  assert.ok(sdp.includes(`a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:${own}\r\n`));
  assert.equal(sdp.match(/a=crypto/g)?.length, 1);
  assert.ok(!sdp.includes(theirKey));
});

test('two lines for the same audio, the secure one first: that one is taken', () => {
  const both = `${body('RTP/SAVP', sha80)}m=audio 4002 RTP/AVP 0\r\n`;
  const secure = answerOffer(both, us('optional'));
  assert.ok(secure.ok && secure.value.audio.srtp !== undefined && secure.value.audio.remote.port === 4000);
  const plain = answerOffer(both, us('off'));
  assert.ok(plain.ok && plain.value.audio.srtp === undefined && plain.value.audio.remote.port === 4002);
});

test('our offer has keys as the policy says, and the answer decides', () => {
  assert.doesNotMatch(writeOffer(us('off')), /crypto/);
  assert.match(writeOffer(us('optional')), /^m=audio 10000 RTP\/AVP /m);
  assert.match(writeOffer(us('required')), /^m=audio 10000 RTP\/SAVP /m);
  for (const [policy, answer, expected] of [
    ['optional', body('RTP/AVP'), 'plain'],
    ['optional', body('RTP/AVP', sha80), 'AES_CM_128_HMAC_SHA1_80'],
    ['optional', body('RTP/SAVP', sha32), 'AES_CM_128_HMAC_SHA1_32'],
    ['optional', body('RTP/AVP', `9 AES_CM_128_HMAC_SHA1_80 ${inline}`), undefined],
    ['required', body('RTP/SAVP', sha80), 'AES_CM_128_HMAC_SHA1_80'],
    ['required', body('RTP/AVP'), undefined],
    ['required', body('RTP/SAVP'), undefined],
    ['off', body('RTP/SAVP', sha80), undefined],
  ] as const) {
    const read = readAnswer(answer, us(policy));
    const got = read.ok ? (read.value.srtp?.profile ?? 'plain') : undefined;
    assert.equal(got, expected, `${policy}: ${answer.split('\r\n').slice(5).join(' ')}`);
  }
});

test('a later offer of ours keeps the protocol and the keys, so that the streams go on', () => {
  const answered = answerOffer(body('RTP/SAVP', sha80), us('optional'));
  assert.ok(answered.ok);
  const offer = writeOffer(us('optional'), answered.value.sdp);
  assert.match(offer, /^m=audio 10000 RTP\/SAVP /m);
  assert.ok(offer.includes(keys.AES_CM_128_HMAC_SHA1_80));
});
