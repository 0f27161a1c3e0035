import { parseParameters } from './header-text.ts';
import { hostInUri, parseHostPort } from './sip-uri.ts';

/** One Via value (RFC 3261 §20.42). */
export interface Via {
  /** Upper case: `UDP`, `TCP`, … */
  readonly transport: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly branch: string | undefined;
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

export interface Address {
  readonly address: string;
  readonly port: number;
}

/** Any version: a request of another one is answered, with 505. */
const sentProtocol = /^SIP\s*\/\s*\d{1,3}\.\d{1,3}\s*\/\s*([A-Za-z0-9-]{1,12})\s+(.{1,300})$/i;

export function parseVia(value: string): Via | undefined {
  const semicolon = value.indexOf(';');
  const match = sentProtocol.exec((semicolon < 0 ? value : value.slice(0, semicolon)).trim());
  if (match === null) return undefined;
  const sentBy = parseHostPort((match[2] ?? '').trim());
  if (sentBy === undefined) return undefined;
  const parameters = parseParameters(semicolon < 0 ? '' : value.slice(semicolon + 1));
  return {
    transport: (match[1] ?? '').toUpperCase(),
    host: sentBy.host,
    port: sentBy.port,
    branch: parameters.get('branch'),
    parameters,
  };
}

/**
 * The top Via of a received request with the address it really came from: `received` when that differs from sent-by
 * (RFC 3261 §18.2.1) and `rport` when it was asked for (RFC 3581 §4).
 */
export function stampVia(text: string, via: Via, source: Address): string {
  const wantsPort = via.parameters.has('rport');
  let stamped = via.parameters.has('received') ? text.replace(/;\s*received\s*=[^;]*/gi, '') : text;
  if (wantsPort) stamped = stamped.replace(/;\s*rport\s*(?:=[^;]*)?(?=;|$)/i, `;rport=${source.port}`);
  const named = wantsPort || via.host !== hostInUri(source.address);
  return named ? `${stamped};received=${source.address}` : stamped;
}

/** Where a response goes over UDP (RFC 3261 §18.2.2, RFC 3581 §4): the source address, and its port when `rport` asks for it. */
export function responseAddress(via: Via, source: Address): Address {
  const port = via.parameters.has('rport') ? source.port : (via.port ?? 5060);
  return { address: source.address, port: port === 0 ? source.port : port };
}

/** Node leaves a socket's addresses undefined once it is closed, and writes IPv4 on a dual-stack socket as `::ffff:…`. */
export function safeSource(address: string | undefined, port: number | undefined): Address {
  return { address: (address ?? '0.0.0.0').replace(/^::ffff:(?=\d+\.)/, ''), port: port ?? 0 };
}
