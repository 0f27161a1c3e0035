import { z } from 'zod';
import { isAddress, isAddressRange, isHostAddress, isUnspecified } from './addresses.ts';

/** What a value must look like. It is read from text (command line, environment, properties) or from a YAML scalar or list. */
export interface Kind<T> {
  /** Completes `this is not …`. */
  readonly expects: string;
  readonly schema: z.ZodType<T>;
}

export interface SipUri {
  readonly user: string;
  readonly domain: string | undefined;
}

/** RFC 7622 §3.3 without spaces; the same rule as for rooms that a call names. */
const localpart = /^[^\s"&'/:<>@\p{Cc}\p{Cf}]{1,256}$/u;
const domainLabels = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*$/i;
const noControls = /^[^\p{Cc}]+$/u;
/** RFC 3261 §25.1. */
const token = /^[A-Za-z0-9.!%*_+`'~-]{1,64}$/;

/** A YAML list, or text with commas. */
const entries = z
  .union([z.array(z.string()), z.string().transform((value) => value.split(','))])
  .transform((values) => values.map((value) => value.trim()).filter((value) => value !== ''));

export const text = matching(
  'text without control characters (in YAML: in quotes)',
  z.string().max(256).regex(noControls),
);

export const secret = matching(
  'text without control characters and not longer than 1024 (in YAML: in quotes)',
  z.string().max(1024).regex(noControls),
);

export const domainName = matching(
  'a domain name such as meet.example',
  z.string().regex(domainLabels).toLowerCase(),
);

export const hostOrAddress = matching(
  'a host name or an IP address, without port',
  converted(z.string(), toHost),
);

export const hostsOrAddresses: Kind<readonly string[]> = matching(
  'host names or IP addresses without ports, separated by commas, each once',
  converted(entries, (values) => uniqueList(values.map(toHost))),
);

/** What drachtio-srf takes. */
export const drachtioTags = listOf(
  /^[a-zA-Z0-9_+@:-]{1,32}$/,
  'at most 20 tags of letters, digits and - _ + @ :, separated by commas',
  20,
);

export const localAddress = matching(
  'an IP address of this machine (0.0.0.0 for all)',
  z.string().refine((value) => isHostAddress(value)),
);

export const localAddress6 = matching(
  'an IPv6 address of this machine (:: for all)',
  z.string().refine((value) => value.includes(':') && isHostAddress(value)),
);

export const file = matching('the path of a file', z.string().min(1).max(4096).regex(noControls));

/** A file that is named like a switch is written with its directory: `./on`. */
export const holdMusic: Kind<string> = matching(
  'off, on, or the path of a sound file',
  z.union([
    z.boolean().transform((on) => (on ? 'on' : 'off')),
    file.schema.transform((value) => (/^(?:on|off)$/i.test(value) ? value.toLowerCase() : value)),
  ]),
);

export const publicAddress = matching(
  'an IP address under which peers reach this machine',
  z.string().refine((value) => isHostAddress(value) && !isUnspecified(value)),
);

/** `name` or `name@domain`. */
export const room = matching(
  'a room name, or a room JID such as lobby@conference.meet.example',
  bareJid(true),
);

/** `domain` or `name@domain`. */
export const bareJidOrDomain = matching('a JID such as focus.meet.example', bareJid(false));

export const sipUri: Kind<SipUri> = matching(
  'a SIP address such as 1000@pbx.example (no port, no parameters)',
  converted(z.string(), toSipUri),
);

export const dialPrefix = matching(
  'a dial prefix of digits, letters, + * . _ or - (in YAML: in quotes)',
  z.string().regex(/^[0-9A-Za-z+*._-]{1,32}$/),
);

/** The beginning of a number and what comes in its place; `to` may be empty. */
export interface PrefixChange {
  readonly from: string;
  readonly to: string;
}

/** `from=to`, separated by commas. */
export const prefixChanges: Kind<readonly PrefixChange[]> = matching(
  'a list of changes such as +49=0, +=00 (in YAML: in quotes)',
  converted(entries, (values) => {
    const read = values.map(toPrefixChange).filter((change) => change !== undefined);
    return read.length === values.length && read.length <= 32 ? read : undefined;
  }),
);

/** Beginnings of numbers; a ? stands for any digit. */
export const numberPrefixes = listOf(
  /^[0-9A-Za-z+*#?._-]{1,32}$/,
  'beginnings of numbers such as "+49" or "0?00", each in quotes; ? is any digit',
  64,
);

/** Name of an account: it stands in the log and in rules. */
export const accountName = matching(
  'a name of letters, digits, - and _',
  z.string().regex(/^[A-Za-z0-9_-]{1,32}$/),
);

export const accountNames: Kind<readonly string[]> = matching(
  'names of accounts, best first, each once',
  converted(entries, uniqueList),
);

export interface HeaderMatch {
  readonly name: string;
  /** Undefined: the header must only be there. */
  readonly value: string | undefined;
}

/** `Name` or `Name: value`. */
export const headerMatch: Kind<HeaderMatch> = matching(
  'a header such as "X-Trunk" or "X-Trunk: gold" (in quotes)',
  converted(z.string(), toHeaderMatch),
);

export interface Server {
  readonly host: string;
  readonly port: number | undefined;
}

/** `host` or `host:port`, separated by commas; an IPv6 address with a port stands in brackets. */
export const servers: Kind<readonly Server[]> = matching(
  'a list of servers such as pbx2.example, pbx3.example:5080',
  converted(entries, (values) => {
    const read = values.map(toServer).filter((server) => server !== undefined);
    return read.length === values.length && read.length <= 8 ? read : undefined;
  }),
);

export const stunServer = matching(
  'a STUN server such as stun.example:3478',
  converted(z.string(), toStunServer),
);

export const switched: Kind<boolean> = matching(
  'true or false',
  z.union([
    z.boolean(),
    z
      .string()
      .toLowerCase()
      .pipe(z.enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off']))
      .transform((value) => ['true', '1', 'yes', 'on'].includes(value)),
    z.literal([0, 1]).transform((value) => value === 1),
  ]),
);

export const headerNames = listOf(token, 'names of SIP headers, separated by commas');

export const headerPatterns = listOf(
  /^[A-Za-z0-9.!%_+`'~-]{1,64}\*?$/,
  'names of SIP headers, separated by commas; a * may end a name',
);

export const addressRanges: Kind<readonly string[]> = matching(
  'IP addresses or ranges such as 192.0.2.0/24, separated by commas',
  entries.pipe(z.array(z.string().refine((value) => isAddressRange(value))).max(256)),
);

/** Part of a User-Agent value. */
export const agentNames = listOf(/^[\x20-\x7e]{3,64}$/, 'parts of User-Agent values, separated by commas');

export const port = wholeNumber(1, 65_535, 'a port number');

/** 0 lets the system choose. */
export const listenPort = wholeNumber(0, 65_535, 'a port number');

export function wholeNumber(min: number, max: number, what = 'a whole number'): Kind<number> {
  const digits = z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number);
  return matching(
    `${what} from ${min} to ${max}`,
    z.union([z.number(), digits]).pipe(z.int().min(min).max(max)),
  );
}

