import { refuseBody } from './body-admission.ts';
import { headerLine } from './header-line.ts';
import type { SipRequest } from './message.ts';
import { dialogMethods, servedMethods } from './served-methods.ts';

/** What is to be done with a request before any engine sees it (RFC 3261 §8.2). */
export type Admission =
  | { readonly kind: 'deliver' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly phrase: string;
      readonly lines: readonly string[];
    };

const deliver: Admission = { kind: 'deliver' };

/** Methods of other RFCs that we know and do not serve: 405. What nobody knows gets 501 (RFC 3261 §21.5.2). */
const refusedMethods = new Set(['MESSAGE', 'PUBLISH', 'REGISTER', 'SUBSCRIBE']);
/** Option tags that we can serve when a peer requires them. 100rel: we then send no provisional response but 100 (RFC 3262 §3). */
const servedOptions = new Set(['100rel', 'replaces', 'timer']);

/** Inspects method, URI, Require and body in the order of RFC 3261 §8.2.1 to §8.2.3. */
export function admit(request: SipRequest): Admission {
  const { method, headers } = request;
  const inDialog = request.to.parameters.get('tag') !== undefined;
  const served: readonly string[] = inDialog ? dialogMethods : servedMethods;
  const allow = `Allow: ${served.join(', ')}`;
  if (!served.includes(method)) {
    return refusedMethods.has(method)
      ? answer(405, 'Method Not Allowed', allow)
      : answer(501, 'Not Implemented', allow);
  }
  if (method === 'ACK' || method === 'CANCEL') return deliver;
  if (request.uri.scheme !== 'sip' && request.uri.scheme !== 'tel')
    return answer(416, 'Unsupported URI Scheme');
  const unsupported = headers.list('require').filter((option) => !servedOptions.has(option.toLowerCase()));
  if (unsupported.length > 0) return answer(420, 'Bad Extension', unsupportedLine(unsupported));
  // A call that nobody is in yet would be made on a stranger's word.
  if (method === 'REFER' && !inDialog) return answer(403, 'Forbidden');
  if (method === 'INVITE' && !acceptsSdp(request))
    return answer(406, 'Not Acceptable', 'Warning: 399 - "Accept lacks application/sdp"');
  // RFC 6086 §4.2.2: we offer no package, which the empty header says.
  if (method === 'INFO' && headers.get('info-package') !== undefined)
    return answer(469, 'Bad Info Package', headerLine('Recv-Info', ''));
  return admitBody(request);
}

/** RFC 3261 §20.1: our answer is SDP. Without the header SDP is understood. */
function acceptsSdp({ headers }: SipRequest): boolean {
  if (headers.get('accept') === undefined) return true;
  const ranges = headers.list('accept');
  return ranges.some((range) => /^(?:application\/(?:sdp|\*)|\*\/\*)\s*(?:;|$)/i.test(range));
}

function admitBody(request: SipRequest): Admission {
  const refusal = refuseBody(request);
  if (refusal === undefined) return deliver;
  const { status, phrase, line } = refusal;
  return answer(status, phrase, ...(line === undefined ? [] : [line]));
}

function unsupportedLine(options: readonly string[]): string {
  return headerLine('Unsupported', options.map((option) => option.replace(/[^\w.!%*+`'~-]/g, '')).join(', '));
}

function answer(status: number, phrase: string, ...lines: string[]): Admission {
  return { kind: 'answer', status, phrase, lines };
}
