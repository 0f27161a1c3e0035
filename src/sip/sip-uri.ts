import { isIPv6 } from 'node:net';
import { parseParameters } from './header-text.ts';

/** A URI as SIP uses it (RFC 3261 §19.1, `tel:` of RFC 3966). `text` is what the peer wrote; escapes are left alone. */
export interface SipUri {
  readonly text: string;
  /** Lower case. */
  readonly scheme: string;
  readonly user: string | undefined;
  /** Lower case; an IPv6 reference keeps its brackets; empty for `tel:`. */
  readonly host: string;
  readonly port: number | undefined;
  readonly parameters: ReadonlyMap<string, string | undefined>;
  /** What stands after `?`: headers for the request that is made from the URI (RFC 3261 §19.1.1). */
  readonly headers: string | undefined;
}

const schemeText = /^([A-Za-z][A-Za-z0-9+.-]{0,20}):/;
const hostText = /^[A-Za-z0-9._-]{1,255}$/;
const referenceText = /^\[([0-9A-Fa-f:.]{2,45})\]$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const forbidden = /[\u0000-\u0020\u007f<>"]/;

/** Undefined when the text is not a URI. URIs of unknown schemes have an empty host. */
export function parseUri(text: string): SipUri | undefined {
  if (forbidden.test(text)) return undefined;
  const scheme = schemeText.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return undefined;
  const rest = text.slice(scheme.length + 1);
  if (scheme === 'sip' || scheme === 'sips') return parseSip(text, scheme, rest);
  const semicolon = rest.indexOf(';');
  return {
    text,
    scheme,
    user: semicolon < 0 ? rest : rest.slice(0, semicolon),
    host: '',
    port: undefined,
    parameters: new Map(),
    headers: undefined,
  };
}

function parseSip(text: string, scheme: string, rest: string): SipUri | undefined {
  const at = rest.indexOf('@');
  const user = at < 0 ? undefined : withoutPassword(rest.slice(0, at));
  if (user === '') return undefined;
  const afterUser = rest.slice(at + 1);
  const question = afterUser.indexOf('?');
  const hostAndParameters = question < 0 ? afterUser : afterUser.slice(0, question);
  const semicolon = hostAndParameters.indexOf(';');
  const hostPort = semicolon < 0 ? hostAndParameters : hostAndParameters.slice(0, semicolon);
  const parsed = parseHostPort(hostPort);
  if (parsed === undefined) return undefined;
  return {
    text,
    scheme,
    user,
    host: parsed.host,
    port: parsed.port,
    parameters: parseParameters(semicolon < 0 ? '' : hostAndParameters.slice(semicolon + 1)),
    headers: question < 0 ? undefined : afterUser.slice(question + 1),
  };
}

function withoutPassword(userInfo: string): string {
  const colon = userInfo.indexOf(':');
  return colon < 0 ? userInfo : userInfo.slice(0, colon);
}

/** `host`, `host:port`, `[v6]` or `[v6]:port`. */
export function parseHostPort(text: string): { host: string; port: number | undefined } | undefined {
  const colon = text.indexOf(':', text.lastIndexOf(']') + 1);
  const host = readHost(colon < 0 ? text : text.slice(0, colon).trimEnd());
  if (host === undefined) return undefined;
  if (colon < 0) return { host, port: undefined };
  const digits = text.slice(colon + 1).trimStart();
  if (!/^\d{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  return port > 65_535 ? undefined : { host, port };
}

/** Name, IPv4 address or IPv6 reference in lower case. The extra colon that RFC 3261's grammar asks for is left out (RFC 5118 §4.10). */
function readHost(text: string): string | undefined {
  if (hostText.test(text)) return text.toLowerCase();
  const address = referenceText.exec(text)?.[1]?.replace(':::', '::');
  return address !== undefined && isIPv6(address) ? `[${address.toLowerCase()}]` : undefined;
}

/** `[::1]` → `::1`; everything else unchanged. */
export function bareHost(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

/** Address in a URI or Via: IPv6 gets its brackets. */
export function hostInUri(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
