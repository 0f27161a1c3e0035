import type { SipAccount } from '../../config/config.ts';
import { type Failure, failure } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { callerOf } from '../caller-identity.ts';
import { digestOf } from '../credentials.ts';
import { reasonText } from '../ending-of-status.ts';
import type { SipCall } from '../engine.ts';
import { fromWire, headerLine, withoutControls } from '../header-line.ts';
import type { Headers } from '../message.ts';
import { refusalOf } from '../reason-header.ts';
import { acceptTerms } from '../session-timer.ts';
import type { EmbeddedCore } from './core.ts';
import type { DialogIndex } from './dialog-index.ts';
import { DialogLeg, type DialogListener, sdpBody } from './dialog-leg.ts';
import { EmbeddedCall } from './embedded-call.ts';
import { IncomingRequest, sdpOf } from './incoming-message.ts';
import { ReliableProvisional } from './reliable-provisional.ts';
import {
  abilityLines,
  type InviteUserAgentServer,
  type Session,
  SessionDialog,
  supportedOptions,
} from './sip-js.ts';

export interface IncomingCallOptions {
  readonly core: EmbeddedCore;
  readonly account: SipAccount;
  /** The caller is a server of the account, or on its list: its word about others counts, and it may ask for our proof. */
  readonly trusted: boolean;
  readonly dialogs: DialogIndex;
  readonly server: InviteUserAgentServer;
  readonly request: IncomingRequest;
  readonly localAddress: string;
  /** The call that this one replaces. */
  readonly replaces: SipCall | undefined;
  readonly contact: string;
  /** Sends a response to the INVITE once more. */
  readonly repeat: (text: string) => void;
  /** Session interval that we want (RFC 4028); 0: none. */
  readonly sessionSeconds: number;
  readonly log: Log;
}

type State = 'unanswered' | 'answered' | 'acknowledged' | 'over';

/** A call that came to us: the INVITE's server transaction, then its dialog. */
export class IncomingCall extends EmbeddedCall {
  readonly direction = 'in';
  readonly offer: string | undefined;
  readonly #options: IncomingCallOptions;
  readonly #reliable: ReliableProvisional;
  #state: State = 'unanswered';
  /** `answer` came while the caller had not acknowledged our early description yet (RFC 3262 §3). */
  #answerQueued: string | undefined;
  /** `end` came before the ACK: RFC 3261 §15 lets us say BYE only when it is there or will never come. */
  #byeQueued: Failure | undefined;

  constructor(options: IncomingCallOptions) {
    const { request, core, account, localAddress, log } = options;
    const remote = callerOf(request.source, options.trusted);
    const { replaces } = options;
    super({ core, log, account, callId: request.callId, remote, localAddress, replaces });
    this.#options = options;
    this.#reliable = new ReliableProvisional(request.cseq);
    this.offer = sdpOf(request.source);
    options.server.delegate = {
      onCancel: (message) => this.#cancelled(message instanceof IncomingRequest ? message : undefined),
      onTransportError: () => this.log.debug({}, 'a response could not be sent'),
    };
  }

  /** RFC 3262 §5: the first reliable response to an offerless INVITE would have to make an offer. */
  get takesEarlyMedia(): boolean {
    return this.offer !== undefined;
  }

  header(name: string): string | undefined {
    const value = this.#options.request.source.headers.get(name.toLowerCase());
    return value === undefined ? undefined : withoutControls(fromWire(value));
  }

