import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AudioSession, LocalAudio } from './audio-session.ts';
import { answerOffer, readAnswer, writeOffer } from './offer-answer.ts';

const local: LocalAudio = {
  address: '198.51.100.2',
  rtpPort: 10_000,
  codecs: ['opus', 'G722', 'PCMU', 'PCMA'],
  sessionId: 7,
  version: 1,
};

const sdp = (...lines: string[]) =>
  `${['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', ...lines].join('\r\n')}\r\n`;

function answered(offer: string, us = local, previous?: AudioSession) {
  const result = answerOffer(offer, us, previous);
  assert.ok(result.ok, result.ok ? '' : result.error.detail);
  return { audio: result.value.audio, lines: result.value.sdp.split('\r\n') };
}

function read(answer: string, offer?: string, us = local) {
  const result = readAnswer(answer, us, offer);
  assert.ok(result.ok, result.ok ? '' : result.error.detail);
  return result.value;
}

const opusMap = 'a=rtpmap:96 opus/48000/2';

test('the codec and its numbers are the first of the offer that we know', async (t) => {
  const cases: Record<string, [string[], Partial<AudioSession>]> = {
    'static numbers without rtpmap': [['m=audio 4000 RTP/AVP 18 8 0'], { codec: 'PCMA', sendPayloadType: 8 }],
    'G.722 with its RTP clock': [['m=audio 4000 RTP/AVP 9', 'a=rtpmap:9 G722/8000'], { codec: 'G722' }],
    'G.722 with its sampling rate, as some phones write': [
      ['m=audio 4000 RTP/AVP 9', 'a=rtpmap:9 G722/16000'],
      { codec: 'G722' },
    ],
    'opus under the number of the offer': [
      ['m=audio 4000 RTP/AVP 96 0', opusMap],
      { codec: 'opus', sendPayloadType: 96, receivePayloadType: 96 },
    ],
    'names in any case, one channel written out': [
      ['m=audio 4000 RTP/AVP 97', 'a=rtpmap:97 pcma/8000/1'],
      { codec: 'PCMA', sendPayloadType: 97 },
    ],
    'a dynamic number for a static codec beside another use of the static one': [
      ['m=audio 4000 RTP/AVP 0', 'a=rtpmap:0 PCMA/8000'],
      { codec: 'PCMA', sendPayloadType: 0 },
    ],
    'not a PCMU of another rate': [
      ['m=audio 4000 RTP/AVP 96 8', 'a=rtpmap:96 PCMU/16000'],
      { codec: 'PCMA' },
    ],
    'not a dynamic number without rtpmap': [['m=audio 4000 RTP/AVP 96 8'], { codec: 'PCMA' }],
    AVPF: [['m=audio 4000 RTP/AVPF 0', 'a=rtcp-fb:* nack'], { codec: 'PCMU' }],
  };
  for (const [name, [lines, expected]] of Object.entries(cases)) {
    await t.test(name, () => assert.partialDeepStrictEqual(answered(sdp(...lines)).audio, expected));
  }
});

test('our own order counts in answers when it is configured so', () => {
  const offer = sdp('m=audio 4000 RTP/AVP 0 8 9 96', opusMap);
  assert.equal(answered(offer).audio.codec, 'PCMU');
  assert.equal(answered(offer, { ...local, codecOrder: 'ours' }).audio.codec, 'opus');
  assert.equal(answered(offer, { ...local, codecs: ['PCMA'] }).audio.codec, 'PCMA');
});

