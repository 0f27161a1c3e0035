import type { SipCall } from '../sip/engine.ts';

/** The name of a phone in the room: the caller's, or its number, and who passed the call on. */
export function callerName({ displayName, user, diverted }: SipCall['remote']): string {
  const name = displayName ?? user;
  return diverted === undefined ? name : `${name} (via ${diverted.displayName ?? diverted.user})`;
}
