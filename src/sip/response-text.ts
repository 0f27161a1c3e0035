import { createHmac, randomBytes } from 'node:crypto';
import { headerLine } from './header-line.ts';
import type { Headers } from './message.ts';

const tagSecret = randomBytes(16);

/**
 * A complete response without body. From, To, Call-ID, CSeq and Via are the request's (RFC 3261 §8.2.6.2); To gets a tag that
 * is the same for each retransmission of the request (§8.2.7), so no state has to be kept; `toTag` is used instead when given.
 */
export function responseText(
  headers: Headers,
  status: number,
  phrase: string,
  extraLines: readonly string[] = [],
  toTag?: string,
): string {
  const to = headers.get('to') ?? '';
  const tag =
    status > 100 && !/;\s*tag\s*=/i.test(to.slice(to.lastIndexOf('>') + 1))
      ? `;tag=${toTag ?? statelessTag(headers)}`
      : '';
  const lines = [
    `SIP/2.0 ${status} ${phrase.replace(/[^\x20-\x7e]/g, '')}`,
    ...headers.all('via').map((via) => `Via: ${via}`),
    ...echoed('From', headers.get('from')),
    ...echoed('To', headers.get('to') === undefined ? undefined : `${to}${tag}`),
    ...echoed('Call-ID', headers.get('call-id')),
    ...echoed('CSeq', headers.get('cseq')),
    ...extraLines,
    headerLine('Content-Length', '0'),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A request that is refused with 400 may have none. */
function echoed(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${name}: ${value}`];
}

function statelessTag(headers: Headers): string {
  const identity = `${headers.get('call-id')}\n${headers.get('from')}\n${headers.get('via')}`;
  return createHmac('sha256', tagSecret).update(identity).digest('hex').slice(0, 16);
}