test('pauses are for a phone that asks for them, or offers comfort noise', async (t) => {
  const opus = (fmtp: string) => ['m=audio 4000 RTP/AVP 96', opusMap, `a=fmtp:96 ${fmtp}`];
  const cases: Record<string, [string[], boolean, number | undefined]> = {
    'opus with usedtx': [opus('useinbandfec=1; usedtx=1'), true, undefined],
    'opus without': [opus('useinbandfec=1;usedtx=0;maxaveragebitrate=1'), false, undefined],
    'usedtx of another format': [[...opus('useinbandfec=1'), 'a=fmtp:97 usedtx=1'], false, undefined],
    'comfort noise by its fixed number': [['m=audio 4000 RTP/AVP 0 13'], false, 13],
    'comfort noise by another number': [
      ['m=audio 4000 RTP/AVP 8 98', 'a=rtpmap:98 CN/8000', 'a=rtpmap:8 PCMA/8000'],
      false,
      98,
    ],
    'comfort noise of another clock': [
      ['m=audio 4000 RTP/AVP 0 98', 'a=rtpmap:98 CN/16000'],
      false,
      undefined,
    ],
    'comfort noise beside opus': [['m=audio 4000 RTP/AVP 96 13', opusMap], false, undefined],
    neither: [['m=audio 4000 RTP/AVP 0'], false, undefined],
  };
  for (const [name, [lines, dtx, noise]] of Object.entries(cases)) {
    await t.test(name, () => {
      const { audio, lines: answer } = answered(sdp(...lines));
      assert.equal(audio.dtx === true, dtx);
      assert.equal(audio.comfortNoise, noise);
      const maps = answer.filter((line) => line.includes(' CN/'));
      assert.deepEqual(maps, noise === undefined ? [] : [`a=rtpmap:${noise} CN/8000`]);
      const formats = answer.find((line) => line.startsWith('m='))?.split(' ') ?? [];
      assert.equal(formats.includes(String(noise)), noise !== undefined);
    });
  }
});

test('keypad events use the clock of the codec, or the only one that is offered', async (t) => {
  const events = ['a=rtpmap:101 telephone-event/8000', 'a=rtpmap:102 telephone-event/48000'];
  const cases: Record<string, [string[], AudioSession['telephoneEvent']]> = {
    'PCMU with both': [
      ['m=audio 4000 RTP/AVP 0 102 101', ...events],
      { payloadType: 101, receivePayloadType: 101, clockRate: 8000 },
    ],
    'opus with both': [
      ['m=audio 4000 RTP/AVP 96 101 102', opusMap, ...events],
      { payloadType: 102, receivePayloadType: 102, clockRate: 48_000 },
    ],
    'opus with 8000 only': [
      ['m=audio 4000 RTP/AVP 96 101', opusMap, ...events],
      { payloadType: 101, receivePayloadType: 101, clockRate: 8000 },
    ],
    none: [['m=audio 4000 RTP/AVP 0'], undefined],
  };
  for (const [name, [lines, expected]] of Object.entries(cases)) {
    await t.test(name, () => assert.deepEqual(answered(sdp(...lines)).audio.telephoneEvent, expected));
  }
});

test('the whole answer: one codec, one event format, the rest refused in its place', () => {
  const { lines } = answered(
    sdp(
      'b=AS:84',
      'a=group:BUNDLE 0 1',
      'm=video 5000 RTP/AVP 100',
      'a=rtpmap:100 H264/90000',
      'm=audio 4000 RTP/AVP 96 0 101',
      opusMap,
      'a=rtpmap:101 telephone-event/8000',
      'a=rtcp-mux',
      'a=ptime:20',
      'm=audio 4002 RTP/AVP 0',
      'm=image 4004 udptl t38',
    ).replace('t=0 0', 't=10 20'),
  );
  assert.deepEqual(lines, [
    'v=0',
    'o=- 7 1 IN IP4 198.51.100.2',
    's=-',
    'c=IN IP4 198.51.100.2',
    't=10 20',
    'm=video 0 RTP/AVP 100',
    'm=audio 10000 RTP/AVP 96 101',
    'a=rtpmap:96 opus/48000/2',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:96 minptime=10;useinbandfec=1',
    'a=fmtp:101 0-16',
    'a=ptime:20',
    'a=sendrecv',
    'm=audio 0 RTP/AVP 0',
    'm=image 0 udptl t38',
    '',
  ]);
});

