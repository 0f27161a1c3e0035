/**
 * What sipp scenarios repeat, written as `{{name words}}`:
 * - `call INVITE 1`: head of a request outside of a dialog, CSeq 1; a CANCEL has the branch of its INVITE;
 * - `inside BYE 2`: head of a request of the caller in the dialog (needs `rrs="true"` where the 200 is received);
 * - `turned one BYE 1`: the same for the callee, whose To tag was `one` (`a` after `reply`); needs the From of the INVITE in
 *   `from`, its To in `to`, and `rrs="true"` where it is received;
 * - `refused 1`, `refused-inside 2`: head of the ACK for a refused INVITE;
 * - `reply 200 OK`: head of a response that makes a dialog; `forked two 200 OK`: with a To tag of its own;
 * - `echo 200 OK`: head of a response to what was received last, inside a dialog or about a CANCEL;
 * - `sdp 2 sendonly`: type, length and body, version 2; `nowhere` as direction: `c=` of 0.0.0.0; `end`: no body.
 */
export function expandScenario(text: string): string {
  return text.replaceAll(/\{\{([^{}]+)\}\}/g, (_, words: string) => block(words.split(' ')));
}

function block([name = '', ...words]: string[]): string {
  const [first = '', second = ''] = words;
  switch (name) {
    case 'call':
      return request(first, second, first === 'CANCEL' ? 'INVITE' : first, outside, '');
    case 'refused':
      return request('ACK', first, 'INVITE', outside, '[peer_tag_param]');
    case 'inside':
      return request(first, second, first, '[next_url]', '[peer_tag_param]');
    case 'turned':
      return turned(first, second, words[2] ?? '');
    case 'refused-inside':
      return request('ACK', first, 'INVITE', '[next_url]', '[peer_tag_param]');
    case 'reply':
      return response(words.join(' '), ';tag=[pid]a[call_number]');
    case 'forked':
      return response(words.slice(1).join(' '), `;tag=[pid]${first}[call_number]`);
    case 'echo':
      return response(words.join(' '), '');
    case 'sdp':
      return description(first, second);
    case 'end':
      return lines('Content-Length: 0', '');
    default:
      throw new Error(`sipp scenario: no block is named ${name}`);
  }
}

const outside = 'sip:[service]@[remote_ip]:[remote_port]';
const contact = 'Contact: <sip:sipp@[local_ip]:[local_port]>';

function request(method: string, cseq: string, branch: string, uri: string, toTag: string): string {
  return lines(
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK[pid]c[call_number]n${cseq}${branch}`,
    'Max-Forwards: 70',
    'From: "sipp" <sip:sipp@[local_ip]:[local_port]>;tag=[pid]s[call_number]',
    `To: <sip:[service]@[remote_ip]>${toTag}`,
    'Call-ID: [call_id]',
    `CSeq: ${cseq} ${method}`,
    contact,
  );
}

function turned(tag: string, method: string, cseq: string): string {
  return lines(
    `${method} [next_url] SIP/2.0`,
    `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK[pid]t[call_number]n${cseq}${method}`,
    'Max-Forwards: 70',
    `From:[$to];tag=[pid]${tag}[call_number]`,
    'To:[$from]',
    'Call-ID: [call_id]',
    `CSeq: ${cseq} ${method}`,
    contact,
  );
}

function response(status: string, toTag: string): string {
  return lines(
    `SIP/2.0 ${status}`,
    '[last_Via:]',
    '[last_Record-Route:]',
    '[last_From:]',
    `[last_To:]${toTag}`,
    '[last_Call-ID:]',
    '[last_CSeq:]',
    contact,
  );
}

function description(version: string, direction: string): string {
  const address = direction === 'nowhere' ? '0.0.0.0' : '[media_ip]';
  return lines(
    'Content-Type: application/sdp',
    'Content-Length: [len]',
    '',
    'v=0',
    `o=sipp 1 ${version} IN IP4 [local_ip]`,
    's=-',
    `c=IN IP4 ${address}`,
    't=0 0',
    'm=audio [media_port] RTP/AVP 0 101',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
    `a=${direction === 'nowhere' || direction === '' ? 'sendrecv' : direction}`,
  );
}

function lines(...all: string[]): string {
  return all.join('\n');
}
