import type { SipMessage } from '../../../src/sip/message.ts';

/**
 * What the engine does with a message: answers it with a status, hands it up as a call, or stays silent and counts it under
 * this name.
 */
export type Outcome =
  | { readonly kind: 'answer'; readonly status: number }
  | { readonly kind: 'call' }
  | { readonly kind: 'dropped'; readonly counter: string };

export interface TortureCase {
  /** File below test/fixtures/rfcNNNN, without `.txt`; begins with the section. */
  readonly file: string;
  readonly title: string;
  /** What the RFC asks of the receiver, in our words. */
  readonly asks: string;
  readonly outcome: Outcome;
  /** What the parser must have read. */
  readonly values?: (message: SipMessage) => void;
  /** The message where the RFC's own print contradicts itself. */
  readonly corrected?: (bytes: Buffer) => Buffer;
  /** The answer's headers, beyond what every answer has. */
  readonly header?: readonly [name: string, value: RegExp];
}

export const answer = (status: number): Outcome => ({ kind: 'answer', status });
export const call: Outcome = { kind: 'call' };
export const dropped = (counter: string): Outcome => ({ kind: 'dropped', counter });
