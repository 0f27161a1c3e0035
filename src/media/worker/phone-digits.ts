import { codecRates } from '../audio-codec.ts';
import type { Digit } from '../dtmf-event.ts';
import { DtmfReceiver } from '../dtmf-receiver.ts';
import { DtmfSender } from '../dtmf-sender.ts';
import { DtmfDetector } from '../dtmf-tones.ts';
import type { PhoneMedia } from '../media-engine.ts';
import type { RtpHeader } from '../rtp.ts';
import { timestampAdd } from '../sequence.ts';
import { EventPackets } from './event-packets.ts';
import type { PhoneSender, Transmit } from './phone-sender.ts';

/** The keys of one phone, in the way that was negotiated with it (RFC 4733, or tones in its audio). */
export class PhoneDigits {
  readonly #onDigit: (digit: Digit) => void;
  #phone: PhoneMedia | undefined;
  #receiver: DtmfReceiver | undefined;
  #detector: DtmfDetector | undefined;
  #sender: DtmfSender | undefined;
  #packets: EventPackets | undefined;

  constructor(onDigit: (digit: Digit) => void) {
    this.#onDigit = onDigit;
  }

  /** Takes a new agreement; what it leaves as it was goes on. */
  connect(phone: PhoneMedia): void {
    const [before, event] = [this.#phone?.telephoneEvent, phone.telephoneEvent];
    const codecBefore = this.#phone?.codec;
    this.#phone = phone;
    if (before?.clockRate !== event?.clockRate || before?.payloadType !== event?.payloadType) {
      this.#receiver = event && new DtmfReceiver({ clockRate: event.clockRate, onDigit: this.#onDigit });
      this.#sender = event && new DtmfSender(event.clockRate);
      this.#packets = event && new EventPackets(event.payloadType);
    }
    const detects = event === undefined && phone.detectTones === true;
    if (!detects) this.#detector = undefined;
    else if (this.#detector === undefined || codecBefore !== phone.codec)
      this.#detector = new DtmfDetector(codecRates[phone.codec], this.#onDigit);
  }

  /** A key is down: what the phone's audio says now is not for the room. */
  get isPressed(): boolean {
    return this.#receiver?.isPressed === true || this.#detector?.isPressed === true;
  }

  isEvent(payloadType: number): boolean {
    const event = this.#phone?.telephoneEvent;
    return event !== undefined && payloadType === (event.receivePayloadType ?? event.payloadType);
  }

  /** Takes a telephone-event; moves the header's timestamp on to the media time of the packet. False when it is malformed. */
  receive(header: RtpHeader, packet: Buffer, now: number): boolean {
    const ticks = this.#receiver?.receive(header, packet, now) ?? -1;
    header.timestamp = timestampAdd(header.timestamp, Math.max(ticks, 0));
    return ticks >= 0;
  }

  /** Takes 20 ms of the phone's audio. */
  hear(frame: Int16Array): void {
    this.#detector?.hear(frame);
  }

  tick(now: number): void {
    this.#receiver?.tick(now);
  }

  /** Queues a digit as RFC 4733. False when the phone does not understand that, or shall get it in another way. */
  send(digit: Digit): boolean {
    const way = this.#phone?.digits ?? 'rfc4733';
    if (this.#sender === undefined || way !== 'rfc4733') return false;
    this.#sender.add(digit);
    return true;
  }

  /** Sends 20 ms of a digit in place of audio; false when there is none. */
  sendTick(sender: PhoneSender, transmit: Transmit): boolean {
    const step = this.#sender?.next();
    if (step === undefined || this.#packets === undefined) return false;
    sender.sendEvent(step, this.#packets, transmit);
    return true;
  }
}
