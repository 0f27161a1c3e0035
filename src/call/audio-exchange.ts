import { fail, ok, type Result } from '../errors.ts';
import type { Log } from '../log.ts';
import type { MediaCall } from '../media/media-engine.ts';
import type { AudioSession, LocalAudio } from '../sip/audio-session.ts';
import { newSrtpKeys } from '../sip/crypto-attribute.ts';
import { answerOffer, readAnswer, writeOffer } from '../sip/offer-answer.ts';
import { holdMusicFile } from './hold-music.ts';
import type { Line } from './phone-line.ts';

export interface AudioExchangeParts {
  readonly line: Line;
  readonly rtpPort: number;
  readonly media: MediaCall;
  readonly log: Log;
}

/** Offers and answers of one dialog (RFC 3264), and the phone's media as they were agreed last. */
export class AudioExchange {
  readonly #parts: AudioExchangeParts;
  readonly #sessionId = Math.floor(Date.now() / 1000);
  readonly #srtpKeys = newSrtpKeys();
  #version = 1;
  #ourSdp: string | undefined;
  #agreed: AudioSession | undefined;
  /** The last SDP that we sent is an offer, to which the peer owes the answer. */
  #offering = false;

  constructor(parts: AudioExchangeParts) {
    this.#parts = parts;
  }

  /** The last SDP that we sent, or are about to. */
  get ourSdp(): string | undefined {
    return this.#ourSdp;
  }

  offer(): string {
    this.#offering = true;
    return this.#sent(writeOffer(this.#local(), this.#ourSdp));
  }

  /** `offer` undefined: an offerless INVITE or re-INVITE asks for our offer (RFC 3261 §14.2). */
  async answerTo(offer: string | undefined): Promise<Result<string>> {
    if (offer === undefined) return ok(this.offer());
    const answered = answerOffer(offer, this.#local(), this.#agreed);
    if (!answered.ok) return answered;
    const connected = await this.#connect(answered.value.audio);
    if (!connected.ok) return connected;
    this.#offering = false;
    return ok(this.#sent(answered.value.sdp));
  }

  /** The peer accepted our INVITE, or acknowledged: with its answer if the offer was ours. A failure: the call cannot go on. */
  async takeAnswer(sdp: string | undefined): Promise<Result<void>> {
    if (!this.#offering) return ok(undefined);
    this.#offering = false;
    if (sdp === undefined) return fail('no-common-codec', 'the peer never said what it can receive');
    const read = readAnswer(sdp, this.#local(), this.#ourSdp);
    return read.ok ? this.#connect(read.value) : read;
  }

  /** Gives the phone's media back to this dialog after another one had them. */
  async resume(): Promise<Result<void>> {
    return this.#agreed === undefined ? ok(undefined) : this.#connect(this.#agreed);
  }

  /** Each body that goes out has the next version; one that was not sent has none (RFC 3264 §8). */
  #sent(sdp: string): string {
    this.#ourSdp = sdp;
    this.#version += 1;
    return sdp;
  }

  async #connect(audio: AudioSession): Promise<Result<void>> {
    const { codec, direction: flow, ptimeMs } = audio;
    const { line, media, log } = this.#parts;
    const remote = `${audio.remote.address}:${audio.remote.port}`;
    const srtp = audio.srtp?.profile;
    log.info({ event: 'phone-media', codec, flow, ptimeMs, srtp, remote }, 'phone media agreed');
    this.#agreed = audio;
    const { dtmf, detectTones = false } = line.profile;
    const digits = dtmf === 'auto' ? undefined : dtmf;
    const holdMusic = audio.isNowhere ? undefined : holdMusicFile(line.profile.holdMusic);
    return media.connectPhone({ ...audio, detectTones, holdMusic, ...(digits && { digits }) });
  }

  #local(): LocalAudio {
    const { line, rtpPort } = this.#parts;
    const { codecs, codecOrder = 'theirs', srtp: policy = 'off' } = line.profile;
    return {
      address: line.address,
      rtpPort,
      codecs,
      codecOrder,
      srtp: policy === 'off' ? undefined : { policy, keys: this.#srtpKeys },
      sessionId: this.#sessionId,
      version: this.#version,
    };
  }
}
