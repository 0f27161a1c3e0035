import assert from 'node:assert/strict';
import { parseNameAddr } from '../../../src/sip/name-addr.ts';
import { parseVia } from '../../../src/sip/via.ts';
import { answer, call, type TortureCase } from './case.ts';

/** The 12 messages of RFC 5118 §4. */
export const rfc5118: readonly TortureCase[] = [
  {
    file: '4.1-ipv6-reference',
    title: 'Valid SIP Message with an IPv6 Reference',
    asks: 'parse; we are no registrar',
    outcome: answer(405),
    values: (message) => {
      assert.equal(message.kind === 'request' && message.uri.host, '[2001:db8::10]');
      assert.equal(message.via.host, '[2001:db8::9:1]');
      assert.equal(parseNameAddr(message.headers.get('contact') ?? '')?.uri.host, '[2001:db8::1]');
    },
  },
  {
    file: '4.2-no-brackets',
    title: 'Invalid SIP Message with an IPv6 Reference',
    asks: '400',
    outcome: answer(400),
  },
  {
    file: '4.3-ambiguous-port',
    title: 'Port Ambiguous in a SIP URI',
    asks: 'parse: all between the brackets is the address, there is no port',
    outcome: answer(405),
    values: (message) => {
      assert.ok(message.kind === 'request');
      assert.equal(message.uri.host, '[2001:db8::10:5070]');
      assert.equal(message.uri.port, undefined);
    },
  },
  {
    file: '4.4-unambiguous-port',
    title: 'Port Unambiguous in a SIP URI',
    asks: 'parse, with port 5070',
    outcome: answer(405),
    values: (message) => {
      assert.ok(message.kind === 'request');
      assert.equal(message.uri.host, '[2001:db8::10]');
      assert.equal(message.uri.port, 5070);
    },
  },
  {
    file: '4.5-received-with-brackets',
    title: 'IPv6 Reference Delimiters in Via Header: with',
    asks: 'parse the Via all the same and go on; nobody has the dialog',
    outcome: answer(481),
    values: (message) => assert.equal(message.via.parameters.get('received'), '[2001:db8::9:255]'),
  },
  {
    file: '4.5-received-without-brackets',
    title: 'IPv6 Reference Delimiters in Via Header: without',
    asks: 'parse',
    outcome: answer(200),
    values: (message) => assert.equal(message.via.parameters.get('received'), '2001:db8::9:255'),
  },
  {
    file: '4.6-sdp-with-ipv6',
    title: 'SIP Request with IPv6 Addresses in Session Description Protocol (SDP) Body',
    asks: 'a call. The RFC prints a Content-Length of 268 for a body of 251 bytes: sent with 251',
    outcome: call,
    corrected: (bytes) =>
      Buffer.from(bytes.toString('latin1').replace('Content-Length: 268', 'Content-Length: 251'), 'latin1'),
    values: (message) => assert.match(message.body, /^c=IN IP6 2001:db8::20\r$/m),
  },
  {
    file: '4.7-mixed-via',
    title: 'Multiple IP Addresses in SIP Headers',
    asks: 'parse every Via; nobody has the dialog',
    outcome: answer(481),
    values: (message) => {
      const vias = message.headers.all('via').map(parseVia);
      assert.deepEqual(
        vias.map((via) => [via?.transport, via?.host, via?.port]),
        [
          ['UDP', '[2001:db8::9:1]', 6050],
          ['UDP', '192.0.2.1', undefined],
          ['TCP', '[2001:db8::9:255]', undefined],
        ],
      );
      assert.equal(vias[2]?.parameters.get('received'), '192.0.2.200');
    },
  },
  {
    file: '4.8-mixed-sdp',
    title: 'Multiple IP Addresses in SDP',
    asks: 'a call. The RFC prints a Content-Length of 181 for a body of 189 bytes: the last 8 are cut off',
    outcome: call,
    values: (message) => {
      assert.match(message.body, /^c=IN IP4 192\.0\.2\.1\r$/m);
      assert.match(message.body, /^c=IN IP6 2001:db8::1\r$/m);
    },
  },
  {
    file: '4.9-ipv4-mapped',
    title: 'IPv4-Mapped IPv6 Addresses',
    asks: 'a call. The RFC prints a Content-Length of 236 for a body of 245 bytes: the last 9 are cut off',
    outcome: call,
    values: (message) => {
      assert.equal(message.via.host, '[::ffff:192.0.2.10]');
      assert.equal(message.via.port, 19823);
      assert.match(message.body, /^c=IN IP6 ::ffff:192\.0\.2\.2\r$/m);
    },
  },
  {
    file: '4.10-extra-colon',
    title: 'IPv6 Reference Bug in RFC 3261 ABNF: one colon too many',
    asks: 'may be parsed without the extra colon',
    outcome: answer(200),
    values: (message) => {
      assert.equal(message.kind === 'request' && message.uri.host, '[2001:db8::192.0.2.1]');
    },
  },
  {
    file: '4.10-correct',
    title: 'IPv6 Reference Bug in RFC 3261 ABNF: the correct form',
    asks: 'parse',
    outcome: answer(200),
    values: (message) => {
      assert.equal(message.kind === 'request' && message.uri.host, '[2001:db8::192.0.2.1]');
    },
  },
];
