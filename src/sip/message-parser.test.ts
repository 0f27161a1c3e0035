import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SipMessage } from './message.ts';
import { type ParseFault, parseMessage } from './message-parser.ts';

const source = { address: '192.0.2.9', port: 7000 };

function parse(text: string | Buffer, transport: 'udp' | 'tcp' = 'udp'): SipMessage {
  const parsed = parseMessage(Buffer.from(text as string, 'utf8'), source, transport);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.fault.reason);
  return parsed.message;
}

function fault(text: string | Buffer): ParseFault {
  const parsed = parseMessage(Buffer.isBuffer(text) ? text : Buffer.from(text, 'utf8'), source, 'udp');
  assert.ok(!parsed.ok, 'was accepted');
  return parsed.fault;
}

function message(...lines: string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const invite = message(
  'INVITE sip:room@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;rport',
  'From: "A" <sip:a@example.com>;tag=1',
  'To: <sip:room@example.com>',
  'Call-ID: x@y',
  'CSeq: 1 INVITE',
  'Max-Forwards: 70',
);

test('RFC 4475 §3.1.1.1: white space, folding, compact names, commas and odd case are understood', () => {
  const parsed = parse(
    `${message(
      'INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0',
      'TO :',
      ' sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n',
      'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>',
      '  ;',
      '  tag = 98asjd8',
      'MaX-fOrWaRdS: 0068',
      'Call-ID: wsinv.ndaksdj@192.0.2.1',
      'Content-Length   : 5',
      'cseq: 0009',
      '  INVITE',
      'Via  : SIP  /   2.0',
      ' /UDP',
      '    192.0.2.2;branch=390skdjuw',
      's :',
      'NewFangledHeader:   newfangled value',
      ' continued newfangled value',
      'UnknownHeaderWithUnusualValue: ;;,,;;,;',
      'Content-Type: application/sdp',
      'Route:',
      ' <sip:services.example.com;lr;unknownwith=value;unknown-no-value>',
      'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
      '  branch  =   z9hG4bK9ikj8  ,',
      ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
      ' z9hG4bK30239',
      'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =',
      '      newvalue ;',
      '  secondparam ; q = 0.33',
    )}v=0\r\n`,
  );
  assert.ok(parsed.kind === 'request');
  assert.equal(parsed.from.displayName, 'J Rosenberg \\"');
  assert.equal(parsed.from.parameters.get('tag'), '98asjd8');
  assert.equal(parsed.to.parameters.get('tag'), '1918181833n');
  assert.equal(parsed.cseq, 9);
  assert.equal(parsed.via.host, '192.0.2.2');
  assert.equal(parsed.headers.all('via').length, 3);
  assert.equal(parsed.headers.get('newfangledheader'), 'newfangled value continued newfangled value');
  assert.equal(parsed.body, 'v=0\r\n');
});

test('RFC 4475 §3.1.1.2: unusual but legal tokens, also an escaped control character in a quoted string', () => {
  const parsed = parse(
    message(
      "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
      "Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
      'To: "BEL:\\\u0007 NUL:\\\u0000 DEL:\\\u007f" <sip:1_unusual.URI~(to-be!sure)@example.com>',
      "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"work\";tag=_token~1'+`*%!-.",
      'Call-ID: intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{',
      "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~",
      'Max-Forwards: 255',
    ),
  );
  assert.equal(parsed.from.parameters.get('tag'), "_token~1'+`*%!-.");
});

test('the address that a request came from is written into its top Via', () => {
  assert.equal(
    parse(invite).headers.get('via'),
    'SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;rport=7000;received=192.0.2.9',
  );
  const plain = invite.replace(';rport', '').replace('192.0.2.1:', '192.0.2.9:');
  assert.equal(parse(plain).headers.get('via'), 'SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa');
  const forged = invite.replace(';rport', ';received=10.0.0.1;rport=1');
  assert.equal(
    parse(forged).headers.get('via'),
    'SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;rport=7000;received=192.0.2.9',
  );
});

test('a response is read; its phrase may be empty', () => {
  const response = invite.replace(/^.*\r\n/, 'SIP/2.0 200 \r\n');
  const parsed = parse(response);
  assert.ok(parsed.kind === 'response');
  assert.equal(parsed.status, 200);
  assert.equal(parsed.reason, '');
  assert.equal(parsed.method, 'INVITE');
});

const dropped: [string, string | Buffer, string][] = [
  ['nothing', '', 'no-head'],
  ['NUL bytes', Buffer.alloc(100), 'no-head'],
  ['a head without end', invite.slice(0, -2), 'no-head'],
  ['line feeds for line ends', invite.replaceAll('\r\n', '\n'), 'no-head'],
  ['a bare line feed inside', invite.replace(': 70', ': 7\n0'), 'bad-line'],
  ['a bare carriage return inside', invite.replace(': 70', ': 7\r0'), 'bad-line'],
  ['a NUL in a header', invite.replace('"A"', '"\0"'), 'bad-line'],
  ['a line without colon', invite.replace('Max-Forwards: 70', 'Max-Forwards 70'), 'bad-line'],
  ['no Via', invite.replace(/Via.*\r\n/, ''), 'bad-via'],
  ['a Via with an evil host', invite.replace('192.0.2.1:5070', 'a b'), 'bad-via'],
  [
    'a response without CSeq',
    invite.replace(/^.*\r\n/, 'SIP/2.0 200 OK\r\n').replace(/CSeq.*\r\n/, ''),
    'bad-cseq',
  ],
  [
    'a response with status 4294967301',
    invite.replace(/^.*\r\n/, 'SIP/2.0 4294967301 x\r\n'),
    'bad-start-line',
  ],
  ['a request without CSeq', invite.replace(/CSeq.*\r\n/, ''), 'bad-cseq'],
  ['an ACK without Call-ID', invite.replaceAll('INVITE', 'ACK').replace(/Call-ID.*\r\n/, ''), 'bad-call-id'],
  ['200 headers', invite.replace('Max', `${'X: y\r\n'.repeat(200)}Max`), 'too-many-headers'],
  ['a header of 9 KB', invite.replace(': 70', `: ${'x'.repeat(9_000)}`), 'header-too-long'],
  [
    'a header of 9 KB in many lines',
    invite.replace(': 70', `: x\r\n ${'yyyy\r\n '.repeat(2_000)}`),
    'header-too-long',
  ],
  ['40 KB', Buffer.alloc(40_000, 'x'), 'too-large'],
];

for (const [what, bytes, reason] of dropped) {
  test(`${what}: dropped as ${reason}`, () => {
    const found = fault(bytes);
    assert.equal(found.reason, reason);
    if (reason !== 'header-too-long') assert.equal(found.answer, undefined);
  });
}

const answered: [string, string, number, string][] = [
  ['version 7 (RFC 4475 §3.1.2.16)', invite.replace('m SIP/2.0', 'm SIP/7.0'), 505, 'bad-version'],
  ["a method that is not CSeq's (§3.1.2.17)", invite.replace('1 INVITE', '1 OPTIONS'), 400, 'cseq-method'],
  [
    'an overlarge CSeq (§3.1.2.4)',
    invite.replace('1 INVITE', '36893488147419103232 INVITE'),
    400,
    'bad-cseq',
  ],
  [
    'a wrong Content-Length (§3.1.2.2)',
    invite.replace('Max', 'Content-Length: 9999\r\nMax'),
    400,
    'bad-content-length',
  ],
  [
    'a negative Content-Length (§3.1.2.3)',
    invite.replace('Max', 'Content-Length: -999\r\nMax'),
    400,
    'bad-content-length',
  ],
  ['two lengths', invite.replace('Max', 'l: 0\r\nContent-Length: 1\r\nMax'), 400, 'bad-content-length'],
  ['an unterminated quote in To (§3.1.2.6)', invite.replace('To: ', 'To: "Mr. J. '), 400, 'bad-to'],
  [
    '<> around the Request-URI (§3.1.2.7)',
    invite.replace('sip:room@example.com S', '<sip:room@example.com> S'),
    400,
    'bad-uri',
  ],
  [
    'two spaces in the request line (§3.1.2.9)',
    invite.replace('INVITE sip', 'INVITE  sip'),
    400,
    'bad-start-line',
  ],
  [
    'a space after the request line (§3.1.2.10)',
    invite.replace('SIP/2.0\r\n', 'SIP/2.0  \r\n'),
    400,
    'bad-start-line',
  ],
  ['two To headers (§3.3.8)', invite.replace('Max', 'To: <sip:a@b>\r\nMax'), 400, 'several-to'],
  ['no Call-ID', invite.replace(/Call-ID.*\r\n/, ''), 400, 'bad-call-id'],
  ['no From', invite.replace(/From.*\r\n/, ''), 400, 'bad-from'],
  ['a broken Via below the top one', invite.replace(';rport', ';rport, SIP/2.0'), 400, 'bad-via'],
  ['an empty parameter in Via', invite.replace(';rport', ';;rport'), 400, 'bad-via'],
  ['an empty parameter in Contact', invite.replace('Max', 'm: <sip:a@b>;;q=1\r\nMax'), 400, 'bad-contact'],
  ['headers in an unbracketed URI', invite.replace('Max', 'm: sip:a@b?Route=x\r\nMax'), 400, 'bad-contact'],
  ['headers in the Request-URI', invite.replace('m SIP', 'm?Route=x SIP'), 400, 'bad-uri'],
  [
    'an IPv6 address without brackets',
    invite.replace('sip:room@example.com', 'sip:2001:db8::1'),
    400,
    'bad-uri',
  ],
  ['brackets around what is no address', invite.replace('sip:room@example.com', 'sip:[1:2]'), 400, 'bad-uri'],
  ['a comma in an unquoted name', invite.replace('"A"', 'A, B'), 400, 'bad-from'],
  [
    'spaces inside of the brackets',
    invite.replace('<sip:room@example.com>', '< sip:room@example.com >'),
    400,
    'bad-to',
  ],
  [
    'a date that is not GMT',
    invite.replace('Max', 'Date: Fri, 01 Jan 2010 16:00:00 EST\r\nMax'),
    400,
    'bad-date',
  ],
  ['Max-Forwards above 255', invite.replace(': 70', ': 256'), 400, 'bad-max-forwards'],
  ['a control character in a tag', invite.replace(';tag=1', ';tag="a\\\u0007"'), 400, 'bad-from'],
  ['a control character in Call-ID', invite.replace('x@y', 'x\\\u0007y'), 400, 'bad-call-id'],
  [
    'a control character in Record-Route',
    invite.replace('Max', 'Record-Route: "\\\u0007" <sip:p;lr>\r\nMax'),
    400,
    'bad-record-route',
  ],
  ['an empty To tag', invite.replace('<sip:room@example.com>', '<sip:room@example.com>;tag='), 400, 'bad-to'],
  ['a From tag without value', invite.replace(';tag=1', ';tag'), 400, 'bad-from'],
  ['Max-Forwards that is no number', invite.replace(': 70', ': many'), 400, 'bad-max-forwards'],
];

for (const [what, text, status, reason] of answered) {
  test(`${what}: answered with ${status}`, () => {
    const found = fault(text);
    assert.equal(found.reason, reason);
    assert.equal(found.answer?.status, status);
  });
}

test('an ACK is never answered, however wrong', () => {
  assert.equal(fault(invite.replaceAll('INVITE', 'ACK').replace('1 ACK', '1 BYE')).answer, undefined);
});

test('what peers in use write is not refused: one semicolon too many, names in UTF-8, `*`', () => {
  const lines = ['Contact: <sip:a@b>;', 'Date: Sat, 15 Oct 2005 04:44:56 GMT'].join('\r\n');
  const parsed = parse(invite.replace('Max', `${lines}\r\nMax`).replace('"A"', 'Jürgen Öl'));
  assert.equal(parsed.from.displayName, Buffer.from('Jürgen Öl').toString('latin1'));
  parse(invite.replace('Max', 'Contact: *\r\nMax'));
});

test('a tab is a space', () => {
  const parsed = parse(invite.replace('Max', 'Record-Route: <sip:p;lr>\t;a=b,\r\n\t<sip:q;lr>\r\nMax'));
  assert.equal(parsed.headers.get('record-route'), '<sip:p;lr> ;a=b, <sip:q;lr>');
});

test('a name that ends with à arrives whole: its last byte is no space', () => {
  const parsed = parse(invite.replace('Max', 'X-Room: là \t\r\nMax').replace('"A"', 'là'));
  assert.equal(parsed.headers.get('x-room'), Buffer.from('là').toString('latin1'));
  assert.equal(parsed.from.displayName, Buffer.from('là').toString('latin1'));
});

test('an IPv6 reference loses the colon too many of RFC 3261 (RFC 5118 §4.10)', () => {
  const parsed = parse(invite.replace('sip:room@example.com', 'sip:[2001:DB8:::192.0.2.1]:5070'));
  assert.ok(parsed.kind === 'request');
  assert.equal(parsed.uri.host, '[2001:db8::192.0.2.1]');
  assert.equal(parsed.uri.port, 5070);
});

test('line ends before a message and bytes after its body are ignored', () => {
  const text = invite.replace('Max', 'Content-Length: 3\r\nMax');
  assert.equal(parse(`\r\n\r\n${text}abcdef`).body, 'abc');
});

test('Content-Length counts bytes', () => {
  const text = invite.replace('Max', 'Content-Length: 3\r\nMax');
  assert.equal(parse(`${text}üa`).body, 'üa');
});

test('a pathological message costs no more than a long one', () => {
  const filler = [
    ['quotes', '"'.repeat(8_000)],
    ['spaces', `a${' '.repeat(8_000)}b`],
    ['commas', ','.repeat(8_000)],
    ['semicolons', `<sip:a@b>${';'.repeat(7_900)}`],
    ['backslashes', `"${'\\'.repeat(8_000)}`],
    ['brackets', '<'.repeat(8_000)],
  ] as const;
  for (const [, text] of filler) {
    for (const name of ['From', 'Via', 'To', 'Contact']) {
      const hostile = Buffer.from(
        invite.replace(new RegExp(`\r\n${name}:[^\r]*`), '').replace('Max', `${name}: ${text}\r\nMax`),
      );
      const began = performance.now();
      parseMessage(hostile, source, 'udp');
      assert.ok(performance.now() - began < 250, `${name} ${text.slice(0, 3)}`);
    }
  }
});