test('media goes where the offer says', async (t) => {
  const cases: Record<string, [string[], AudioSession['remote']]> = {
    'session address, next port for RTCP': [
      ['m=audio 4000 RTP/AVP 0'],
      { address: '192.0.2.1', port: 4000, rtcpPort: 4001 },
    ],
    'media address, own RTCP port': [
      ['m=audio 4000 RTP/AVP 0', 'c=IN IP4 192.0.2.9', 'a=rtcp:4444'],
      { address: '192.0.2.9', port: 4000, rtcpPort: 4444 },
    ],
    'the last port': [['m=audio 65535 RTP/AVP 0'], { address: '192.0.2.1', port: 65_535, rtcpPort: 65_535 }],
  };
  for (const [name, [lines, expected]] of Object.entries(cases)) {
    await t.test(name, () => assert.deepEqual(answered(sdp(...lines)).audio.remote, expected));
  }
  await t.test('IPv6', () => {
    const offer = sdp('m=audio 4000 RTP/AVP 0', 'c=IN IP6 2001:db8::9');
    const { audio, lines } = answered(offer, { ...local, address: '2001:db8::1' });
    assert.equal(audio.remote.address, '2001:db8::9');
    assert.ok(lines.includes('c=IN IP6 2001:db8::1'));
  });
});

test('packet time is what the phone asks for, as far as we can', async (t) => {
  const cases: [string[], number][] = [
    [[], 20],
    [['a=ptime:30'], 30],
    [['a=ptime:25'], 20],
    [['a=ptime:5'], 10],
    [['a=ptime:20,30,40'], 20],
    [['a=ptime:200'], 60],
    [['a=ptime:40', 'a=maxptime:30'], 30],
    [['a=maxptime:10'], 10],
  ];
  for (const [lines, expected] of cases) {
    await t.test(lines.join(' ') || 'unsaid', () => {
      const { audio, lines: answer } = answered(sdp('m=audio 4000 RTP/AVP 0', ...lines));
      assert.equal(audio.ptimeMs, expected);
      assert.ok(answer.includes(`a=ptime:${expected}`));
    });
  }
  await t.test('opus has no packets of 30 ms', () => {
    assert.equal(answered(sdp('m=audio 4000 RTP/AVP 96', opusMap, 'a=ptime:30')).audio.ptimeMs, 20);
  });
});

