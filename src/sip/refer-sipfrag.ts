import { withoutControls } from './header-line.ts';
import type { SipRequest } from './message.ts';

export const sipfragType = 'message/sipfrag;version=2.0';

/** Body of a NOTIFY about a transfer: the status line of the new call (RFC 3420, RFC 3515 §2.4.5). */
export function sipfrag(status: number, reason: string): string {
  return `SIP/2.0 ${status} ${withoutControls(reason).slice(0, 100)}\r\n`;
}

/** The status in such a body; undefined when it has none. */
export function statusOfSipfrag({ headers, body }: SipRequest): number | undefined {
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'message/sipfrag') return undefined;
  const status = /^SIP\/2\.0 ([1-6]\d\d)(?: |\r|\n|$)/.exec(body)?.[1];
  return status === undefined ? undefined : Number(status);
}