/** A time in seconds, or 0 for none. */
export function seconds(min: number, max: number): Kind<number> {
  const within = wholeNumber(min, max).schema;
  return matching(
    `0, or a whole number from ${min} to ${max}`,
    z.union([within, z.literal(0), z.literal('0').transform(() => 0)]),
  );
}

/** One of `names`, in any case. `remark` explains what is missing from them. */
export function oneOf<const T extends string>(names: readonly T[], remark = ''): Kind<T> {
  return matching(
    `one of ${names.join(', ')}${remark}`,
    converted(z.string(), (value) => find(names, value)),
  );
}

/** As `oneOf`; `others` are further spellings, of other programs. */
export function oneOfSpelled<const T extends string>(
  names: readonly T[],
  others: Readonly<Record<string, T>>,
): Kind<T> {
  const spelled = new Map(Object.entries(others).map(([other, name]) => [other.toLowerCase(), name]));
  return matching(
    `one of ${names.join(', ')}`,
    converted(z.union([z.string(), z.boolean().transform(String)]), (value) => {
      return find(names, value) ?? spelled.get(value.trim().toLowerCase());
    }),
  );
}

/** A directory; whether it is there is seen when it is used. */
export const directory = matching('the path of a directory', z.string().min(1).max(1024).regex(noControls));

