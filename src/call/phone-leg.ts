import type { CallProfile } from '../config/config.ts';
import { type Failure, fail, failure, ok, type Result } from '../errors.ts';
import { callRerouted } from '../events.ts';
import type { Log } from '../log.ts';
import type { MediaCall } from '../media/media-engine.ts';
import type { AudioSession, LocalAudio } from '../sip/audio-session.ts';
import { newSrtpKeys } from '../sip/crypto-attribute.ts';
import { type InfoDigit, readDtmfInfo, writeDtmfInfo } from '../sip/dtmf-info.ts';
import type { SipCall } from '../sip/engine.ts';
import { answerOffer, readAnswer, writeOffer } from '../sip/offer-answer.ts';
import type { CallEvent } from './call-state.ts';
import type { PromptBook } from './prompt-book.ts';
import type { PromptName } from './prompt-names.ts';

const usualDigitMs = 160;

/** The account that the call goes by, as far as media are concerned. */
interface Line {
  /** How the account's calls are led. */
  readonly profile: Pick<CallProfile, 'codecs' | 'codecOrder' | 'dtmf' | 'detectTones' | 'srtp'>;
  /** Address for the `c=` line. */
  readonly address: string;
}

export interface PhoneLegParts extends Line {
  readonly media: MediaCall;
  readonly prompts: PromptBook;
  readonly log: Log;
}

/** An account that an outgoing call can be placed by. */
export interface PhoneLine extends Line {
  /** Sends the INVITE. */
  place(sdp: string): SipCall;
}

type AnotherLine = () => Promise<Result<PhoneLine>>;

/**
 * The SIP leg of a call: one dialog and the RTP that its SDP describes. It answers re-offers (hold, resume, codec and address
 * changes) by itself; to the call it reports ringing, answered, ended.
 */
export class PhoneLeg {
  onEvent: (event: CallEvent) => void = () => {};
  /** A key of the phone was pressed and released, however it told us. It may be part of a PIN: not for the log. */
  onDigit: (digit: string) => void = () => {};
  readonly #parts: PhoneLegParts;
  #line: Line;
  readonly #sessionId = Math.floor(Date.now() / 1000);
  readonly #srtpKeys = newSrtpKeys();
  #version = 1;
  #rtpPort = 0;
  #sip: SipCall | undefined;
  #place: PhoneLine['place'] | undefined;
  /** Where the call may go when nobody is there on its present line; undefined: nowhere, or too late. */
  #another: AnotherLine | undefined;
  /** The last SDP that we sent, or that `answer()` will send. */
  #ourSdp: string | undefined;
  #agreed: AudioSession | undefined;
  /** The last SDP that we sent is an offer, to which the peer owes the answer. */
  #offering = false;
  #ended: Failure | undefined;
  #informed: Promise<void> = Promise.resolve();

