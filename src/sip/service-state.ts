import { headerLine } from './header-line.ts';
import { servedMethods } from './served-methods.ts';

/** What a peer that asks with OPTIONS is told about us. */
export interface ServiceState {
  /** `open`: a new call would be served now. `unavailable`: the conference service is not there. */
  readonly state: 'open' | 'full' | 'draining' | 'unavailable';
  readonly calls: number;
  /** Undefined: not known. */
  readonly maxCalls: number | undefined;
}

/**
 * The answer to OPTIONS outside of a dialog (RFC 3261 §11): 200, or 503 with Retry-After when no call would be served. A proxy that
 * spreads calls over several gateways finds in it how busy this one is.
 */
export function optionsAnswer({ state, calls, maxCalls }: ServiceState): {
  readonly status: number;
  readonly phrase: string;
  readonly lines: string[];
} {
  const lines = [
    headerLine('Allow', servedMethods.join(', ')),
    headerLine('Accept', 'application/sdp'),
    headerLine('X-Jigasi-State', state),
    headerLine('X-Jigasi-Calls', String(calls)),
    ...(maxCalls === undefined ? [] : [headerLine('X-Jigasi-Max-Calls', String(maxCalls))]),
  ];
  return state === 'open'
    ? { status: 200, phrase: 'OK', lines }
    : { status: 503, phrase: 'Service Unavailable', lines: [...lines, headerLine('Retry-After', '10')] };
}