test('an offer without audio that we can serve is refused, and the log can say why', async (t) => {
  const cases: Record<string, [string[], RegExp]> = {
    'no media': [[], /no media line/],
    'video only': [['m=video 5000 RTP/AVP 100'], /video is not audio/],
    'encrypted only': [
      ['m=audio 4000 RTP/SAVP 0', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x'],
      /RTP\/SAVP/,
    ],
    'WebRTC only': [['m=audio 9 UDP/TLS/RTP/SAVPF 111'], /SAVPF is not RTP\/AVP/],
    'audio removed': [['m=audio 0 RTP/AVP 0'], /port is 0/],
    'other codecs': [['m=audio 4000 RTP/AVP 18 3'], /none of opus, G722, PCMU, PCMA/],
    'keypad events only': [['m=audio 4000 RTP/AVP 101', 'a=rtpmap:101 telephone-event/8000'], /none of/],
    'a host name': [['m=audio 4000 RTP/AVP 0', 'c=IN IP4 pbx.example'], /not an IP address/],
    'the other family': [['m=audio 4000 RTP/AVP 0', 'c=IN IP6 2001:db8::9'], /not IPv4/],
    'a multicast group': [['m=audio 4000 RTP/AVP 0', 'c=IN IP4 224.2.1.1/127'], /one host/],
    'a broadcast': [['m=audio 4000 RTP/AVP 0', 'c=IN IP4 255.255.255.255'], /one host/],
  };
  for (const [name, [lines, why]] of Object.entries(cases)) {
    await t.test(name, () => {
      const result = answerOffer(sdp(...lines), local);
      assert.ok(!result.ok);
      assert.equal(result.error.code, 'no-common-codec');
      assert.match(result.error.detail ?? '', why);
    });
  }
  await t.test('no address at all', () => {
    const offer = sdp('m=audio 4000 RTP/AVP 0').replace('c=IN IP4 192.0.2.1\r\n', '');
    assert.partialDeepStrictEqual(answerOffer(offer, local), { error: { code: 'no-common-codec' } });
  });
  await t.test('not SDP', () => {
    assert.partialDeepStrictEqual(answerOffer('hello', local), { error: { code: 'bad-request' } });
  });
});

test('of encrypted and plain lines the plain one is served', () => {
  const { lines } = answered(sdp('m=audio 4000 RTP/SAVP 0', 'm=audio 4002 RTP/AVP 0'));
  assert.deepEqual(
    lines.filter((line) => line.startsWith('m=')),
    ['m=audio 0 RTP/SAVP 0', 'm=audio 10000 RTP/AVP 0'],
  );
});

test('the answer repeats the profile of the offer', () => {
  assert.ok(answered(sdp('m=audio 4000 RTP/AVPF 0')).lines.includes('m=audio 10000 RTP/AVPF 0'));
});

test('hold and resume are answered with the right direction', async (t) => {
  const before = answered(sdp('m=audio 4000 RTP/AVP 0')).audio;
  const cases: Record<string, [string[], AudioSession['direction'], string]> = {
    'held with sendonly': [['m=audio 4000 RTP/AVP 0', 'a=sendonly'], 'recvonly', '192.0.2.1'],
    'held with inactive': [['m=audio 4000 RTP/AVP 0', 'a=inactive'], 'inactive', '192.0.2.1'],
    'held by address': [['m=audio 4000 RTP/AVP 0', 'c=IN IP4 0.0.0.0'], 'recvonly', '192.0.2.1'],
    'held by address and inactive': [
      ['m=audio 4000 RTP/AVP 0', 'c=IN IP4 0.0.0.0', 'a=inactive'],
      'inactive',
      '192.0.2.1',
    ],
    'the phone only listens': [['m=audio 4000 RTP/AVP 0', 'a=recvonly'], 'sendonly', '192.0.2.1'],
    'resumed elsewhere': [['m=audio 4000 RTP/AVP 0', 'c=IN IP4 192.0.2.77'], 'sendrecv', '192.0.2.77'],
  };
  for (const [name, [lines, direction, address]] of Object.entries(cases)) {
    await t.test(name, () => {
      const { audio, lines: answer } = answered(sdp(...lines), local, before);
      assert.equal(audio.direction, direction);
      assert.equal(audio.remote.address, address);
      assert.equal(audio.isNowhere === true, name.startsWith('held by address'));
      assert.ok(answer.includes(`a=${direction}`));
    });
  }
  await t.test('audio removed for a while', () => {
    const { audio, lines } = answered(sdp('m=audio 0 RTP/AVP 0', 'm=video 0 RTP/AVP 100'), local, before);
    assert.deepEqual(audio, { ...before, direction: 'inactive' });
    assert.deepEqual(
      lines.filter((line) => line.startsWith('m=')),
      ['m=audio 0 RTP/AVP 0', 'm=video 0 RTP/AVP 100'],
    );
  });
  await t.test('a change to a codec that we do not have is refused; the call goes on as it was', () => {
    const result = answerOffer(sdp('m=audio 4000 RTP/AVP 18'), local, before);
    assert.partialDeepStrictEqual(result, { ok: false, error: { code: 'no-common-codec' } });
  });
  await t.test('while we hold, an offer of both ways gets sendonly', () => {
    const { audio } = answered(sdp('m=audio 4000 RTP/AVP 0'), { ...local, direction: 'sendonly' }, before);
    assert.equal(audio.direction, 'sendonly');
  });
});

test('our offer names all codecs in our order, with an event format for each clock', () => {
  assert.deepEqual(writeOffer(local).split('\r\n').slice(5), [
    'm=audio 10000 RTP/AVP 111 9 0 8 101 100',
    'a=rtpmap:111 opus/48000/2',
    'a=rtpmap:9 G722/8000',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=rtpmap:100 telephone-event/48000',
    'a=fmtp:111 minptime=10;useinbandfec=1',
    'a=fmtp:101 0-16',
    'a=fmtp:100 0-16',
    'a=ptime:20',
    'a=sendrecv',
    '',
  ]);
  assert.match(writeOffer({ ...local, codecs: ['PCMU'] }), /m=audio 10000 RTP\/AVP 0 101\r\n/);
});

test('a further offer keeps the lines of the dialog', () => {
  const first = answered(sdp('m=video 5000 RTP/AVP 100', 'm=audio 4000 RTP/AVP 0')).lines.join('\r\n');
  const offer = writeOffer({ ...local, version: 2 }, first);
  assert.deepEqual(offer.match(/^m=.*$/gm), [
    'm=video 0 RTP/AVP 100',
    'm=audio 10000 RTP/AVP 111 9 0 8 101 100',
  ]);
  const audio = read(sdp('m=video 0 RTP/AVP 100', 'm=audio 4000 RTP/AVP 8'), offer);
  assert.equal(audio.codec, 'PCMA');
});

test('answers to our offer', async (t) => {
  const cases: Record<string, [string[], Partial<AudioSession>]> = {
    'one codec': [['m=audio 4000 RTP/AVP 8'], { codec: 'PCMA', sendPayloadType: 8, receivePayloadType: 8 }],
    'several: the first of the answer': [['m=audio 4000 RTP/AVP 0 8 111'], { codec: 'PCMU' }],
    'opus under another number: theirs to send, ours to receive': [
      ['m=audio 4000 RTP/AVP 96 97', opusMap, 'a=rtpmap:97 telephone-event/48000'],
      {
        codec: 'opus',
        sendPayloadType: 96,
        receivePayloadType: 111,
        telephoneEvent: { payloadType: 97, receivePayloadType: 100, clockRate: 48_000 },
      },
    ],
    'our numbers without rtpmap': [
      ['m=audio 4000 RTP/AVP 111 101'],
      { codec: 'opus', telephoneEvent: { payloadType: 101, receivePayloadType: 101, clockRate: 8000 } },
    ],
    'early media one way': [['m=audio 4000 RTP/AVP 0', 'a=sendonly'], { direction: 'recvonly' }],
    'no events': [['m=audio 4000 RTP/AVP 0'], { telephoneEvent: undefined }],
  };
  for (const [name, [lines, expected]] of Object.entries(cases)) {
    await t.test(name, () => assert.partialDeepStrictEqual(read(sdp(...lines)), expected));
  }
  await t.test('our hold is answered with recvonly: we only send', () => {
    const hold = { ...local, direction: 'sendonly' } as const;
    assert.equal(
      read(sdp('m=audio 4000 RTP/AVP 0', 'a=recvonly'), writeOffer(hold), hold).direction,
      'sendonly',
    );
  });
});

test('an answer that refuses or misses our audio ends the call with its reason', async (t) => {
  const cases: Record<string, [string[], string]> = {
    'port 0': [['m=audio 0 RTP/AVP 0'], 'no-common-codec'],
    'a codec that was not offered': [['m=audio 4000 RTP/AVP 18'], 'no-common-codec'],
    'another profile': [['m=audio 4000 RTP/SAVP 0'], 'no-common-codec'],
    'no line': [[], 'bad-request'],
  };
  for (const [name, [lines, code]] of Object.entries(cases)) {
    await t.test(name, () => {
      assert.partialDeepStrictEqual(readAnswer(sdp(...lines), local), { ok: false, error: { code } });
    });
  }
});

test('an answer with several codecs lets the peer change between them, under our numbers', () => {
  const audio = read(sdp('m=audio 4000 RTP/AVP 8 0 96', opusMap));
  assert.equal(audio.codec, 'PCMA');
  assert.deepEqual(audio.alternatives, [
    { codec: 'opus', payloadType: 111 },
    { codec: 'PCMU', payloadType: 0 },
  ]);
  assert.deepEqual(read(sdp('m=audio 4000 RTP/AVP 0')).alternatives, []);
});