  constructor(parts: PhoneLegParts) {
    this.#parts = parts;
    this.#line = parts;
    parts.media.on('digit', (digit, leg) => {
      if (leg === 'phone') this.onDigit(digit.digit);
      else if (this.#line.profile.dtmf === 'info') this.#inform(digit);
    });
  }

  /** Set once the dialog is over; a caller may give up before anybody listens to `onEvent`. */
  get ended(): Failure | undefined {
    return this.#ended;
  }

  /** Takes an incoming call as far as it goes without the room: ports, codec. A failure is the reason to refuse it. */
  async receive(sip: SipCall): Promise<Result<void>> {
    this.#attach(sip);
    const opened = await this.#open();
    if (!opened.ok) return opened;
    const answered = await this.#answerTo(sip.offer);
    return answered.ok ? ok(undefined) : answered;
  }

  /**
   * Gets an outgoing call ready; `place` sends the INVITE when `invite()` is called. When the peer cannot be reached that way,
   * the call goes by `another` line, as long as there is one and the phone did not ring.
   */
  async prepare(place: PhoneLine['place'], another?: AnotherLine): Promise<Result<void>> {
    this.#place = place;
    this.#another = another;
    return this.#open();
  }

  ring(): void {
    this.#sip?.ring();
  }

  answer(): void {
    if (this.#ourSdp !== undefined) this.#sip?.answer(this.#ourSdp);
  }

  invite(): void {
    if (this.#place === undefined) return;
    this.#attach(this.#place(this.#offer()));
  }

  /** Sends digits (a comma is a pause) to the phone, in the way that was agreed or is configured. */
  sendDigits(digits: string): void {
    const { media } = this.#parts;
    if (this.#line.profile.dtmf !== 'info') {
      media.sendDtmf(digits, 'phone');
      return;
    }
    const known = digits.toUpperCase().replace(/[^0-9A-D*#]/g, '');
    for (const digit of known) this.#inform({ digit, durationMs: usualDigitMs });
  }

  /**
   * Says something to the phone, in place of what is being said to it. Resolves when it is over, whatever happens. `replace`: the room is
   * not heard meanwhile.
   */
  async say(prompt: PromptName, mode: 'duck' | 'replace' = 'duck'): Promise<void> {
    const { media, prompts, log } = this.#parts;
    media.stopPlaying('phone');
    try {
      const played = await media.play(prompts.sounds(prompt), { mode });
      if (played.ok) log.debug({ event: 'prompt', prompt, how: played.value }, 'a prompt is over');
      else log.warn({ event: 'prompt', prompt, detail: played.error.detail }, 'a prompt was not played');
    } catch (error) {
      log.error({ event: 'call-bug', err: error }, 'a prompt broke');
    }
  }

  /** Ends what is being said. */
  hush(): void {
    this.#parts.media.stopPlaying('phone');
  }

  end(why: Failure): void {
    this.#another = undefined;
    if (this.#sip === undefined) this.onEvent({ type: 'phone-ended', why });
    else this.#sip.end(why);
  }

  #attach(sip: SipCall): void {
    this.#sip = sip;
    sip.on('ringing', () => {
      this.#another = undefined;
      this.onEvent({ type: 'phone-ringing' });
    });
    sip.on('answered', (sdp) => {
      this.#another = undefined;
      this.#takeAnswer(sip, sdp).then(
        (agreed) => agreed && sip.direction === 'out' && this.onEvent({ type: 'phone-answered' }),
        (error: unknown) => this.#broken(error),
      );
    });
    sip.on('reanswered', (sdp) => {
      this.#takeAnswer(sip, sdp).catch((error: unknown) => this.#broken(error));
    });
    sip.on('reoffer', (sdp, respond) => {
      this.#answerTo(sdp).then(respond, (error: unknown) => {
        respond(fail('internal'));
        this.#broken(error);
      });
    });
    sip.on('info', (contentType, body) => {
      const pressed = readDtmfInfo(contentType, body);
      if (pressed !== undefined) this.onDigit(pressed.digit);
    });
    sip.on('ended', (why) => {
      const another = why.code === 'phone-unreachable' ? this.#another : undefined;
      if (another === undefined) this.#over(why);
      else this.#reroute(another, why).catch((error: unknown) => this.#broken(error));
    });
  }

  #over(why: Failure): void {
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
    this.#ourSdp = undefined;
    this.#attach(line.value.place(this.#offer()));
  }

  /** INFO is one transaction after the other: a digit waits for the answer to the one before, so that their order stays. */
  #inform(digit: InfoDigit): void {
    const { contentType, body } = writeDtmfInfo(digit);
    this.#informed = this.#informed.then(async () => {
      const answer = await this.#sip?.info(contentType, body);
      if (answer !== undefined && !(answer.ok && answer.value < 300))
        this.#parts.log.warn({ event: 'dtmf-info', answer }, 'the phone did not take a digit by INFO');
    });
    this.#informed = this.#informed.catch((error: unknown) => this.#broken(error));
  }

  async #open(): Promise<Result<void>> {
    const opened = await this.#parts.media.openPhone();
    if (!opened.ok) return opened;
    this.#rtpPort = opened.value.rtpPort;
    return ok(undefined);
  }

  /** The peer accepted our INVITE, or acknowledged: with its answer if the offer was ours. False: it ends the call. */
  async #takeAnswer(sip: SipCall, sdp: string | undefined): Promise<boolean> {
    if (!this.#offering) return true;
    this.#offering = false;
    const agreed =
      sdp === undefined
        ? fail('no-common-codec', 'the peer never said what it can receive')
        : await this.#readAnswer(sdp);
    if (!agreed.ok) sip.end(agreed.error);
    return agreed.ok;
  }

  async #readAnswer(sdp: string): Promise<Result<void>> {
    const read = readAnswer(sdp, this.#local(), this.#ourSdp);
    return read.ok ? this.#connect(read.value) : read;
  }

  /** `offer` undefined: an offerless INVITE or re-INVITE asks for our offer (RFC 3261 §14.2). */
  async #answerTo(offer: string | undefined): Promise<Result<string>> {
    if (offer === undefined) return ok(this.#offer());
    const answered = answerOffer(offer, this.#local(), this.#agreed);
    if (!answered.ok) return answered;
    const connected = await this.#connect(answered.value.audio);
    if (!connected.ok) return connected;
    this.#offering = false;
    return ok(this.#sent(answered.value.sdp));
  }

  #offer(): string {
    this.#offering = true;
    return this.#sent(writeOffer(this.#local(), this.#ourSdp));
  }

  /** Each body that goes out has the next version; one that was not sent has none (RFC 3264 §8). */
  #sent(sdp: string): string {
    this.#ourSdp = sdp;
    this.#version += 1;
    return sdp;
  }

  async #connect(audio: AudioSession): Promise<Result<void>> {
    const { codec, direction: flow, ptimeMs } = audio;
    const remote = `${audio.remote.address}:${audio.remote.port}`;
    const srtp = audio.srtp?.profile;
    this.#parts.log.info({ event: 'phone-media', codec, flow, ptimeMs, srtp, remote }, 'phone media agreed');
    this.#agreed = audio;
    const { dtmf, detectTones = false } = this.#line.profile;
    const digits = dtmf === 'auto' ? undefined : dtmf;
    return this.#parts.media.connectPhone({ ...audio, detectTones, ...(digits && { digits }) });
  }

  #local(): LocalAudio {
    const { address, profile } = this.#line;
    const { codecs, codecOrder = 'theirs', srtp: policy = 'off' } = profile;
    return {
      address,
      rtpPort: this.#rtpPort,
      codecs,
      codecOrder,
      srtp: policy === 'off' ? undefined : { policy, keys: this.#srtpKeys },
      sessionId: this.#sessionId,
      version: this.#version,
    };
  }

  #broken(error: unknown): void {
    this.#parts.log.error({ event: 'call-bug', err: error }, 'the phone leg broke');
    this.onEvent({ type: 'end', why: failure('internal', String(error)) });
  }
}
