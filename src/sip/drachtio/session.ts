import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { fail, ok, type Result } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { headerLine } from '../header-line.ts';
import type { SipMessage, SipRequest, SipResponse } from '../message.ts';
import { parseMessage } from '../message-parser.ts';
import type { Address } from '../via.ts';
import {
  SrfConnection,
  type SrfMessage,
  type SrfRequest,
  type SrfResponse,
  srfHeaders,
  wordsOf,
} from './drachtio-srf.ts';

/** A request that a peer sent, as the drachtio-server handed it over. */
export interface DrachtioRequest {
  readonly message: SipRequest;
  /** Where it came from. */
  readonly source: Address;
  /** Undefined: outside of a dialog, or its dialog is not answered yet. */
  readonly dialogId: string | undefined;
  /** The server sent it itself, in our name: a BYE after it missed an ACK or a refresh. No answer is wanted. */
  readonly unsolicited: boolean;
  readonly session: DrachtioSession;
  /** Answers; `done` gets the id of the dialog, or why the server could not send it. */
  respond(answer: DrachtioAnswer, done?: (sent: Result<string | undefined>) => void): void;
  /** The CANCEL of an INVITE, also one that came already; the server has answered both. */
  onCancel(listener: (cancel: SipRequest | undefined) => void): void;
}

export interface DrachtioAnswer {
  readonly status: number;
  readonly phrase: string;
  /** Complete header lines. */
  readonly lines?: readonly string[];
  /** SDP. */
  readonly body?: string;
}

/** A request of ours. Inside a dialog the server writes URI, route and CSeq. */
export interface DrachtioOutgoing {
  readonly method: string;
  readonly uri?: string;
  readonly proxy?: string;
  readonly dialogId?: string;
  readonly lines: readonly string[];
  readonly body?: string;
}

export interface SentListener {
  /** The request as it left. */
  sent?(message: SipRequest): void;
  /** `acknowledge` sends ACK for a 200 to INVITE and PRACK for a reliable provisional response. */
  response(response: SipResponse, dialogId: string | undefined, acknowledge: (sdp?: string) => void): void;
  /** It could not be sent, or the connection to the server was lost before its final response. */
  failed(why: string): void;
}

interface SessionEvents {
  /** The server took our secret. `hostPorts`: its SIP addresses as `udp/192.0.2.1:5060`, separated by commas. */
  ready: [hostPorts: string];
  refused: [why: string];
  request: [request: DrachtioRequest];
  closed: [];
}

export interface SessionOptions {
  readonly socket: Socket;
  readonly secret: string;
  readonly tags: readonly string[];
  readonly log: Log;
}

/** One connection with a drachtio-server. Nothing that the server sends gets out of here as an exception. */
export class DrachtioSession extends EventEmitter<SessionEvents> {
  readonly #socket: Socket;
  readonly #connection: SrfConnection;
  readonly #log: Log;
  /** Requests of ours that wait for their final response. */
  readonly #waiting = new Set<SentListener>();
  #open = true;

