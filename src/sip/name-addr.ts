import { endOfQuotes, hasEmptyParameter, parseParameters, trimSpace } from './header-text.ts';
import { parseUri, type SipUri } from './sip-uri.ts';

/** Value of From, To, Contact, Route … (RFC 3261 §20.10), as wire text. */
export interface NameAddr {
  readonly displayName: string | undefined;
  readonly uri: SipUri;
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

export function parseNameAddr(value: string): NameAddr | undefined {
  const text = trimSpace(value);
  const open = openingBracket(text);
  if (open === undefined) return undefined;
  if (open < 0) return parseBare(text);
  const close = text.indexOf('>', open);
  if (close < 0) return undefined;
  const uri = parseUri(text.slice(open + 1, close));
  const after = trimSpace(text.slice(close + 1));
  if (uri === undefined || (after !== '' && !after.startsWith(';'))) return undefined;
  const name = trimSpace(text.slice(0, open));
  if (!isName(name) || hasEmptyParameter(after)) return undefined;
  return { displayName: displayNameOf(name), uri, parameters: parseParameters(after.slice(1)) };
}

/** A quoted string and nothing else, or words: what they may hold is not looked at too closely, a comma would end the value. */
function isName(text: string): boolean {
  return text.startsWith('"') ? endOfQuotes(text, 0) === text.length - 1 : !/[",]/.test(text);
}

/** Where `<` stands outside of quotes; -1 without one; undefined when a quote is never closed. */
function openingBracket(text: string): number | undefined {
  if (!text.startsWith('"')) {
    const bracket = text.indexOf('<');
    return bracket;
  }
  const end = endOfQuotes(text, 0);
  if (end >= text.length) return undefined;
  const bracket = text.indexOf('<', end);
  return bracket < 0 ? undefined : bracket;
}

/**
 * Without brackets every parameter belongs to the header, not to the URI, and the URI must have no question mark and no comma
 * (RFC 3261 §20.10).
 */
function parseBare(text: string): NameAddr | undefined {
  const semicolon = text.indexOf(';');
  const address = trimSpace(semicolon < 0 ? text : text.slice(0, semicolon));
  const uri = /[?,]/.test(address) ? undefined : parseUri(address);
  if (uri === undefined || hasEmptyParameter(text)) return undefined;
  const parameters = parseParameters(semicolon < 0 ? '' : text.slice(semicolon + 1));
  return { displayName: undefined, uri, parameters };
}

function displayNameOf(text: string): string | undefined {
  if (text === '') return undefined;
  if (!text.startsWith('"')) return text;
  return text.slice(1, endOfQuotes(text, 0)).replace(/\\(.)/gs, '$1');
}
