import { type Failure, fail, failure, ok, type Result } from '../errors.ts';
import { callRerouted, transferEnded, transferRefused, transferStarted } from '../events.ts';
import type { Log } from '../log.ts';
import type { MediaCall } from '../media/media-engine.ts';
import { readDtmfInfo } from '../sip/dtmf-info.ts';
import type { SipCall, TransferRequest } from '../sip/engine.ts';
import { AudioExchange } from './audio-exchange.ts';
import type { CallEvent } from './call-state.ts';
import { InfoDigits } from './info-digits.ts';
import type { Line, PhoneLine } from './phone-line.ts';
import { PhonePrompts } from './phone-prompts.ts';
import { PhoneTransfer } from './phone-transfer.ts';
import type { PromptBook } from './prompt-book.ts';
import type { PromptName } from './prompt-names.ts';

export interface PhoneLegParts extends Line {
  readonly media: MediaCall;
  readonly prompts: PromptBook;
  readonly log: Log;
  /** Judges a transfer that the peer of a dialog asks for: how the target is called, or why not. Without it none is allowed. */
  readonly transfer?: (request: TransferRequest, sip: SipCall) => Result<PhoneLine['place']>;
}

const busy = fail('phone-busy', 'the call is moving or ends');

type AnotherLine = () => Promise<Result<PhoneLine>>;

/**
 * The SIP leg of a call: one dialog and the RTP that its SDP describes. It answers re-offers (hold, resume, codec and address
 * changes) by itself; to the call it reports ringing, answered, ended. A transfer puts another dialog in place of the first; the
 * media and their ports stay.
 */
export class PhoneLeg {
  onEvent: (event: CallEvent) => void = () => {};
  /** A key of the phone was pressed and released, however it told us. It may be part of a PIN: not for the log. */
  onDigit: (digit: string) => void = () => {};
  readonly #parts: PhoneLegParts;
  #line: Line;
  #rtpPort = 0;
  #sip: SipCall | undefined;
  #place: PhoneLine['place'] | undefined;
  /** Where the call may go when nobody is there on its present line; undefined: nowhere, or too late. */
  #another: AnotherLine | undefined;
  #audio: AudioExchange | undefined;
  #transfer: PhoneTransfer | undefined;
  /** The call is on its end: nothing moves any more. */
  #ending = false;
  #ended: Failure | undefined;
  /** Nobody has to be told of an answer any more, or never had to: the call came in. */
  #isAnswered = true;
  readonly #infoDigits: InfoDigits;
  readonly #prompts: PhonePrompts;

