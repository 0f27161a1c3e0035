import { randomBytes } from 'node:crypto';

/** Who a call is in its room. Jicofo and the bridge take a known JID and nick for the old participant, so each is used once. */
export interface Identity {
  /** `callid@component/nick`. */
  readonly jid: string;
  readonly bare: string;
  /** Eight hex digits: Jicofo reads the endpoint id as a domain name. */
  readonly nick: string;
}

/** `again`: not the call's first identity; its bare JID gets a suffix, since affiliations go by bare JID. */
export function newIdentity(callId: string, componentDomain: string, again: boolean): Identity {
  const local = callId.toLowerCase().replace(/[^a-z0-9._-]/g, '-');
  const suffix = again ? `-${randomBytes(4).toString('hex')}` : '';
  const bare = `${local}${suffix}@${componentDomain}`;
  const nick = randomBytes(4).toString('hex');
  return { bare, nick, jid: `${bare}/${nick}` };
}
