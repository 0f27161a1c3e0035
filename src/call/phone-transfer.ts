import type { Failure } from '../errors.ts';
import type { SipCall, TransferRequest } from '../sip/engine.ts';
import { newTransfer, stepTransfer, type TransferEffect, type TransferEvent } from './transfer-state.ts';

export interface PhoneTransferParts {
  /** Accepted. */
  readonly request: TransferRequest;
  readonly old: SipCall;
  /** The call to the target; its INVITE is on its way. */
  readonly next: SipCall;
  /** Told once, unless the call ends meanwhile. */
  readonly onRinging: () => void;
  /** `next` is the phone now. */
  readonly onMove: () => void;
  /** The old dialog goes on. */
  readonly onBack: (why: Failure) => void;
  /** No dialog is left. */
  readonly onPhoneEnded: (why: Failure) => void;
}

/** Carries out one transfer, from the accepted REFER until the target answers or does not. It decides nothing itself. */
export class PhoneTransfer {
  readonly #parts: PhoneTransferParts;
  #state = newTransfer;

  constructor(parts: PhoneTransferParts) {
    this.#parts = parts;
    parts.next.on('ringing', () => this.#dispatch({ type: 'ringing' }));
    parts.next.on('ended', (why) => this.#dispatch({ type: 'new-ended', why }));
  }

  /** The target took the call, and its media are agreed. */
  answered(): void {
    this.#dispatch({ type: 'answered' });
  }

  /** The old dialog is over. The call is not, as long as the new one may be answered. */
  oldEnded(why: Failure): void {
    this.#dispatch({ type: 'old-ended', why });
  }

  hangUp(why: Failure): void {
    this.#dispatch({ type: 'hang-up', why });
  }

  #dispatch(event: TransferEvent): void {
    const { state, effects } = stepTransfer(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: TransferEffect): void {
    const { request, old, next, onRinging, onMove, onBack, onPhoneEnded } = this.#parts;
    switch (effect.type) {
      case 'progress':
        request.progress(effect.status, effect.reason);
        break;
      case 'ringing':
        onRinging();
        break;
      case 'move':
        onMove();
        break;
      case 'back':
        onBack(effect.why);
        break;
      case 'end-old':
        old.end(effect.why);
        break;
      case 'end-new':
        next.end(effect.why);
        break;
      case 'phone-ended':
        onPhoneEnded(effect.why);
        break;
    }
  }
}
