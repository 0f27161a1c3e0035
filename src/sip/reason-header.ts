import { endings, type Failure } from '../errors.ts';
import { headerLine, quoted } from './header-line.ts';

/** Value of the `Reason` header (RFC 3326) for an ending: our SIP status and its phrase, never the detail. */
export function reasonValue(why: Failure): string {
  const ending = endings[why.code];
  return `SIP;cause=${ending.sip};text=${quoted(ending.phrase)}`;
}

export function reasonLine(why: Failure): string {
  return headerLine('Reason', reasonValue(why));
}

/** Status, phrase and further header lines that refuse an INVITE. */
export function refusalOf(why: Failure): { status: number; phrase: string; lines: string[] } {
  const ending = endings[why.code];
  // An ending that is no failure (somebody hung up) still has to be a refusal here.
  const status = ending.sip >= 400 ? ending.sip : 480;
  const lines = status === 503 ? [headerLine('Retry-After', '10')] : [];
  return { status, phrase: ending.phrase, lines };
}
