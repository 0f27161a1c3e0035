import type { EventEmitter } from 'node:events';
import type { SipAccount } from '../config/config.ts';
import type { Failure, Result } from '../errors.ts';
import type { ServiceState } from './service-state.ts';

/** A SIP user agent. Two implementations stand behind it: embedded (sip.js core) and, later, drachtio. */
export interface SipEngine extends EventEmitter<SipEngineEvents> {
  /** Binds the listeners. Fails with `internal` and the bind error in `detail`. */
  start(): Promise<Result<void>>;
  /**
   * Takes no new calls any more, where possible by asking that none are sent; running ones go on. OPTIONS gets 503. A call that
   * comes all the same is refused by its listener like any other.
   */
  drain(): void;
  /** What OPTIONS is answered with from now on; after `drain` it says so, whatever is reported. */
  report(state: ServiceState): void;
  /** Ends what is left (unregister first through `Registration.stop`), closes every socket and timer. */
  stop(): Promise<void>;
  /** The local address that packets towards the account's servers leave from: for the `c=` line of an offer. */
  localAddressFor(account: SipAccount): Promise<Result<string>>;
  /** Places a call. The INVITE leaves at once; progress comes as events of the returned call. */
  invite(target: string, options: InviteOptions): SipCall;
  /** Registers for ever, with refresh, back-off and jitter (RFC 3261 §10). */
  register(account: SipAccount): Registration;
  /** How each configured account is doing, as far as is known; in their order. */
  accounts(): readonly AccountState[];
  /** Asks a peer for its state (RFC 3261 §11): the SIP status of the answer, or a failure. */
  options(target: string): Promise<Result<number>>;
}

export interface AccountState {
  /** Its name. */
  readonly account: string;
  /** `none`: it does not register. */
  readonly registration: Registration['state'] | 'none';
  /** Why it is not registered now. */
  readonly failure: Failure | undefined;
  /** The servers that were found. */
  readonly servers: readonly ServerState[];
  /** False: no server is up, or the registration fails. A call by it would most likely fail. */
  readonly up: boolean;
}

export interface ServerState {
  /** Transport, address and port, or its SIP URI. */
  readonly server: string;
  /** False: it did not answer lately, or with 503. */
  readonly up: boolean;
}

export interface SipEngineEvents {
  /** A new incoming call that passed the engine's own checks; 100 has been sent. */
  invite: [call: SipCall];
}

export interface InviteOptions {
  readonly account: SipAccount;
  /** SDP offer. */
  readonly sdp: string;
  /** Additional headers; names and values were checked, the engine checks again and throws on CR, LF or NUL. */
  readonly headers: readonly SipHeader[];
  /** Without an answer in this time the call is cancelled and ends with `phone-no-answer`. */
  readonly noAnswerSeconds: number;
  /**
   * Whether a redirect (3xx) may lead to this SIP URI, whoever asks for it. Default: to the account's own domain and server only.
   * Credentials are shown to the account's servers alone, wherever it leads.
   */
  readonly mayFollow?: (target: string) => boolean;
  /** The call could go by another account: a server that says nothing at all is not waited for as long as for the only one. */
  readonly impatient?: boolean;
  /** Value of a Replaces header (RFC 3891): the dialog of the peer that this call takes over. */
  readonly replaces?: string | undefined;
  /** Value of a Referred-By header (RFC 3892): who asked for this call. */
  readonly referredBy?: string | undefined;
}

export interface SipHeader {
  readonly name: string;
  readonly value: string;
}

/**
 * One dialog, from the INVITE to the end. Each verb does what fits the state and is harmless when it comes too late (a
 * `ring()` after `end()` does nothing). `ended` is emitted exactly once, also after our own `end()`.
 */
