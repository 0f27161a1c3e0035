import { type Failure, failure, type Result } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { DigestClient } from '../digest.ts';
import { reasonText } from '../ending-of-status.ts';
import type { TransferRequest } from '../engine.ts';
import { headerLine } from '../header-line.ts';
import type { Headers } from '../message.ts';
import { reasonLine } from '../reason-header.ts';
import { ReferDialog, type Respond } from '../refer-dialog.ts';
import type { DialogTags } from '../refer-replaces.ts';
import { acceptTerms, isTooBrief, leastSeconds, type SessionTerms, SessionTimer } from '../session-timer.ts';
import type { EmbeddedCore } from './core.ts';
import { DialogRequests } from './dialog-requests.ts';
import { contactOf, contentType, ExactUri, IncomingRequest, sdpOf } from './incoming-message.ts';
import {
  abilityLines,
  type Body,
  countInDialog,
  type IncomingInviteRequest,
  type IncomingPrackRequest,
  refreshTarget,
  type SessionDialog,
  serveTransaction,
  Timers,
} from './sip-js.ts';

export interface DialogListener {
  /** The ACK of the INVITE came. */
  acknowledged(sdp: string | undefined): void;
  reacknowledged(sdp: string | undefined): void;
  reoffer(sdp: string | undefined, respond: (answer: Result<string>) => void): void;
  info(contentType: string, body: string): void;
  /** REFER. */
  transfer(transfer: TransferRequest): void;
  /** PRACK came; false: it acknowledges nothing. */
  provisionallyAcknowledged(prack: Headers, sdp: string | undefined): boolean;
  /** The dialog is dead: the peer said BYE, or what we sent was never acknowledged. */
  lost(why: Failure, byPeer: boolean): void;
}

export interface DialogLegOptions {
  readonly core: EmbeddedCore;
  readonly session: SessionDialog;
  /** Our Contact value. */
  readonly contact: string;
  readonly listener: DialogListener;
  readonly digest: DigestClient | undefined;
  /** True when we opened the dialog. */
  readonly ownsCallId: boolean;
  /** Of the peer's INVITE or 2xx: says what it can do. */
  readonly peer: Headers;
  /** Session interval that we want (RFC 4028); 0: none. */
  readonly sessionSeconds: number;
  readonly log: Log;
}

type Answer = (answer: Result<string>) => void;

/** One dialog from our side: what the peer asks for inside it, and through `DialogRequests` what we ask for. */
export class DialogLeg {
  readonly session: SessionDialog;
  readonly #options: DialogLegOptions;
  readonly #requests: DialogRequests;
  readonly #transfers: ReferDialog;
  /** Refuses the peer's offer that waits for our answer. */
  #answering: (() => void) | undefined;
  #reinviteUnacknowledged: NodeJS.Timeout | undefined;
  /** The dialog needs no ACK any more; one that we opened never did. */
  #acknowledged: boolean;
  #closed = false;
  readonly #timer: SessionTimer;
  #terms: SessionTerms | undefined;
  /** The description of ours that counts now. */
  #localSdp: string | undefined;

