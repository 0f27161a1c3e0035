import type { SipCall } from './engine.ts';
import { fromWire, withoutControls } from './header-line.ts';
import type { NameAddr } from './name-addr.ts';

/** The other party as readable text: nothing in it is trusted, control characters are gone, lengths are bounded. */
export function remoteOf(party: NameAddr): SipCall['remote'] {
  const clean = (text: string): string => withoutControls(fromWire(text)).slice(0, 200);
  return {
    uri: clean(party.uri.text),
    user: clean(unescapeUser(party.uri.user ?? '')),
    displayName: party.displayName === undefined ? undefined : clean(party.displayName),
  };
}

function unescapeUser(user: string): string {
  return user.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