  constructor(parts: PhoneLegParts) {
    this.#parts = parts;
    this.#line = parts;
    this.#prompts = new PhonePrompts(parts);
    this.#infoDigits = new InfoDigits(() => this.#sip, parts.log);
    parts.media.on('hold-music-failed', ({ detail }) => {
      parts.log.warn({ event: 'hold-music', detail }, 'the music for a phone that holds was not played');
    });
    parts.media.on('digit', (digit, leg) => {
      if (leg === 'phone') this.onDigit(digit.digit);
      else if (this.#line.profile.dtmf === 'info') this.#infoDigits.send(digit);
    });
  }

  /** Set once the dialog is over; a caller may give up before anybody listens to `onEvent`. */
  get ended(): Failure | undefined {
    return this.#ended;
  }

  /** Takes an incoming call as far as it goes without the room: ports, codec. A failure is the reason to refuse it. */
  async receive(sip: SipCall): Promise<Result<void>> {
    this.#follow(sip);
    const opened = await this.#open();
    if (!opened.ok) return opened;
    const audio = this.#exchange();
    this.#audio = audio;
    this.#serve(sip, audio);
    const answered = await audio.answerTo(sip.offer);
    return answered.ok ? ok(undefined) : answered;
  }

  /** Is this its dialog? */
  isOn(sip: SipCall): boolean {
    return this.#sip === sip;
  }

  /** Answers an INVITE that takes the place of the present dialog (RFC 3891), which ends: also one of ours that still rings. A failure is the reason to refuse it. */
  async takeOver(sip: SipCall): Promise<Result<void>> {
    const old = this.#sip;
    const present = this.#audio;
    if (old === undefined || this.#isBusy) return busy;
    let gone: Failure | undefined;
    sip.once('ended', (why) => {
      gone = why;
    });
    const audio = this.#exchange();
    const answered = await audio.answerTo(sip.offer);
    if (!this.isOn(old) || this.#isBusy) return busy;
    if (!answered.ok || gone !== undefined) {
      await present?.resume();
      return answered.ok ? { ok: false, error: gone ?? failure('cancelled') } : answered;
    }
    this.#another = undefined;
    this.#serve(sip, audio, this.#isAnswered ? undefined : () => this.#answered());
    this.#moveTo(sip, audio);
    sip.answer(answered.value);
    old.end(failure('hangup'));
    return ok(undefined);
  }

  /**
   * Gets an outgoing call ready; `place` sends the INVITE when `invite()` is called. When the peer cannot be reached that way,
   * the call goes by `another` line, as long as there is one and the phone did not ring.
   */
  async prepare(place: PhoneLine['place'], another?: AnotherLine): Promise<Result<void>> {
    this.#place = place;
    this.#another = another;
    this.#isAnswered = false;
    return this.#open();
  }

  ring(): void {
    this.#sip?.ring();
  }

  /** The caller can be told something before the answer, and its account wants that. */
  get takesEarlyMedia(): boolean {
    return this.#line.profile.earlyMedia === true && this.#sip?.takesEarlyMedia === true;
  }

  /** Lets the caller hear us although it is not answered. */
  early(): void {
    const sdp = this.#audio?.ourSdp;
    if (sdp !== undefined) this.#sip?.early(sdp);
  }

  answer(): void {
    const sdp = this.#audio?.ourSdp;
    if (sdp !== undefined) this.#sip?.answer(sdp);
  }

  invite(): void {
    if (this.#place === undefined) return;
    this.#call(this.#place);
  }

  /** Sends digits (a comma is a pause) to the phone, in the way that was agreed or is configured. */
  sendDigits(digits: string): void {
    const { media } = this.#parts;
    if (this.#line.profile.dtmf !== 'info') {
      media.sendDtmf(digits, 'phone');
      return;
    }
    this.#infoDigits.sendAll(digits);
  }

  /** Says something to the phone, in place of what is being said to it; see `PhonePrompts.say`. */
  say(prompt: PromptName, mode?: 'duck' | 'replace'): Promise<void> {
    return this.#prompts.say(prompt, mode);
  }

  /** Ends what is being said. */
  hush(): void {
    this.#prompts.hush();
  }

  end(why: Failure): void {
    this.#another = undefined;
    this.#ending = true;
    if (this.#transfer !== undefined) this.#transfer.hangUp(why);
    else if (this.#sip === undefined) this.onEvent({ type: 'phone-ended', why });
    else this.#sip.end(why);
  }

  get #isBusy(): boolean {
    return this.#ending || this.#ended !== undefined || this.#transfer !== undefined;
  }

  /** Sends the INVITE of an outgoing call. */
  #call(place: PhoneLine['place']): void {
    const audio = this.#exchange();
    const sip = place(audio.offer());
    sip.on('ringing', () => {
      this.#another = undefined;
      this.onEvent({ type: 'phone-ringing' });
    });
    this.#serve(sip, audio, () => this.#answered());
    this.#moveTo(sip, audio);
  }

  /** The phone that an outgoing call rang, or one in its place, was picked up. */
  #answered(): void {
    this.#isAnswered = true;
    this.onEvent({ type: 'phone-answered' });
  }

  #exchange(): AudioExchange {
    const { media, log } = this.#parts;
    return new AudioExchange({ line: this.#line, rtpPort: this.#rtpPort, media, log });
  }

  /** This dialog is the phone from now on. */
  #moveTo(sip: SipCall, audio: AudioExchange): void {
    this.#audio = audio;
    this.#follow(sip);
  }

  /** Its end is the end of the phone, unless it stopped being the phone. */
  #follow(sip: SipCall): void {
    this.#sip = sip;
    sip.on('ended', (why) => {
      if (!this.isOn(sip)) return;
      const another = why.code === 'phone-unreachable' ? this.#another : undefined;
      if (this.#transfer !== undefined) this.#transfer.oldEnded(why);
      else if (another === undefined) this.#over(why);
      else this.#reroute(another, why).catch((error: unknown) => this.#broken(error));
    });
  }

  /** Answers what comes in a dialog. */
  #serve(sip: SipCall, audio: AudioExchange, onAnswered: () => void = () => {}): void {
    sip.on('answered', (sdp) => {
      this.#another = undefined;
      this.#takeAnswer(sip, audio, sdp).then(
        (agreed) => agreed && onAnswered(),
        (error: unknown) => this.#broken(error),
      );
    });
    sip.on('reanswered', (sdp) => {
      this.#takeAnswer(sip, audio, sdp).catch((error: unknown) => this.#broken(error));
    });
    sip.on('reoffer', (sdp, respond) => {
      audio.answerTo(sdp).then(respond, (error: unknown) => {
        respond(fail('internal'));
        this.#broken(error);
      });
    });
    sip.on('info', (contentType, body) => {
      const pressed = readDtmfInfo(contentType, body);
      if (pressed !== undefined) this.onDigit(pressed.digit);
    });
    sip.on('refer', (request) => this.#referred(sip, request));
  }

  #referred(sip: SipCall, request: TransferRequest): void {
    const { log, transfer } = this.#parts;
    const judged =
      this.#isBusy || !this.isOn(sip)
        ? busy
        : (transfer?.(request, sip) ?? fail('destination-refused', 'nothing is transferred here'));
    if (!judged.ok) {
      transferRefused(log, request.target, judged.error);
      request.refuse(judged.error);
      return;
    }
    transferStarted(log, request);
    request.accept();
    this.onEvent({ type: 'phone-moving', how: 'begun' });
    const audio = this.#exchange();
    const next = judged.value(audio.offer());
    this.#transfer = new PhoneTransfer({
      request,
      old: sip,
      next,
      onRinging: () => this.onEvent({ type: 'phone-moving', how: 'ringing' }),
      onMove: () => this.#moved(next, audio),
      onBack: (why) => this.#stayed(why),
      onPhoneEnded: (why) => this.#over(why),
    });
    this.#serve(next, audio, () => this.#transfer?.answered());
  }

  #moved(next: SipCall, audio: AudioExchange): void {
    this.#transfer = undefined;
    this.#moveTo(next, audio);
    transferEnded(this.#parts.log, undefined);
    this.onEvent({ type: 'phone-moving', how: 'over' });
  }

  /** The target did not take the call: the old dialog goes on, with its media. */
  #stayed(why: Failure): void {
    this.#transfer = undefined;
    transferEnded(this.#parts.log, why);
    this.#audio?.resume().catch((error: unknown) => this.#broken(error));
    this.onEvent({ type: 'phone-moving', how: 'over' });
  }

  #over(why: Failure): void {
    this.#transfer = undefined;
    this.#ended = why;
    this.onEvent({ type: 'phone-ended', why });
  }

  async #reroute(another: AnotherLine, why: Failure): Promise<void> {
    // An `end` meanwhile finds no dialog, and takes `another` away.
    this.#sip = undefined;
    const line = await another();
    if (this.#another === undefined) return;
    if (!line.ok) {
      this.#over(why);
      return;
    }
    callRerouted(this.#parts.log, why);
    this.#line = line.value;
    this.#call(line.value.place);
  }

  async #open(): Promise<Result<void>> {
    const opened = await this.#parts.media.openPhone();
    if (!opened.ok) return opened;
    this.#rtpPort = opened.value.rtpPort;
    return ok(undefined);
  }

  /** False: the peer did not say what it can receive, and the dialog is ended. */
  async #takeAnswer(sip: SipCall, audio: AudioExchange, sdp: string | undefined): Promise<boolean> {
    const agreed = await audio.takeAnswer(sdp);
    if (!agreed.ok) sip.end(agreed.error);
    return agreed.ok;
  }

  #broken(error: unknown): void {
    this.#parts.log.error({ event: 'call-bug', err: error }, 'the phone leg broke');
    this.onEvent({ type: 'end', why: failure('internal', String(error)) });
  }
}