  constructor({ socket, secret, tags, log }: SessionOptions) {
    super();
    this.#socket = socket;
    this.#log = log;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    socket.on('error', (error) => log.debug({ err: error }, 'connection with the drachtio-server'));
    socket.once('close', () => this.#closed());
    this.#connection = new SrfConnection({
      socket,
      secret,
      tags,
      onReady: (error, hostPorts) => this.#attempt(() => this.#ready(error, hostPorts)),
      onRequest: (request, response) => this.#attempt(() => this.#received(request, response)),
    });
  }

  get open(): boolean {
    return this.#open;
  }

  wantInvites(): void {
    this.#attempt(() => this.#connection.wantInvites());
  }

  refuseInvites(): void {
    this.#attempt(() => this.#connection.refuseInvites());
  }

  close(): void {
    this.#socket.end();
    // A server that is dead does not answer the FIN.
    setTimeout(() => this.#socket.destroy(), 1_000).unref();
  }

  /** Sends a request; what becomes of it is told to the listener, never before this returns. Gives what cancels it. */
  request(outgoing: DrachtioOutgoing, listener: SentListener): (lines: readonly string[]) => void {
    const { method, uri, proxy, dialogId, lines, body } = outgoing;
    const state: { request?: SrfRequest; cancelled?: readonly string[] } = {};
    const options = {
      method,
      headers: srfHeaders(lines),
      // Inside a dialog the server puts the peer's Contact in its place.
      uri: uri ?? 'sip:placeholder',
      ...(proxy !== undefined && { proxy }),
      ...(dialogId !== undefined && { stackDialogId: dialogId }),
      ...(body !== undefined && body !== '' && { body }),
    };
    this.#waiting.add(listener);
    const sent = (error: string | undefined, request: SrfRequest | undefined): void => {
      if (request === undefined) {
        this.#failed(listener, error ?? 'not sent');
        return;
      }
      state.request = request;
      this.#watch(request, listener);
      if (state.cancelled !== undefined) this.#cancel(request, state.cancelled);
    };
    try {
      if (!this.#open) throw new Error('not connected with the drachtio-server');
      this.#connection.request(options, (error, request) => this.#attempt(() => sent(error, request)));
    } catch (error) {
      queueMicrotask(() => this.#failed(listener, wordsOf(error) ?? ''));
    }
    return (reason) => {
      if (state.request === undefined) state.cancelled = reason;
      else this.#cancel(state.request, reason);
    };
  }

  #ready(error: string | undefined, hostPorts: string): void {
    if (error === undefined) this.emit('ready', hostPorts);
    else this.emit('refused', error);
  }

  #watch(request: SrfRequest, listener: SentListener): void {
    let heard = false;
    request.on('response', (response, acknowledge) =>
      this.#attempt(() => {
        const message = this.#parse(response.msg, response.source_address, response.source_port);
        if (message?.kind !== 'response') return;
        if (isTimeout(message) && !heard) {
          this.#failed(listener, 'no answer from the peer');
          return;
        }
        heard = true;
        if (message.status >= 200) this.#waiting.delete(listener);
        const ack = (sdp?: string): void =>
          this.#attempt(() => acknowledge(sdp === undefined ? {} : { body: sdp }));
        listener.response(message, response.stackDialogId || undefined, ack);
      }),
    );
    // The library gives an UPDATE to whichever request of the dialog is still unanswered; unheard it would be lost.
    request.on('update', (update, response) => this.#attempt(() => this.#received(update, response)));
    const message = this.#parse(request.msg, request.source_address, request.source_port);
    if (message?.kind === 'request') listener.sent?.(message);
  }

  #cancel(request: SrfRequest, lines: readonly string[]): void {
    this.#attempt(() =>
      request.cancel({ headers: srfHeaders(lines) }, (error) => {
        if (error) this.#log.debug({ why: wordsOf(error) }, 'CANCEL not sent');
      }),
    );
  }

  #failed(listener: SentListener, why: string): void {
    if (this.#waiting.delete(listener)) this.#attempt(() => listener.failed(why));
  }

  #received(request: SrfRequest, response: SrfResponse): void {
    const message = this.#parse(request.msg, request.source_address, request.source_port);
    const respond: DrachtioRequest['respond'] = (answer, done = () => {}) =>
      this.#respond(response, answer, done);
    if (message?.kind !== 'request') {
      respond({ status: 400, phrase: 'Bad Request' });
      return;
    }
    let cancelled: { readonly message: SipRequest | undefined } | undefined;
    let onCancel: ((cancel: SipRequest | undefined) => void) | undefined;
    request.on('cancel', (cancel) =>
      this.#attempt(() => {
        const parsed = this.#parse(cancel, request.source_address, request.source_port);
        cancelled = { message: parsed?.kind === 'request' ? parsed : undefined };
        onCancel?.(cancelled.message);
      }),
    );
    this.emit('request', {
      message,
      source: { address: request.source_address, port: request.source_port },
      dialogId: request.stackDialogId || undefined,
      unsolicited: request.source === 'application',
      session: this,
      respond,
      onCancel: (listener) => {
        onCancel = listener;
        if (cancelled !== undefined) listener(cancelled.message);
      },
    });
  }

  #respond(
    response: SrfResponse,
    answer: DrachtioAnswer,
    done: (sent: Result<string | undefined>) => void,
  ): void {
    const { status, phrase, lines = [], body } = answer;
    const type = body === undefined ? [] : [headerLine('Content-Type', 'application/sdp')];
    const options = { headers: srfHeaders([...lines, ...type]), ...(body !== undefined && { body }) };
    // Not a promise: the ACK may come in the same packet as the server's confirmation, which makes its dialog known.
    const sent = (error: unknown): void => {
      const why = wordsOf(error);
      if (why !== undefined) this.#log.debug({ status, why }, 'response not sent');
      this.#attempt(() =>
        done(why === undefined ? ok(response.stackDialogId || undefined) : fail('internal', why)),
      );
    };
    try {
      response.send(status, phrase, options, sent);
    } catch (error) {
      queueMicrotask(() => sent(error));
    }
  }

  /** The server has parsed it before; what our parser refuses all the same is not acted on. */
  #parse(message: SrfMessage, address: string, port: number): SipMessage | undefined {
    const bytes = Buffer.from(message.raw ?? '', 'utf8');
    const parsed = parseMessage(bytes, { address, port }, 'udp');
    if (parsed.ok) return parsed.message;
    this.#log.warn({ reason: parsed.fault.reason }, 'malformed SIP message from the drachtio-server');
    return undefined;
  }

  #closed(): void {
    this.#open = false;
    for (const listener of this.#waiting) this.#failed(listener, 'connection with the drachtio-server lost');
    this.emit('closed');
  }

  /** Errors in here are bugs of ours or of the library; the connection serves other calls too. */
  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#log.error({ err: error }, 'a step of the drachtio engine failed');
    }
  }
}

/** The server answers in the place of a peer that says nothing (sofia's own 408). */
function isTimeout({ status, reason }: SipResponse): boolean {
  return status === 408 && reason === 'Request Timeout';
}
