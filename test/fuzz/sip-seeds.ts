import { rfc4475 } from '../conformance/torture/rfc4475-cases.ts';
import { rfc5118 } from '../conformance/torture/rfc5118-cases.ts';
import { readFixture } from '../conformance/torture/run.ts';
import { type RawMessage, value } from '../kit/raw-sip.ts';
import { someSdp } from '../kit/sip-peer.ts';

export interface Ends {
  /** `address:port` of the peer. */
  readonly peer: string;
  readonly gateway: string;
}

/** The messages of both RFCs. */
export function tortureMessages(): Buffer[] {
  return [
    ...rfc4475.map((torture) => readFixture('rfc4475', torture)),
    ...rfc5118.map((torture) => readFixture('rfc5118', torture)),
  ];
}

export function inviteText({ peer, gateway }: Ends, id: string): Buffer {
  return requestText('INVITE', { peer, gateway }, { id, toTag: '', cseq: 1, body: someSdp });
}

const inDialog: readonly (readonly [method: string, extra: string, body: string])[] = [
  ['ACK', '', ''],
  ['INFO', 'Content-Type: application/dtmf-relay\r\n', 'Signal=5\r\nDuration=160\r\n'],
  ['INFO', 'Info-Package: x\r\n', ''],
  ['MESSAGE', 'Content-Type: text/plain\r\n', 'See you at ten'],
  ['INVITE', '', someSdp.replace('m=audio 40000', 'm=audio 40002')],
  ['INVITE', '', `${someSdp}a=sendonly\r\n`],
  ['INVITE', '', ''],
  ['UPDATE', 'Session-Expires: 90;refresher=uac\r\n', ''],
  ['PRACK', 'RAck: 1 1 INVITE\r\n', ''],
  ['REFER', 'Refer-To: <sip:2@127.0.0.1?Replaces=a%3Bto-tag%3Db>\r\n', ''],
  ['OPTIONS', '', ''],
  ['CANCEL', '', ''],
  ['BYE', 'Reason: Q.850;cause=16;text="Normal"\r\n', ''],
];

/** What may follow in a dialog whose 2xx was this. */
export function dialogMessages(ends: Ends, answer: RawMessage): Buffer[] {
  const id = value(answer, 'call-id') ?? '';
  const toTag = /;tag=[^;]+/.exec(value(answer, 'to') ?? '')?.[0] ?? '';
  return inDialog.map(([method, extra, body], index) =>
    requestText(method, ends, {
      id,
      toTag,
      cseq: method === 'ACK' || method === 'CANCEL' ? 1 : 2 + index,
      body,
      extra,
    }),
  );
}

interface RequestParts {
  readonly id: string;
  readonly toTag: string;
  readonly cseq: number;
  readonly body: string;
  readonly extra?: string;
}

function requestText(method: string, { peer, gateway }: Ends, parts: RequestParts): Buffer {
  const { id, toTag, cseq, body, extra = '' } = parts;
  const lines = [
    `${method} sip:room@${gateway} SIP/2.0`,
    `Via: SIP/2.0/UDP ${peer};branch=z9hG4bK${id}${method === 'ACK' ? 'ack' : cseq};rport`,
    `From: "Fuzz" <sip:fuzz@${peer}>;tag=fuzz`,
    `To: <sip:room@${gateway}>${toTag}`,
    `Call-ID: ${id}`,
    `CSeq: ${cseq} ${method}`,
    'Max-Forwards: 70',
    `Contact: <sip:fuzz@${peer}>`,
    ...(body === '' || extra !== '' ? [] : ['Content-Type: application/sdp']),
    `${extra}Content-Length: ${body.length}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

const statuses = [
  [100, ''],
  [180, ''],
  [183, someSdp],
  [200, someSdp],
  [200, ''],
  [302, ''],
  [401, ''],
  [407, ''],
  [422, ''],
  [486, ''],
  [491, ''],
  [503, ''],
] as const;

const realm = 'Digest realm="fuzz", nonce="abc", qop="auth,auth-int", algorithm=SHA-256';

/** Answers to a request of the engine, one of each kind. */
export function answersTo(request: RawMessage, { peer }: Ends): Buffer[] {
  return statuses.map(([status, body]) => {
    const echoed = request.headers.filter(([name]) => /^(?:via|from|call-id|cseq)$/i.test(name));
    const lines = [
      `SIP/2.0 ${status} Fuzz`,
      ...echoed.map(([name, text]) => `${name}: ${text}`),
      `To: ${value(request, 'to')?.replace(/;tag=.*/, '')};tag=peer`,
      `Contact: <sip:peer@${peer}>;expires=60;q=0.5`,
      ...(status === 401 ? [`WWW-Authenticate: ${realm}`] : []),
      ...(status === 407 ? [`Proxy-Authenticate: ${realm}`] : []),
      ...(status === 503 ? ['Retry-After: 1'] : []),
      ...(status === 422 ? ['Min-SE: 120'] : []),
      ...(status === 183 ? ['Require: 100rel', 'RSeq: 1'] : []),
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
    ];
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  });
}
