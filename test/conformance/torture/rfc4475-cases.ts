import assert from 'node:assert/strict';
import { parseNameAddr } from '../../../src/sip/name-addr.ts';
import { parseVia } from '../../../src/sip/via.ts';
import { answer, call, dropped, type TortureCase } from './case.ts';

/** The 49 messages of RFC 4475 §3. */
export const rfc4475: readonly TortureCase[] = [
  {
    file: '3.1.1.1-wsinv',
    title: 'A Short Tortuous INVITE',
    asks: 'parse; the To tag makes it a request in a dialog that nobody has',
    outcome: answer(481),
    values: (message) => {
      assert.equal(message.to.parameters.get('tag'), '1918181833n');
      assert.equal(message.from.displayName, 'J Rosenberg \\"');
      assert.equal(message.from.parameters.get('tag'), '98asjd8');
      assert.equal(message.cseq, 9);
      const branches = message.headers.all('via').map((via) => parseVia(via)?.branch);
      assert.deepEqual(branches, ['390skdjuw', 'z9hG4bK9ikj8', 'z9hG4bK30239']);
      const contact = parseNameAddr(message.headers.get('contact') ?? '');
      assert.equal(contact?.displayName, 'Quoted string ""');
      assert.equal(contact?.parameters.get('newparam'), 'newvalue');
      assert.equal(contact?.parameters.get('q'), '0.33');
      assert.equal(message.headers.get('newfangledheader'), 'newfangled value continued newfangled value');
    },
  },
  {
    file: '3.1.1.2-intmeth',
    title: 'Wide Range of Valid Characters',
    asks: 'parse; refuse the unknown method as such',
    outcome: answer(501),
    values: (message) => {
      assert.equal(message.method, "!interesting-Method0123456789_*+`.%indeed'~");
      assert.equal(message.kind === 'request' && message.uri.host, 'example.com');
      assert.equal(message.to.displayName, 'BEL:\u0007 NUL:\0 DEL:\u007f');
      assert.equal(message.from.parameters.get('tag'), "_token~1'+`*%!-.");
      assert.equal(message.callId, 'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
    },
  },
  {
    file: '3.1.1.3-esc01',
    title: 'Valid Use of the % Escaping Mechanism',
    asks: 'a call for the user `sips:user@example.com` at example.net, not for a sips URI',
    outcome: call,
    values: (message) => {
      assert.ok(message.kind === 'request');
      assert.equal(message.uri.scheme, 'sip');
      assert.equal(message.uri.user, 'sips%3Auser%40example.com');
      assert.equal(message.uri.host, 'example.net');
      assert.equal(message.from.uri.user, 'I%20have%20spaces');
    },
  },
  {
    file: '3.1.1.4-escnull',
    title: 'Escaped Nulls in URIs',
    asks: 'parse, with two different contacts; we are no registrar',
    outcome: answer(405),
    values: (message) => {
      assert.equal(message.to.uri.user, 'null-%00-null');
      assert.deepEqual(message.headers.list('contact').map(user), ['%00', '%00%00']);
    },
  },
  {
    file: '3.1.1.5-esc02',
    title: 'Use of % When It Is Not an Escape',
    asks: 'an unknown method (no REGISTER), an unknown header (no Contact), a name of `%Z%45`',
    outcome: answer(501),
    values: (message) => {
      assert.equal(message.method, 'RE%47IST%45R');
      assert.equal(message.to.displayName, '%Z%45');
      assert.deepEqual(message.headers.list('contact').map(user), ['alias1', 'alias3']);
    },
  },
  {
    file: '3.1.1.6-lwsdisp',
    title: 'Message with No LWS between Display Name and <',
    asks: 'parse',
    outcome: answer(200),
    values: (message) => assert.equal(message.from.displayName, 'caller'),
  },
  {
    file: '3.1.1.7-longreq',
    title: 'Long Values in Header Fields',
    asks: 'parse; no buffer ends too early',
    outcome: call,
    values: (message) => {
      assert.equal(message.callId, `longreq.one${'really'.repeat(20)}longcallid`);
      assert.equal(message.headers.all('via').length, 34);
      assert.equal(message.to.displayName, `I have a user name of ${'extreme'.repeat(10)} proportion`);
      assert.equal(message.to.uri.parameters.get(`longparam${'name'.repeat(25)}`), 'shortvalue');
      assert.equal(message.from.parameters.get('tag'), `12${'982'.repeat(50)}424`);
    },
  },
  {
    file: '3.1.1.8-dblreq',
    title: 'Extra Trailing Octets in a UDP Datagram',
    asks: 'serve the REGISTER; ignore what follows its body',
    outcome: answer(405),
    values: (message) => assert.equal(message.body, ''),
  },
  {
    file: '3.1.1.9-semiuri',
    title: 'Semicolon-Separated Parameters in URI User Part',
    asks: 'the semicolon belongs to the user part',
    outcome: answer(200),
    values: (message) => {
      assert.ok(message.kind === 'request');
      assert.equal(message.uri.user, 'user;par=u%40example.net');
      assert.equal(message.uri.host, 'example.com');
    },
  },
  {
    file: '3.1.1.10-transports',
    title: 'Varied and Unknown Transport Types',
    asks: 'parse every Via',
    outcome: answer(200),
    values: (message) =>
      assert.deepEqual(
        message.headers.all('via').map((via) => parseVia(via)?.transport),
        ['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP'],
      ),
  },
  {
    file: '3.1.1.11-mpart01',
    title: 'Multipart MIME Message',
    asks: 'the binary body is taken as a whole; we serve no MESSAGE',
    outcome: answer(405),
    values: (message) => {
      assert.match(message.body, /^--7a9cbec02ceef655\r\n/);
      assert.match(message.body, /\r\n--7a9cbec02ceef655--\r\n$/);
      assert.match(message.body, /\0/);
    },
  },
  {
    file: '3.1.1.12-unreason',
    title: 'Unusual Reason Phrase',
    asks: 'parse; it answers nothing that we sent',
    outcome: dropped('stray-response'),
    values: (message) => {
      assert.ok(message.kind === 'response');
      assert.equal(message.status, 200);
      assert.match(Buffer.from(message.reason, 'latin1').toString(), /^= 2\*\*3 \* 5\*\*2 но сто /);
    },
  },
  {
    file: '3.1.1.13-noreason',
    title: 'Empty Reason Phrase',
    asks: 'parse; it answers nothing that we sent',
    outcome: dropped('stray-response'),
    values: (message) => assert.equal(message.kind === 'response' && message.reason, ''),
  },
  {
    file: '3.1.2.1-badinv01',
    title: 'Extraneous Header Field Separators',
    asks: '400',
    outcome: answer(400),
  },
  {
    file: '3.1.2.2-clerr',
    title: 'Content Length Larger Than Message',
    asks: '400',
    outcome: answer(400),
  },
  { file: '3.1.2.3-ncl', title: 'Negative Content-Length', asks: '400', outcome: answer(400) },
  {
    file: '3.1.2.4-scalar02',
    title: 'Request Scalar Fields with Overlarge Values',
    asks: '400 because of CSeq and Max-Forwards',
    outcome: answer(400),
  },
  {
    file: '3.1.2.5-scalarlg',
    title: 'Response Scalar Fields with Overlarge Values',
    asks: 'discard',
    outcome: dropped('bad-cseq'),
  },
  {
    file: '3.1.2.6-quotbal',
    title: 'Unterminated Quoted String in Display Name',
    asks: '400',
    outcome: answer(400),
  },
  { file: '3.1.2.7-ltgtruri', title: '<> Enclosing Request-URI', asks: '400', outcome: answer(400) },
  {
    file: '3.1.2.8-lwsruri',
    title: 'Malformed SIP Request-URI (embedded LWS)',
    asks: '400',
    outcome: answer(400),
  },
  {
    file: '3.1.2.9-lwsstart',
    title: 'Multiple SP Separating Request-Line Elements',
    asks: '400; a liberal receiver may read it',
    outcome: answer(400),
  },
  {
    file: '3.1.2.10-trws',
    title: 'SP Characters at End of Request-Line',
    asks: '400; a liberal receiver may read it',
    outcome: answer(400),
  },
  {
    file: '3.1.2.11-escruri',
    title: 'Escaped Headers in SIP Request-URI',
    asks: '400',
    outcome: answer(400),
  },
  {
    file: '3.1.2.12-baddate',
    title: 'Invalid Time Zone in Date Header Field',
    asks: '400; a liberal receiver may ignore the date',
    outcome: answer(400),
  },
  {
    file: '3.1.2.13-regbadct',
    title: 'Failure to Enclose name-addr URI in <>',
    asks: '400; a liberal receiver may add the brackets',
    outcome: answer(400),
  },
  {
    file: '3.1.2.14-badaspec',
    title: 'Spaces within addr-spec',
    asks: '400; a liberal receiver may ignore the spaces',
    outcome: answer(400),
  },
  {
    file: '3.1.2.15-baddn',
    title: 'Non-token Characters in Display Name',
    asks: '400; a liberal receiver may add the quotes',
    outcome: answer(400),
  },
  { file: '3.1.2.16-badvers', title: 'Unknown Protocol Version', asks: '505', outcome: answer(505) },
  {
    file: '3.1.2.17-mismatch01',
    title: 'Start Line and CSeq Method Mismatch',
    asks: '400',
    outcome: answer(400),
  },
  {
    file: '3.1.2.18-mismatch02',
    title: 'Unknown Method with CSeq Method Mismatch',
    asks: '501 or 400',
    outcome: answer(400),
  },
  {
    file: '3.1.2.19-bigcode',
    title: 'Overlarge Response Code',
    asks: 'discard',
    outcome: dropped('bad-start-line'),
  },
  {
    file: '3.2.1-badbranch',
    title: 'Missing Transaction Identifier',
    asks: 'match the transaction as RFC 2543 does',
    outcome: answer(200),
  },
  {
    file: '3.3.1-insuf',
    title: 'Missing Required Header Fields',
    asks: '400, without the headers that are not there',
    outcome: answer(400),
  },
  {
    file: '3.3.2-unkscm',
    title: 'Request-URI with Unknown Scheme',
    asks: '416',
    outcome: answer(416),
  },
  {
    file: '3.3.3-novelsc',
    title: 'Request-URI with Known but Atypical Scheme',
    asks: '416',
    outcome: answer(416),
  },
  {
    file: '3.3.4-unksm2',
    title: 'Unknown URI Schemes in Header Fields',
    asks: 'parse; we are no registrar',
    outcome: answer(405),
    values: (message) => {
      assert.equal(message.to.uri.scheme, 'isbn');
      assert.equal(message.from.uri.scheme, 'http');
      assert.equal(message.from.parameters.get('tag'), '3234233');
    },
  },
  {
    file: '3.3.5-bext01',
    title: 'Proxy-Require and Require',
    asks: '420 with both tags of Require in Unsupported, none of Proxy-Require',
    outcome: answer(420),
    header: ['unsupported', /^nothingSupportsThis, nothingSupportsThisEither$/],
  },
  {
    file: '3.3.6-invut',
    title: 'Unknown Content-Type',
    asks: '415 with Accept',
    outcome: answer(415),
    header: ['accept', /^application\/sdp$/],
  },
  {
    file: '3.3.7-regaut01',
    title: 'Unknown Authorization Scheme',
    asks: 'parse, as if there were no credentials; we are no registrar',
    outcome: answer(405),
    header: ['allow', /^INVITE, /],
  },
  {
    file: '3.3.8-multi01',
    title: 'Multiple Values in Single Value Required Fields',
    asks: '400',
    outcome: answer(400),
  },
  {
    file: '3.3.9-mcl01',
    title: 'Multiple Content-Length Values',
    asks: '400',
    outcome: answer(400),
  },
  {
    file: '3.3.10-bcast',
    title: '200 OK Response with Broadcast Via Header Field Value',
    asks: 'discard; nothing goes to the second Via',
    outcome: dropped('stray-response'),
  },
  {
    file: '3.3.11-zeromf',
    title: 'Max-Forwards of Zero',
    asks: 'serve it: only a proxy answers 483, and we forward nothing',
    outcome: answer(200),
  },
  {
    file: '3.3.12-cparam01',
    title: 'REGISTER with a Contact Header Parameter',
    asks: 'the parameter belongs to the header; we are no registrar',
    outcome: answer(405),
    values: (message) => {
      const contact = parseNameAddr(message.headers.get('contact') ?? '');
      assert.equal(contact?.parameters.has('unknownparam'), true);
      assert.equal(contact?.uri.parameters.size, 0);
    },
  },
  {
    file: '3.3.13-cparam02',
    title: 'REGISTER with a url-parameter',
    asks: 'the parameter belongs to the URI; we are no registrar',
    outcome: answer(405),
    values: (message) => {
      const contact = parseNameAddr(message.headers.get('contact') ?? '');
      assert.equal(contact?.parameters.size, 0);
      assert.equal(contact?.uri.parameters.has('unknownparam'), true);
    },
  },
  {
    file: '3.3.14-regescrt',
    title: 'REGISTER with a URL Escaped Header',
    asks: 'the header belongs to the URI; we are no registrar',
    outcome: answer(405),
    values: (message) => {
      const contact = parseNameAddr(message.headers.get('contact') ?? '');
      assert.equal(contact?.uri.headers, 'Route=%3Csip:sip.example.com%3E');
    },
  },
  {
    file: '3.3.15-sdp01',
    title: 'Unacceptable Accept Offering',
    asks: '406, best with a Warning, or 400',
    outcome: answer(406),
    header: ['warning', /^399 /],
  },
  {
    file: '3.4.1-inv2543',
    title: 'INVITE with RFC 2543 Syntax',
    asks: 'a call, though there is no branch, no From tag, no Max-Forwards and no Contact',
    outcome: call,
    values: (message) => {
      assert.equal(message.via.branch, undefined);
      assert.match(message.body, /^v=0\r\n/);
    },
  },
];

function user(contact: string): string | undefined {
  return parseNameAddr(contact)?.uri.user;
}
