/** Who calls whom, and where: what each message of a call of the load generator needs. */
export interface CallParties {
  /** Port of the generator on 127.0.0.1. */
  readonly port: number;
  readonly target: number;
  readonly callId: string;
}

export const answerSdp = sdpOf('127.0.0.1', 40_000);

function sdpOf(address: string, port: number): string {
  return [
    'v=0',
    `o=pbx 3890112233 3890112233 IN IP4 ${address}`,
    's=call',
    `c=IN IP4 ${address}`,
    't=0 0',
    `m=audio ${port} RTP/AVP 9 8 0 101`,
    'a=rtpmap:9 G722/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-16',
    'a=ptime:20',
    'a=sendrecv',
    '',
  ].join('\r\n');
}

/** An INVITE as a PBX behind a proxy sends it: 19 headers and an offer of four formats, about 1,300 bytes. */
export function inviteText(parties: CallParties, branch: string): string {
  const { port, target } = parties;
  return message(
    `INVITE sip:gateway@127.0.0.1:${target} SIP/2.0`,
    [
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${branch};rport`,
      `Via: SIP/2.0/UDP 192.0.2.17:5060;received=192.0.2.17;branch=z9hG4bKinner${branch};rport=5060`,
      'Max-Forwards: 69',
      ...dialogLines(parties, undefined),
      'CSeq: 1 INVITE',
      `Contact: "Erika Mustermann" <sip:+4930123456@127.0.0.1:${port};transport=udp>`,
      'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE, UPDATE',
      'Supported: replaces, timer, path',
      'User-Agent: PBX 18.20.1',
      'P-Asserted-Identity: "Erika Mustermann" <sip:+4930123456@pbx.example>',
      'Remote-Party-ID: "Erika Mustermann" <sip:+4930123456@pbx.example>;party=calling;privacy=off;screen=no',
      'Diversion: <sip:+4930999999@pbx.example>;reason=unconditional;counter=1',
      'Jitsi-Conference-Room: standup@conference.meet.example',
      'X-Account: main-trunk',
      'Date: Mon, 23 Nov 2026 09:15:00 GMT',
      'Content-Type: application/sdp',
    ],
    answerSdp,
  );
}

/** ACK and BYE of a dialog; `to` is the To of the 200. */
export function inDialogText(
  method: 'ACK' | 'BYE',
  parties: CallParties,
  dialog: { readonly remoteTarget: string; readonly to: string; readonly branch: string },
): string {
  const lines = [
    `Via: SIP/2.0/UDP 127.0.0.1:${parties.port};branch=z9hG4bK${dialog.branch};rport`,
    'Max-Forwards: 70',
    ...dialogLines(parties, dialog.to),
    `CSeq: ${method === 'ACK' ? 1 : 2} ${method}`,
  ];
  return message(`${method} ${dialog.remoteTarget} SIP/2.0`, lines, '');
}

/** An answer to a request that came to the generator; `tag` for the To of one that makes a dialog. */
export function responseTo(
  request: string,
  status: string,
  tag: string,
  port: number,
  body: string = '',
): string {
  const copied = request
    .slice(0, request.indexOf('\r\n\r\n'))
    .split('\r\n')
    .filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line))
    .map((line) => (/^To:/i.test(line) && !line.includes(';tag=') ? `${line};tag=${tag}` : line));
  const typed = body === '' ? [] : ['Content-Type: application/sdp'];
  return message(`SIP/2.0 ${status}`, [...copied, `Contact: <sip:bench@127.0.0.1:${port}>`, ...typed], body);
}

function dialogLines({ port, target, callId }: CallParties, to: string | undefined): string[] {
  return [
    `From: "Erika Mustermann" <sip:+4930123456@127.0.0.1:${port}>;tag=${callId.replace('@', '.')}`,
    `To: ${to ?? `<sip:gateway@127.0.0.1:${target}>`}`,
    `Call-ID: ${callId}`,
  ];
}

function message(startLine: string, lines: readonly string[], body: string): string {
  return `${[startLine, ...lines, `Content-Length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`;
}
