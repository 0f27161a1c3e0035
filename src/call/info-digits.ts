import type { Log } from '../log.ts';
import { type InfoDigit, writeDtmfInfo } from '../sip/dtmf-info.ts';
import type { SipCall } from '../sip/engine.ts';

const usualDigitMs = 160;

/** Digits to a phone that takes them by INFO. One transaction after the other: a digit waits for the answer to the one before. */
export class InfoDigits {
  readonly #dialog: () => SipCall | undefined;
  readonly #log: Log;
  #sent: Promise<void> = Promise.resolve();

  /** `dialog`: where they go at the time; undefined: nowhere. */
  constructor(dialog: () => SipCall | undefined, log: Log) {
    this.#dialog = dialog;
    this.#log = log;
  }

  /** What is no digit is left out. */
  sendAll(digits: string): void {
    const known = digits.toUpperCase().replace(/[^0-9A-D*#]/g, '');
    for (const digit of known) this.send({ digit, durationMs: usualDigitMs });
  }

  send(digit: InfoDigit): void {
    const { contentType, body } = writeDtmfInfo(digit);
    const inform = async (): Promise<void> => {
      const answer = await this.#dialog()?.info(contentType, body);
      if (answer !== undefined && !(answer.ok && answer.value < 300))
        this.#log.warn({ event: 'dtmf-info', answer }, 'the phone did not take a digit by INFO');
    };
    this.#sent = this.#sent.then(inform).catch((error: unknown) => {
      this.#log.error({ event: 'call-bug', err: error }, 'a digit by INFO broke');
    });
  }
}
