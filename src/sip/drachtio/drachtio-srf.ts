/**
 * The only file that imports drachtio-srf. What is typed here is what we use of it: its hand-written types lack half of that.
 * Its dialogs, its digest (MD5 only) and its reconnection are not used; one `Srf` is one connection that we opened ourselves.
 */
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { createServer, type Server, type Socket } from 'node:net';
import Srf from 'drachtio-srf';
import { fromWire, headerLine } from '../header-line.ts';

// The library throws on a response whose status is not in its table, which lacks this one (RFC 6086 §12.5).
const statusCodes: Record<number, string> = createRequire(
  createRequire(import.meta.url).resolve('drachtio-srf'),
)('sip-status');
statusCodes[469] = 'Bad Info Package';

/** A message as drachtio-srf keeps it; `raw` is the text that the server sent. */
export interface SrfMessage {
  readonly raw?: string;
}

export interface SrfRequest extends EventEmitter<SrfRequestEvents> {
  readonly msg: SrfMessage;
  /** Network: a peer sent it. Application: the server sent it in our name. */
  readonly source: 'network' | 'application';
  readonly source_address: string;
  readonly source_port: number;
  readonly stackDialogId: string | undefined;
  cancel(options: { readonly headers: Record<string, string> }, done: (error: unknown) => void): void;
}

interface SrfRequestEvents {
  response: [response: SrfResponse, acknowledge: SrfAcknowledge];
  cancel: [message: SrfMessage];
  update: [request: SrfRequest, response: SrfResponse];
}

export type SrfAcknowledge = (options?: { readonly body?: string }) => void;

export interface SrfResponse {
  readonly msg: SrfMessage;
  readonly source_address: string;
  readonly source_port: number;
  readonly stackDialogId: string | undefined;
  send(
    status: number,
    phrase: string,
    options: { readonly headers: Record<string, string>; readonly body?: string },
    done: (error: unknown) => void,
  ): void;
}

export interface SrfRequestOptions {
  readonly method: string;
  readonly uri: string;
  /** Next hop as a SIP URI. */
  readonly proxy?: string;
  /** The dialog that the request belongs to. */
  readonly stackDialogId?: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

type SrfHandler = (request: SrfRequest, response: SrfResponse) => void;

interface SrfClient {
  listen(options: { server: Server; secret: string; tags: readonly string[] }): unknown;
  use(handler: SrfHandler): void;
  use(method: string, handler: SrfHandler): void;
  on(event: 'connect', listener: (error: unknown, hostPorts?: string, version?: string) => void): unknown;
  on(event: 'error' | 'close' | 'reconnecting' | 'listening', listener: () => void): unknown;
  request(options: SrfRequestOptions, sent: (error: unknown, request?: SrfRequest) => void): void;
  unregisterForMessages(method: string): void;
}

export interface SrfConnectionOptions {
  /** Connected already, in whichever direction. */
  readonly socket: Socket;
  readonly secret: string;
  readonly tags: readonly string[];
  /** The server took the secret; or not. */
  readonly onReady: (error: string | undefined, hostPorts: string) => void;
  readonly onRequest: SrfHandler;
}

/** The library's side of one connection. Its methods throw when the connection is gone. */
export class SrfConnection {
  readonly #srf: SrfClient;
  readonly #handler: SrfHandler;

  constructor({ socket, secret, tags, onReady, onRequest }: SrfConnectionOptions) {
    this.#handler = onRequest;
    this.#srf = new Srf([]) as unknown as SrfClient;
    this.#srf.use(onRequest);
    this.#srf.on('connect', (error, hostPorts) => onReady(wordsOf(error), hostPorts ?? ''));
    this.#srf.on('error', () => {});
    // drachtio-srf takes connections from a server only, or makes its own: with an own one it throws out of the socket on a
    // malformed frame, forgets TLS when it connects again, and cannot be stopped while it tries. This server never listens.
    const entrance = createServer();
    this.#srf.listen({ server: entrance, secret, tags });
    entrance.emit('connection', socket);
  }

  /** Asks the server for requests outside of dialogs. */
  wantInvites(): void {
    // The library repeats every route with each new one; a second INVITE route would give us twice the calls of others.
    this.#srf.use('options', this.#handler);
    this.#srf.use('invite', this.#handler);
  }

  /** The server gives us no new calls (and, in fact, no OPTIONS) any more; dialogs go on. */
  refuseInvites(): void {
    this.#srf.unregisterForMessages('invite');
  }

  request(options: SrfRequestOptions, sent: (error: string | undefined, request?: SrfRequest) => void): void {
    this.#srf.request(options, (error, request) => sent(wordsOf(error), request));
  }
}

/**
 * Header lines as drachtio-srf wants them: readable text by name, and names that differ in case for what occurs twice. Every header
 * that we give to the server goes through here, so this is the last look: throws on a control character and on a name that is none.
 */
export function srfHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const [written, value] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim()];
    headerLine(written, value);
    headers[unusedSpelling(written, headers)] = fromWire(value);
  }
  return headers;
}

function unusedSpelling(name: string, headers: Readonly<Record<string, string>>): string {
  for (let variant = 0; variant < 2 ** Math.min(10, name.length); variant += 1) {
    const spelling = [...name]
      .map((letter, place) => ((variant >> place) & 1 ? flipped(letter) : letter))
      .join('');
    if (!Object.hasOwn(headers, spelling)) return spelling;
  }
  throw new RangeError(`too many headers of the name ${name}`);
}

function flipped(letter: string): string {
  return letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
}

/** The library reports errors as `Error` or as text. */
export function wordsOf(error: unknown): string | undefined {
  if (error === undefined || error === null) return undefined;
  return error instanceof Error ? error.message : String(error);
}