  ring(): void {
    if (this.#state !== 'unanswered') return;
    if (!this.#names('require', '100rel')) {
      this.#attempt(() => void this.#progress(180, [], undefined));
      return;
    }
    // RFC 3262 §5: the first reliable response to an offerless INVITE must have the offer, and there is none yet.
    if (this.offer !== undefined) this.#progressReliably(180, undefined);
  }

  early(sdp: string): void {
    if (this.#state !== 'unanswered' || !this.takesEarlyMedia) return;
    if (this.#names('require', '100rel') || this.#names('supported', '100rel'))
      this.#progressReliably(183, sdp);
    else this.#attempt(() => void this.#progress(183, [], sdp));
  }

  answer(sdp: string): void {
    if (this.#state !== 'unanswered') return;
    if (this.#reliable.pending) {
      this.#answerQueued = sdp;
      return;
    }
    const { server, core, contact, request, sessionSeconds } = this.#options;
    this.#attempt(() => {
      const agreed = acceptTerms(request.source.headers, sessionSeconds);
      const extraHeaders = [headerLine('Supported', supportedOptions.join(', ')), ...(agreed?.lines ?? [])];
      const options = { statusCode: 200, extraHeaders, body: sdpBody(sdp) };
      const { session } = core.withContact(contact, () => server.accept(options));
      this.#state = 'answered';
      this.#reliable.rest();
      this.#adopt(session);
      this.leg?.describe(sdp);
      this.leg?.agree(agreed?.terms);
    });
  }

  end(why: Failure): void {
    switch (this.#state) {
      case 'unanswered':
        this.#state = 'over';
        this.#refuse(refusalOf(why));
        break;
      case 'answered':
        this.#byeQueued ??= why;
        break;
      case 'acknowledged':
        this.#bye(why);
        break;
      case 'over':
        return;
    }
    this.finish(why);
  }

  /** The engine stops: whatever is still awaited will not come. */
  override abort(): void {
    this.#over();
  }

  #progressReliably(status: 180 | 183, sdp: string | undefined): void {
    const { repeat } = this.#options;
    this.#attempt(() =>
      this.#reliable.send({
        send: (lines) => this.#progress(status, lines, sdp),
        repeat: (text) => {
          if (this.#state === 'unanswered') repeat(text);
        },
        describes: sdp !== undefined,
        onAcknowledged: () => {
          if (sdp !== undefined) this.leg?.describe(sdp);
        },
        onGivenUp: () => this.#neverAcknowledged(),
      }),
    );
  }

  /** RFC 3262 §3: the INVITE gets a 5xx. */
  #neverAcknowledged(): void {
    if (this.#state !== 'unanswered') return;
    this.#refuse({ status: 504, phrase: 'Server Time-out', lines: [] });
    this.finish(failure('no-ack', 'no PRACK for our provisional response'));
  }

  /** Sends a provisional response; its text. */
  #progress(statusCode: number, lines: readonly string[], sdp: string | undefined): string {
    const { server, core, contact } = this.#options;
    const extraHeaders = [...lines, ...abilityLines()];
    const options = { statusCode, extraHeaders, ...(sdp !== undefined && { body: sdpBody(sdp) }) };
    const { session, message } = core.withContact(contact, () => server.progress(options));
    this.#adopt(session);
    return message;
  }

  #names(header: string, option: string): boolean {
    return this.#options.request.source.headers.list(header).some((name) => name.toLowerCase() === option);
  }

  #provisionallyAcknowledged(prack: Headers): boolean {
    if (!this.#reliable.acknowledge(prack)) return false;
    const sdp = this.#answerQueued;
    // After the 200 to the PRACK.
    if (sdp !== undefined) setImmediate(() => this.answer(sdp));
    return true;
  }

  #cancelled(cancel: IncomingRequest | undefined): void {
    if (this.#state !== 'unanswered') return;
    this.#state = 'over';
    this.#refuse({ status: 487, phrase: 'Request Terminated', lines: [] });
    this.finish(failure('cancelled', reasonText(cancel?.source.headers)));
  }

  #refuse(refusal: { status: number; phrase: string; lines: string[] }): void {
    const { status: statusCode, phrase: reasonPhrase, lines: extraHeaders } = refusal;
    try {
      this.#options.server.reject({ statusCode, reasonPhrase, extraHeaders });
    } catch (error) {
      this.log.warn({ err: error }, 'the INVITE could not be refused');
    }
    this.#over();
  }

  #bye(why: Failure): void {
    this.#state = 'over';
    const gone = this.leg?.bye(why) ?? Promise.resolve();
    gone.then(
      () => this.#over(),
      () => this.#over(),
    );
  }

  #over(): void {
    this.#state = 'over';
    this.#reliable.stop();
    this.leg?.abort();
    if (this.leg !== undefined) this.#options.dialogs.remove(this.leg);
    // Its transaction lives on for 32 s (RFC 6026), for repetitions of the INVITE only: it need not keep the whole call.
    this.#options.server.delegate = {};
    this.settle();
  }

  /** 180 makes an early dialog, 200 confirms the same one. */
  #adopt(session: Session): void {
    if (this.leg !== undefined || !(session instanceof SessionDialog)) return;
    const { account, core, contact, dialogs, log, request, sessionSeconds, trusted } = this.#options;
    this.leg = new DialogLeg({
      core,
      peer: request.source.headers,
      sessionSeconds,
      session,
      contact,
      log,
      // A stranger would get what it needs to guess our password.
      digest: trusted ? digestOf(account) : undefined,
      ownsCallId: false,
      listener: this.#listener(),
    });
    dialogs.add(this.leg);
  }

  #listener(): DialogListener {
    return {
      acknowledged: (sdp) => {
        if (this.#state !== 'answered') return;
        this.#state = 'acknowledged';
        this.#options.core.servers.acknowledged(this.#options.server);
        if (this.#byeQueued !== undefined) this.#bye(this.#byeQueued);
        else this.tell('answered', this.offer === undefined ? sdp : undefined);
      },
      reacknowledged: (sdp) => this.tell('reanswered', sdp),
      reoffer: (sdp, respond) => this.tell('reoffer', sdp, respond),
      provisionallyAcknowledged: (prack) => this.#provisionallyAcknowledged(prack),
      info: (contentType, body) => this.tell('info', contentType, body),
      transfer: (transfer) => this.transferAsked(transfer),
      lost: (why, byPeer) => this.#lost(why, byPeer),
    };
  }

  #lost(why: Failure, byPeer: boolean): void {
    if (this.#state === 'over') return;
    if (!byPeer) this.#bye(this.#byeQueued ?? why);
    // BYE inside an early dialog: the INVITE still needs its final response (RFC 3261 §15.1.2).
    else if (this.#state === 'unanswered')
      this.#refuse({ status: 487, phrase: 'Request Terminated', lines: [] });
    else this.#over();
    this.finish(why);
  }

  /** sip.js throws where state and verb do not fit; the caller then gets 500 instead of silence. */
  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.log.error({ err: error }, 'sip.js refused to answer an INVITE');
      this.end(failure('internal'));
    }
  }
}
