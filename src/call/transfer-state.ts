import { endings, type Failure, failure } from '../errors.ts';

/**
 * A transfer that the PBX asked for (RFC 3515), as a pure function: the old dialog is there, the new call is being placed. The
 * caller of `stepTransfer` carries the effects out. It is over when `phase` is `over`.
 */
export interface TransferState {
  /** `hanging-up`: the call ends, both dialogs with it. */
  readonly phase: 'calling' | 'hanging-up' | 'over';
  /** Why the old dialog ended, if it did: many a PBX hangs up as soon as its REFER is accepted. */
  readonly oldEnded: Failure | undefined;
  readonly newEnded: boolean;
}

export type TransferEvent =
  | { readonly type: 'ringing' }
  /** The new call was answered and its media are agreed. */
  | { readonly type: 'answered' }
  | { readonly type: 'new-ended'; readonly why: Failure }
  | { readonly type: 'old-ended'; readonly why: Failure }
  /** The call ends on our side. */
  | { readonly type: 'hang-up'; readonly why: Failure };

export type TransferEffect =
  /** Tells the PBX how the new call does. */
  | { readonly type: 'progress'; readonly status: number; readonly reason: string }
  /** The room may know: the phone rings elsewhere. */
  | { readonly type: 'ringing' }
  /** The new dialog is the phone from now on. */
  | { readonly type: 'move' }
  /** The old dialog goes on as if nothing had been. */
  | { readonly type: 'back'; readonly why: Failure }
  | { readonly type: 'end-old'; readonly why: Failure }
  | { readonly type: 'end-new'; readonly why: Failure }
  /** No dialog is left. */
  | { readonly type: 'phone-ended'; readonly why: Failure };

export interface TransferStep {
  readonly state: TransferState;
  readonly effects: readonly TransferEffect[];
}

export const newTransfer: TransferState = { phase: 'calling', oldEnded: undefined, newEnded: false };

export function stepTransfer(state: TransferState, event: TransferEvent): TransferStep {
  if (state.phase === 'over') return { state, effects: [] };
  if (state.phase === 'hanging-up') return whileHangingUp(state, event);
  switch (event.type) {
    case 'ringing':
      return { state, effects: [{ type: 'progress', status: 180, reason: 'Ringing' }, { type: 'ringing' }] };
    case 'answered':
      return onAnswered(state);
    case 'new-ended':
      return onFailed(state, event.why);
    case 'old-ended':
      return { state: { ...state, oldEnded: event.why }, effects: [] };
    case 'hang-up':
      return onHangUp(state, event.why);
  }
}

/** The PBX learns of the answer before its dialog ends: the NOTIFY belongs to that dialog. */
function onAnswered(state: TransferState): TransferStep {
  const effects: TransferEffect[] = [{ type: 'progress', status: 200, reason: 'OK' }, { type: 'move' }];
  if (state.oldEnded === undefined) effects.push({ type: 'end-old', why: failure('hangup') });
  return { state: { ...state, phase: 'over' }, effects };
}

function onFailed(state: TransferState, why: Failure): TransferStep {
  const { oldEnded } = state;
  const next: TransferEffect =
    oldEnded === undefined ? { type: 'back', why } : { type: 'phone-ended', why: oldEnded };
  return { state: { ...state, phase: 'over', newEnded: true }, effects: [told(why), next] };
}

function onHangUp(state: TransferState, why: Failure): TransferStep {
  const effects: TransferEffect[] = [told(failure('cancelled')), { type: 'end-new', why }];
  if (state.oldEnded === undefined) effects.push({ type: 'end-old', why });
  return { state: { ...state, phase: 'hanging-up' }, effects };
}

function whileHangingUp(state: TransferState, event: TransferEvent): TransferStep {
  const next: TransferState = {
    ...state,
    oldEnded: event.type === 'old-ended' ? event.why : state.oldEnded,
    newEnded: state.newEnded || event.type === 'new-ended',
  };
  if (next.oldEnded === undefined || !next.newEnded) return { state: next, effects: [] };
  return { state: { ...next, phase: 'over' }, effects: [{ type: 'phone-ended', why: next.oldEnded }] };
}

/** `hangup` stands for a new call that was answered and ended at once: nothing that a final NOTIFY could call a success. */
function told(why: Failure): TransferEffect {
  const { sip, phrase } = endings[why.code === 'hangup' ? 'phone-failed' : why.code];
  return { type: 'progress', status: sip, reason: phrase };
}