  constructor(options: DialogLegOptions) {
    this.#options = options;
    this.session = options.session;
    this.#acknowledged = options.ownsCallId;
    this.#requests = new DialogRequests({
      ...options,
      peerIsOffering: () => this.#answering !== undefined,
      sessionTerms: () => this.#terms,
      onAgreed: (terms) => this.agree(terms),
    });
    this.#transfers = new ReferDialog({
      send: (message) => this.#requests.transfer(message),
      asked: (transfer) => options.listener.transfer(transfer),
    });
    this.#timer = new SessionTimer({
      refresh: () => this.#refresh(),
      expired: () => options.listener.lost(failure('session-expired'), false),
      secondMs: 2 * Timers.T1,
    });
    const { listener } = options;
    this.session.delegate = {
      onAck: ({ message }) => this.#onAck(sdpIn(message)),
      onAckTimeout: () => listener.lost(failure('no-ack', 'no ACK for our 200'), false),
      onBye: (request) => {
        request.accept();
        this.close();
        const words = reasonText(headersOf(request.message));
        listener.lost(failure('hangup', words), true);
      },
      onInfo: (request) => {
        request.accept();
        const { message } = request;
        if (message instanceof IncomingRequest && message.body !== '')
          listener.info(contentType(message.source), message.body);
      },
      onInvite: (request) => this.#onReinvite(request),
      onPrack: (request) => this.#onPrack(request),
    };
  }

  /** What both sides agreed about refreshing counts from now on (RFC 4028). */
  agree(terms: SessionTerms | undefined): void {
    this.#terms = terms;
    this.#timer.begin(terms);
  }

  /** The description of ours that the INVITE agreed on. */
  describe(sdp: string): void {
    this.#localSdp = sdp;
  }

  async reinvite(sdp: string): Promise<Result<string>> {
    const answer = await this.#requests.reinvite(sdp);
    if (answer.ok) this.#localSdp = sdp;
    return answer;
  }

  info(type: string, body: string): Promise<Result<number>> {
    return this.#requests.info(type, body);
  }

  refer(target: string): Promise<Result<number>> {
    return this.#transfers.refer(target);
  }

  get tags(): DialogTags | undefined {
    const { early, callId, localTag, remoteTag } = this.session;
    return early ? undefined : { callId, localTag, remoteTag };
  }

  /** Sends BYE; resolves when it was answered or given up. RFC 3261 §15: a UAS must have seen the ACK, or waited for it. */
  bye(why: Failure): Promise<void> {
    const untold = this.#transfers.untold;
    this.close();
    const say = (): Promise<void> => this.#requests.bye(reasonLine(why));
    return untold === undefined ? say() : untold.then(say);
  }

  /** The dialog is over: what waits is answered with 487 (RFC 3261 §15.1.2), timers end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#reinviteUnacknowledged);
    this.#timer.stop();
    this.#answering?.();
    this.#transfers.close();
    this.#requests.close();
  }

  /** The engine stops: nothing is awaited any more. */
  abort(): void {
    this.close();
    this.#requests.abort();
    this.session.delegate = {};
  }

  /** What must be refused before sip.js sees it, with a transaction so that a retransmission gets the same answer. */
  refuses(request: IncomingRequest): boolean {
    if (request.method !== 'INVITE') return false;
    const status = isTooBrief(request.source.headers) ? 422 : this.#glare();
    if (status === undefined || !countInDialog(this.session, request)) return status !== undefined;
    refuse(serveTransaction(this.#options.core, request), status);
    return true;
  }

  /** UPDATE (RFC 3311), which sip.js does not know. */
  receiveUpdate(request: IncomingRequest): void {
    if (!countInDialog(this.session, request)) return;
    const server = serveTransaction(this.#options.core, request);
    const { headers } = request.source;
    if (isTooBrief(headers)) {
      refuse(server, 422);
      return;
    }
    const target = contactOf(request.source);
    if (target !== undefined) refreshTarget(this.session, new ExactUri(target.uri));
    const sdp = sdpOf(request.source);
    if (sdp === undefined) {
      server.accept({ statusCode: 200, extraHeaders: this.#ownHeaders(headers) });
      return;
    }
    // RFC 3311 §5.2: as long as the INVITE's own offer has no answer that is known to have arrived, there can be no other.
    const status = this.session.early && this.#localSdp === undefined ? 500 : this.#glare();
    if (status !== undefined) {
      refuse(server, status);
      return;
    }
    this.#offered(sdp, (answer) => {
      if (answer.ok)
        server.accept({
          statusCode: 200,
          extraHeaders: this.#ownHeaders(headers),
          body: sdpBody(answer.value),
        });
      else server.reject({ statusCode: this.#closed ? 487 : 488, reasonPhrase: refusalPhrase(this.#closed) });
    });
  }

  /** REFER and NOTIFY. */
  receiveTransfer(request: IncomingRequest): void {
    if (!countInDialog(this.session, request)) return;
    const server = serveTransaction(this.#options.core, request);
    const respond: Respond = (statusCode, reasonPhrase, lines = []) => {
      const extraHeaders = [headerLine('Contact', this.#options.contact), ...abilityLines(), ...lines];
      if (statusCode < 300) server.accept({ statusCode, reasonPhrase, extraHeaders });
      else server.reject({ statusCode, reasonPhrase, extraHeaders: [...lines] });
    };
    if (request.method === 'REFER') this.#transfers.receiveRefer(request.source, respond);
    else this.#transfers.receiveNotify(request.source, respond);
  }

  /** RFC 3261 §14.2, RFC 3311 §5.2: our own offer is out: 491; the peer's last one is not answered yet: 500. */
  #glare(): 491 | 500 | undefined {
    if (this.#requests.offering) return 491;
    return this.#answering !== undefined || this.#reinviteUnacknowledged !== undefined ? 500 : undefined;
  }

  #onReinvite(request: IncomingInviteRequest): void {
    const sdp = sdpIn(request.message);
    this.#options.core.withContact(this.#options.contact, () => request.trying());
    this.#offered(sdp, (answer) => {
      if (!answer.ok) {
        request.reject({ statusCode: this.#closed ? 487 : 488, reasonPhrase: refusalPhrase(this.#closed) });
        return;
      }
      this.#reinviteUnacknowledged = setTimeout(() => {
        this.#options.listener.lost(failure('no-ack', 'no ACK for our 200 to a re-INVITE'), false);
      }, 64 * Timers.T1);
      const extraHeaders = this.#ownHeaders(headersOf(request.message));
      request.accept({ statusCode: 200, extraHeaders, body: sdpBody(answer.value) });
    });
  }

  /** RFC 3262 §3 and §5: a PRACK may bring another offer; we make none in provisional responses. */
  #onPrack(request: IncomingPrackRequest): void {
    const { message } = request;
    const sdp = sdpIn(message);
    const headers = headersOf(message);
    if (headers === undefined || !this.#options.listener.provisionallyAcknowledged(headers, sdp)) {
      request.reject({ statusCode: 481 });
    } else if (sdp === undefined) {
      request.accept();
    } else
      this.#offered(sdp, (answer) => {
        if (answer.ok) request.accept({ statusCode: 200, body: sdpBody(answer.value) });
        else request.reject({ statusCode: 488, reasonPhrase: refusalPhrase(false) });
      });
  }

  #offered(sdp: string | undefined, answer: Answer): void {
    const once: Answer = (result) => {
      if (this.#answering === undefined) return;
      this.#answering = undefined;
      if (result.ok) this.#localSdp = result.value;
      answer(result);
    };
    this.#answering = () => once({ ok: false, error: failure('hangup') });
    this.#options.listener.reoffer(sdp, once);
  }

  #onAck(sdp: string | undefined): void {
    if (!this.#acknowledged) {
      this.#acknowledged = true;
      this.#options.listener.acknowledged(sdp);
    } else if (this.#reinviteUnacknowledged !== undefined) {
      clearTimeout(this.#reinviteUnacknowledged);
      this.#reinviteUnacknowledged = undefined;
      this.#options.listener.reacknowledged(sdp);
    }
  }

  /** Headers of our 2xx to a re-INVITE or UPDATE, which refreshes the session too. */
  #ownHeaders(request: Headers | undefined): string[] {
    const agreed = request === undefined ? undefined : acceptTerms(request, this.#options.sessionSeconds);
    this.agree(agreed?.terms);
    return [headerLine('Contact', this.#options.contact), ...abilityLines(), ...(agreed?.lines ?? [])];
  }

  /** By UPDATE when the peer serves it, else by an INVITE with the description that it has. */
  async #refresh(): Promise<'refreshed' | 'refused' | 'dead'> {
    const serves = this.#options.peer.list('allow').some((method) => method.toUpperCase() === 'UPDATE');
    const status = serves || this.#localSdp === undefined ? await this.#requests.update() : 405;
    if (status < 300) return 'refreshed';
    if (status === 408 || status === 481) return 'dead';
    if ((status !== 405 && status !== 501) || this.#localSdp === undefined) return 'refused';
    const answer = await this.#requests.reinvite(this.#localSdp);
    if (answer.ok) this.#options.listener.reacknowledged(answer.value);
    else if (answer.error.code === 'phone-unreachable') return 'dead';
    return answer.ok ? 'refreshed' : 'refused';
  }
}

/** RFC 4028 §9: the peer's session interval is too small for us. */
export function tooBrief(): { statusCode: number; reasonPhrase: string; extraHeaders: string[] } {
  const extraHeaders = [headerLine('Min-SE', String(leastSeconds))];
  return { statusCode: 422, reasonPhrase: 'Session Interval Too Small', extraHeaders };
}

export function sdpBody(sdp: string): Body {
  return { contentDisposition: 'session', contentType: 'application/sdp', content: sdp };
}

function refusalPhrase(closed: boolean): string {
  return closed ? 'Request Terminated' : 'Not Acceptable Here';
}

function refuse(server: ReturnType<typeof serveTransaction>, status: 422 | 491 | 500): void {
  if (status === 422) server.reject(tooBrief());
  else if (status === 491) server.reject({ statusCode: 491, reasonPhrase: 'Request Pending' });
  else {
    const wait = headerLine('Retry-After', String(1 + Math.floor(Math.random() * 10)));
    server.reject({ statusCode: 500, reasonPhrase: 'Server Internal Error', extraHeaders: [wait] });
  }
}

function sdpIn(message: unknown): string | undefined {
  return message instanceof IncomingRequest ? sdpOf(message.source) : undefined;
}

function headersOf(message: unknown): IncomingRequest['source']['headers'] | undefined {
  return message instanceof IncomingRequest ? message.source.headers : undefined;
}