/** Folder of the prompts: a language tag such as en or pt-BR. */
export const language = matching(
  'a language such as en, de or pt-BR',
  z.string().regex(/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}$/),
);

/** Some of `names`, in any case, each once, in the order given. */
export function someOf<const T extends string>(names: readonly T[]): Kind<readonly T[]> {
  return matching(
    `a list of ${names.join(', ')}, each at most once`,
    converted(entries, (values) => uniqueList(values.map((value) => find(names, value)))),
  );
}

function listOf(entry: RegExp, expects: string, most = 32): Kind<readonly string[]> {
  return { expects, schema: entries.pipe(z.array(z.string().regex(entry)).max(most)) };
}

function matching<T>(expects: string, schema: z.ZodType<T>): Kind<T> {
  return { expects, schema };
}

/** A schema that reads further with `convert`; undefined: it cannot. */
function converted<From, To>(
  schema: z.ZodType<From>,
  convert: (value: From) => To | undefined,
): z.ZodType<To> {
  return schema.transform((value, context) => {
    const result = convert(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom' });
    return z.NEVER;
  });
}

function uniqueList<T>(values: readonly (T | undefined)[]): readonly T[] | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 && known.length === values.length && new Set(known).size === known.length
    ? known
    : undefined;
}

function find<T extends string>(names: readonly T[], value: string): T | undefined {
  return names.find((name) => name.toLowerCase() === value.trim().toLowerCase());
}

function toHost(value: string): string | undefined {
  const host = value.replace(/^\[(.*)\]$/, '$1');
  // Labels of digits only are a mistyped address, not a name.
  const isName = domainLabels.test(host) && !/^[\d.]+$/.test(host);
  return isAddress(host) || isName ? host.toLowerCase() : undefined;
}

function toSipUri(value: string): SipUri | undefined {
  const [user = '', domain, ...rest] = value.trim().replace(/^sip:/i, '').split('@');
  if (rest.length > 0 || !/^[A-Za-z0-9\-_.!~*'()&=+$,?/%]{1,128}$/.test(user)) return undefined;
  if (domain === undefined) return { user, domain: undefined };
  const host = toHost(domain);
  return host === undefined ? undefined : { user, domain: host };
}

function toPrefixChange(value: string): PrefixChange | undefined {
  const match = /^([0-9A-Za-z+*._-]{1,32})=([0-9A-Za-z+*._-]{0,32})$/.exec(value);
  return match?.[1] === undefined ? undefined : { from: match[1], to: match[2] ?? '' };
}

function toHeaderMatch(value: string): HeaderMatch | undefined {
  const match = /^([A-Za-z0-9.!%*_+`'~-]{1,64})(?:\s*:\s*([^\p{Cc}]{1,256}))?$/u.exec(value.trim());
  return match?.[1] === undefined ? undefined : { name: match[1], value: match[2]?.trim() };
}

function toServer(value: string): Server | undefined {
  const whole = toHost(value);
  if (whole !== undefined) return { host: whole, port: undefined };
  const match = /^(\[[^\]]+\]|[^:\s]+):(\d{1,5})$/.exec(value);
  const host = toHost(match?.[1] ?? '');
  const number = Number(match?.[2]);
  return host === undefined || !(number >= 1 && number <= 65_535) ? undefined : { host, port: number };
}

function toStunServer(value: string): string | undefined {
  const match = /^(?:stun:)?(\[[^\]]+\]|[^:\s]+)(?::(\d{1,5}))?$/.exec(value);
  const host = toHost(match?.[1] ?? '');
  const number = Number(match?.[2] ?? 3478);
  if (host === undefined || number < 1 || number > 65_535) return undefined;
  return host.includes(':') ? `[${host}]:${number}` : `${host}:${number}`;
}

function bareJid(nameAlone: boolean): z.ZodType<string> {
  return z
    .string()
    .refine((value) => {
      const [first = '', domain, ...rest] = value.split('@');
      if (rest.length > 0) return false;
      if (domain === undefined) return (nameAlone ? localpart : domainLabels).test(first);
      return localpart.test(first) && domainLabels.test(domain);
    })
    .toLowerCase();
}
