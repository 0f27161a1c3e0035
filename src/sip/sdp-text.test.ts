import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSdp, writeSdp } from './sdp-text.ts';

const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0'];
const audio = 'm=audio 4000 RTP/AVP 0';
const sdp = (...lines: string[]) => `${[...head, ...lines].join('\r\n')}\r\n`;

function parsed(text: string) {
  const result = parseSdp(text);
  assert.ok(result.ok, result.ok ? '' : result.error.detail);
  return result.value;
}

test('what a phone may legally write is read', async (t) => {
  const cases: Record<string, [string, object]> = {
    'bare line feeds': [sdp(audio).replaceAll('\r\n', '\n'), { port: 4000, formats: ['0'] }],
    'a port count': [sdp('m=audio 4000/2 RTP/AVP 0 8'), { port: 4000, formats: ['0', '8'] }],
    'a media type with a hyphen': [
      sdp('m=x-data 4000 TCP/X-foo webapp'),
      { kind: 'x-data', formats: ['webapp'] },
    ],
    'no rtpmap and no direction': [sdp(audio), { rtpMaps: [], direction: 'sendrecv' }],
    'direction of the session': [sdp('a=sendonly', audio), { direction: 'sendonly' }],
    'direction of the media over that of the session': [
      sdp('a=sendonly', audio, 'a=inactive'),
      { direction: 'inactive' },
    ],
    'c= of the media': [sdp(audio, 'c=IN IP6 2001:db8::7'), { address: '2001:db8::7' }],
    'c= with a TTL': [sdp(audio, 'c=IN IP4 224.2.1.1/127'), { address: '224.2.1.1' }],
    'a host name in c=': [sdp(audio, 'c=IN IP4 pbx.example'), { address: 'pbx.example' }],
    'rtcp port with address': [sdp(audio, 'a=rtcp:53020 IN IP4 192.0.2.9'), { rtcpPort: 53_020 }],
    'ptime with a fraction': [sdp(audio, 'a=ptime:2.5'), { ptimeMs: 2.5 }],
    'a list of ptimes': [sdp(audio, 'a=ptime:20,30', 'a=maxptime:150'), { ptimeMs: 20, maxPtimeMs: 150 }],
    'spaces at line ends': [sdp(`${audio} `, 'a=sendonly '), { formats: ['0'], direction: 'sendonly' }],
    'unknown attributes, bandwidth, encryption keys': [
      sdp(
        'b=AS:84',
        'k=prompt',
        'a=tool:x',
        audio,
        'b=TIAS:64000',
        'a=crypto:1 AES inline:x',
        'a=sendonlyish',
      ),
      { direction: 'sendrecv' },
    ],
  };
  for (const [name, [text, expected]] of Object.entries(cases)) {
    await t.test(name, () => assert.partialDeepStrictEqual(parsed(text).media[0], expected));
  }
});

test('a body that could harm is refused before it is parsed', async (t) => {
  const cases: Record<string, string> = {
    empty: '',
    'not SDP': '{"sdp": true}',
    'other version': sdp(audio).replace('v=0', 'v=1'),
    'two descriptions': sdp(audio) + sdp(audio),
    'longer than 16 KB': sdp(audio, `a=tool:${'x'.repeat(1_000)}\r\n`.repeat(20).trim()),
    'longer than 16 KB in bytes, not in characters': sdp(
      audio,
      ...Array<string>(9).fill(`a=tool:${'ü'.repeat(1_000)}`),
    ),
    'a long line': sdp(audio, `a=tool:${'x'.repeat(3_000)}`),
    'many lines': sdp(...Array<string>(600).fill('a=x')),
    'many media lines': sdp(...Array<string>(17).fill(audio)),
    'many formats': sdp(`m=audio 4000 RTP/AVP ${Array.from({ length: 65 }, (_, i) => i).join(' ')}`),
    'a NUL': sdp(audio, 'a=tool:\0'),
    'a lone CR': sdp(audio, 'a=tool:x\ra=sendonly'),
    'an escape sequence': sdp(audio, 's=\u001b[2J'),
    'a line that is none': sdp(audio, 'hello'),
    'a port beyond 65535': sdp('m=audio 70000 RTP/AVP 0'),
    'a media line without formats': sdp('m=audio 4000 RTP/AVP'),
  };
  for (const [name, text] of Object.entries(cases)) {
    await t.test(name, () =>
      assert.partialDeepStrictEqual(parseSdp(text), { ok: false, error: { code: 'bad-request' } }),
    );
  }
});

test('a hostile body of the largest size is read in no time worth noting', () => {
  const line = `a=rtpmap:${'0'.repeat(900)} ${'-.'.repeat(400)}`;
  parsed(sdp(audio, ...Array<string>(8).fill(line)));
  parsed(sdp(audio, ...Array<string>(8).fill(`a=ptime:${'1.'.repeat(900)}x`)));
});

test('numbers out of range are as if they were not there', () => {
  const [media] = parsed(
    sdp(
      audio,
      'a=rtpmap:128 opus/48000/2',
      'a=rtpmap:96 opus/x',
      'a=rtcp:99999',
      'a=ptime:0',
      'a=fmtp:999 x',
    ),
  ).media;
  assert.partialDeepStrictEqual(media, {
    rtpMaps: [],
    formatParameters: [],
    rtcpPort: undefined,
    ptimeMs: undefined,
  });
});

test('what is written is what is read', () => {
  const text = writeSdp({
    sessionId: 7,
    version: 2,
    address: '2001:db8::1',
    timing: { start: 0, stop: 0 },
    media: [
      {
        kind: 'audio',
        port: 4000,
        protocol: 'RTP/AVP',
        formats: ['111'],
        rtpMaps: [{ payloadType: 111, encoding: 'opus', clockRate: 48_000, channels: 2 }],
        formatParameters: [{ payloadType: 111, text: 'useinbandfec=1' }],
        ptimeMs: 20,
        direction: 'recvonly',
      },
      { kind: 'image', port: 0, protocol: 'udptl', formats: ['t38'] },
    ],
  });
  assert.deepEqual(text.split('\r\n'), [
    'v=0',
    'o=- 7 2 IN IP6 2001:db8::1',
    's=-',
    'c=IN IP6 2001:db8::1',
    't=0 0',
    'm=audio 4000 RTP/AVP 111',
    'a=rtpmap:111 opus/48000/2',
    'a=fmtp:111 useinbandfec=1',
    'a=ptime:20',
    'a=recvonly',
    'm=image 0 udptl t38',
    '',
  ]);
});