export interface SipCall extends EventEmitter<SipCallEvents> {
  /** The account that the call came by or goes by. */
  readonly account: SipAccount;
  /** SIP Call-ID. */
  readonly callId: string;
  readonly direction: 'in' | 'out';
  /** The other party: who calls, as far as that may be shown, or the target. Untrusted text, control characters removed. */
  readonly remote: RemoteParty;
  /** The local address towards this peer, for the `c=` line. */
  readonly localAddress: string;
  /** The SDP offer of an incoming INVITE; undefined: offerless, our `answer` carries the offer. */
  readonly offer: string | undefined;
  /**
   * The running call whose dialog this INVITE replaces (RFC 3891); undefined for all others. It is answered, or one that we
   * placed, and belongs to the same account.
   */
  readonly replaces: SipCall | undefined;
  /** False: `early` would do nothing, as this caller cannot hear us before the answer. */
  readonly takesEarlyMedia: boolean;
  /** First value of a header of the INVITE; the name's case does not matter. */
  header(name: string): string | undefined;
  /** 180 Ringing. */
  ring(): void;
  /**
   * 183 with the SDP answer: the caller hears what is sent before the call is answered (RFC 3960), reliably when it can
   * (RFC 3262). Nothing is sent unless `takesEarlyMedia`. `answer` follows later with the same SDP.
   */
  early(sdp: string): void;
  /** 200 OK with the SDP answer (or, for an offerless INVITE, our offer: the answer comes with `answered`). */
  answer(sdp: string): void;
  /** Sends a re-INVITE; the answer, or the reason of the refusal. */
  reinvite(sdp: string): Promise<Result<string>>;
  /** Sends an INFO (RFC 6086); the SIP status. */
  info(contentType: string, body: string): Promise<Result<number>>;
  /** Asks the peer to call `target`, a SIP URI, in place of us (RFC 3515). The final status that its NOTIFY told, or why not. */
  refer(target: string): Promise<Result<number>>;
  /**
   * Ends the call by what the state asks for: a final response (incoming, unanswered), CANCEL (outgoing, unanswered) or BYE
   * with a `Reason` header (RFC 3326). Queued when RFC 3261 §15 forbids a BYE now (no ACK yet).
   */
  end(why: Failure): void;
}

export interface RemoteParty {
  readonly uri: string;
  readonly user: string;
  readonly displayName: string | undefined;
  /** Who passed the call on to us last. */
  readonly diverted?: { readonly user: string; readonly displayName: string | undefined };
}

export interface SipCallEvents {
  /** Outgoing: 180 or 183 came; with SDP it is early media. */
  ringing: [sdp: string | undefined];
  /** Outgoing: 200 with the answer. Incoming: the ACK came, with the answer when the INVITE was offerless. */
  answered: [sdp: string | undefined];
  /** Re-INVITE or UPDATE from the peer. `sdp` undefined: offerless. Must be answered once through `respond`. */
  reoffer: [sdp: string | undefined, respond: (answer: Result<string>) => void];
  /** The ACK of an offerless re-INVITE brought the answer to the offer that `respond` gave. */
  reanswered: [sdp: string | undefined];
  /** INFO from the peer with a body; the engine answered 200. Others than digits it lets pass only when they may be ignored. */
  info: [contentType: string, body: string];
  /** The peer asks us to call another in its place (RFC 3515). Must be answered once. Without a listener: 603. */
  refer: [transfer: TransferRequest];
  /** The dialog is over. `hangup`/`cancelled` when the peer ended it, else the code that was mapped from its status. */
  ended: [why: Failure];
}

/** A REFER of the peer (RFC 3515). */
export interface TransferRequest {
  /** SIP URI to call, without headers and control characters, at most 512 characters. */
  readonly target: string;
  /** The dialog that the new call takes over (attended transfer), as the value of a Replaces header; undefined: blind. */
  readonly replaces: string | undefined;
  /** Value of Referred-By (RFC 3892), to be passed on. */
  readonly referredBy: string | undefined;
  /** 202 and NOTIFY 100; no NOTIFY with `Refer-Sub: false` (RFC 4488). */
  accept(): void;
  /** 403 for what the catalogue says 403 for, else 603. */
  refuse(why: Failure): void;
  /**
   * NOTIFY with the status of the new call; provisional ones may be left out, a final one ends the subscription. Harmless after
   * the end of the dialog, and without a subscription.
   */
  progress(status: number, reason: string): void;
}

export interface Registration extends EventEmitter<RegistrationEvents> {
  readonly state: 'registering' | 'registered' | 'failed' | 'stopped';
  /** Why the last try failed; undefined: it did not. */
  readonly failure: Failure | undefined;
  /** Unregisters (waits at most 2 s for the answer) and stops for ever. */
  stop(): Promise<void>;
}

export interface RegistrationEvents {
  registered: [expiresSeconds: number];
  /** Registration failed; it is tried again by itself. `detail` holds the registrar's words. */
  failed: [why: Failure, retryMs: number];
}
