import { millisecondsToSeconds } from './durations.ts';
import { type Option, type OptionKey, optionKeys, options } from './options.ts';
import type { Problem } from './problem.ts';
import { parseProperties } from './properties-text.ts';
import type { Given, Source } from './settings.ts';

export interface PropertiesReading {
  readonly source: Source;
  readonly warnings: readonly string[];
  readonly problems: readonly Problem[];
}

const protocols = 'net.java.sip.communicator.impl.protocol';
const prefixes = {
  sip: `${protocols}.sip`,
  jabber: `${protocols}.jabber`,
  jigasi: 'org.jitsi.jigasi',
} as const;

/** They belong to an account and say nothing more. */
const structural = ['', 'ACCOUNT_UID', 'PROTOCOL_NAME', 'IS_ACCOUNT_DISABLED', 'PROXY_AUTO_CONFIG'];

/**
 * Reads the Java Jigasi's sip-communicator.properties as far as it has a meaning here: its first SIP account, its first XMPP
 * account (brewery, server) and some global keys. The others are named in one warning.
 */
export function readProperties(text: string, file: string): PropertiesReading {
  const properties = parseProperties(text);
  const sip = firstAccount(properties, prefixes.sip);
  const jabber = firstAccount(properties, prefixes.jabber);
  const read = new Set<string>(
    structural.flatMap((name) => [accountKey(sip, name), accountKey(jabber, name)]),
  );
  const problems: Problem[] = [];
  const source = new Map<OptionKey, Given>();

  const textOf = (name: string): Given | undefined => {
    const key = fullKey(name, sip, jabber);
    if (key === undefined) return undefined;
    read.add(key);
    const raw = properties.get(key)?.trim();
    return raw === undefined || raw === '' || isPlaceholder(raw)
      ? undefined
      : { raw, from: `${file} ${key}` };
  };
  const useProxy =
    textOf('sip:PROXY_ADDRESS') !== undefined && textOf('sip:PROXY_AUTO_CONFIG')?.raw !== 'true';

  for (const key of optionKeys) {
    for (const name of (options[key] as Option).properties) {
      const given = convert(name, textOf(name), problems);
      if (given === undefined || source.has(key) || (name.startsWith('sip:PROXY_') && !useProxy)) continue;
      source.set(key, given);
    }
  }
  completeAddress(source, textOf('sip:SERVER_ADDRESS'));
  return { source, warnings: warningsOf(properties, read, file), problems };
}

/** `accN` of the account that comes first in the file, as Jigasi takes it. */
function firstAccount(properties: ReadonlyMap<string, string>, prefix: string): string | undefined {
  for (const key of properties.keys()) {
    const account = key.startsWith(`${prefix}.`) ? key.slice(prefix.length + 1).split('.')[0] : undefined;
    if (account?.startsWith('acc') && properties.has(`${prefix}.${account}.USER_ID`))
      return `${prefix}.${account}`;
  }
  return undefined;
}

function accountKey(account: string | undefined, name: string): string {
  return name === '' ? (account ?? '') : `${account}.${name}`;
}

/** `sip:USER_ID` and the like as a key of the file. */
function fullKey(name: string, sip: string | undefined, jabber: string | undefined): string | undefined {
  const [scope, rest = ''] = name.split(':');
  const prefix = scope === 'sip' ? sip : scope === 'jabber' ? jabber : prefixes.jigasi;
  return prefix === undefined ? undefined : `${prefix}.${rest}`;
}

/** `<<JIGASI_SIPUSER>>` stands in the sample file until the installer replaces it. */
function isPlaceholder(text: string): boolean {
  return /^<<.*>>$/.test(text);
}

function convert(name: string, given: Given | undefined, problems: Problem[]): Given | undefined {
  if (given === undefined) return undefined;
  const raw = String(given.raw);
  if (name === 'jigasi:JVB_INVITE_TIMEOUT') return { ...given, raw: millisecondsToSeconds(raw) };
  if (name !== 'sip:PASSWORD') return given;
  const password = fromBase64(raw);
  if (password !== undefined) return { ...given, raw: password };
  problems.push({
    from: given.from,
    what: 'the value is not Base64',
    remedy: 'In this file passwords are Base64: printf %s "$PASSWORD" | base64',
  });
  return undefined;
}

function fromBase64(text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) return undefined;
  const decoded = bytes.toString('utf8');
  return decoded.includes('\ufffd') ? undefined : decoded;
}

/** A user id without domain belongs to the registrar's. */
function completeAddress(source: Map<OptionKey, Given>, server: Given | undefined): void {
  const uri = source.get('sip.uri');
  if (uri === undefined || server === undefined || String(uri.raw).includes('@')) return;
  source.set('sip.uri', { ...uri, raw: `${String(uri.raw)}@${String(server.raw)}` });
}

function warningsOf(
  properties: ReadonlyMap<string, string>,
  read: ReadonlySet<string>,
  file: string,
): string[] {
  const unread = [...properties.keys()].filter((key) => !read.has(key));
  const placeholders = [...properties].filter(([, value]) => isPlaceholder(value)).map(([key]) => key);
  return [
    ...(unread.length === 0 ? [] : [`${file}: keys without meaning here: ${unread.join(', ')}`]),
    ...(placeholders.length === 0 ? [] : [`${file}: never filled in, ignored: ${placeholders.join(', ')}`]),
  ];
}
