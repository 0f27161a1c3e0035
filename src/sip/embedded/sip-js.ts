/**
 * The only file that imports sip.js, and there only its `core` (reference: docs/decisions/003-sip-js-core.md). What follows
 * names every place where we rely on something that sip.js does not promise; `guardSipJs` checks each at start-up.
 */
import {
  C,
  ClientTransaction,
  type Contact,
  Dialog,
  IncomingRequestMessage,
  IncomingResponseMessage,
  InviteServerTransaction,
  InviteUserAgentServer,
  LoggerFactory,
  NameAddrHeader,
  NonInviteClientTransaction,
  NonInviteServerTransaction,
  OutgoingRequestMessage,
  SessionDialog,
  Timers,
  TransportError,
  URI,
  type UserAgentClient,
  UserAgentCore,
  UserAgentServer,
} from 'sip.js/lib/core/index.js';
import { AllowedMethods } from 'sip.js/lib/core/user-agent-core/allowed-methods.js';
import { headerLine } from '../header-line.ts';
import { dialogMethods } from '../served-methods.ts';

export type {
  Body,
  IncomingInviteRequest,
  IncomingPrackRequest,
  IncomingResponse,
  InviteUserAgentClient,
  OutgoingInviteRequest,
  OutgoingRequest,
  OutgoingRequestDelegate,
  OutgoingRequestMessageOptions,
  OutgoingResponse,
  ResponseOptions,
  Session,
  SessionDelegate,
  Transport,
} from 'sip.js/lib/core/index.js';
export {
  C,
  type Contact,
  Dialog,
  IncomingRequestMessage,
  IncomingResponseMessage,
  InviteServerTransaction,
  InviteUserAgentServer,
  LoggerFactory,
  NameAddrHeader,
  NonInviteServerTransaction,
  OutgoingRequestMessage,
  SessionDialog,
  Timers,
  URI,
  type UserAgentClient,
  UserAgentCore,
  UserAgentServer,
};

/** RFC 3261 §17.1.1.1, milliseconds. */
export interface SipTimes {
  readonly t1: number;
  readonly t2: number;
  readonly t4: number;
}

export const standardTimes: SipTimes = { t1: 500, t2: 4_000, t4: 5_000 };

/** Extensions that we understand, for `Supported` (RFC 3261 §20.37). */
export const supportedOptions = ['timer', '100rel', 'replaces'] as const;

/** Lines that say what we can do, for each request and 2xx that sets up or refreshes a call. */
export function abilityLines(): string[] {
  return [
    headerLine('Allow', dialogMethods.join(', ')),
    headerLine('Supported', supportedOptions.join(', ')),
  ];
}

interface Privates {
  makeId?: (request: OutgoingRequestMessage) => string;
}

interface Failing {
  onTransportError?: (error: TransportError) => void;
}

interface Sequenced {
  sequenceGuard: (message: IncomingRequestMessage) => boolean;
}

interface Tagged {
  toTag?: string;
}

interface Repeating {
  ackWait: boolean;
  reinviteUserAgentServer: unknown;
}

interface Lasting {
  timerJ?: () => void;
  timerL?: () => void;
}

/**
 * What of sip.js' inside we touch, each with a check. A list of those that are missing: empty with the pinned version.
 */
export function guardSipJs(): string[] {
  const touchPoints: [string, boolean][] = [
    ['Timers is writable', timersAreWritable()],
    ['ClientTransaction.makeId', typeof (ClientTransaction as unknown as Privates).makeId === 'function'],
    ['AllowedMethods is a mutable array', Array.isArray(AllowedMethods) && !Object.isFrozen(AllowedMethods)],
    ['OutgoingRequestMessage.setViaHeader', hasMethod(OutgoingRequestMessage, 'setViaHeader')],
    ['OutgoingRequestMessage.toString', hasMethod(OutgoingRequestMessage, 'toString')],
    ['IncomingMessage.parseHeader', hasMethod(IncomingRequestMessage, 'parseHeader')],
    ['UserAgentCore.makeOutgoingRequestMessage', hasMethod(UserAgentCore, 'makeOutgoingRequestMessage')],
    ['UserAgentCore.replyStateless', hasMethod(UserAgentCore, 'replyStateless')],
    ['Dialog.receiveRequest', hasMethod(Dialog, 'receiveRequest')],
    ['Dialog.sequenceGuard', hasMethod(Dialog, 'sequenceGuard')],
    ['Dialog.incrementLocalSequenceNumber', hasMethod(Dialog, 'incrementLocalSequenceNumber')],
    ['ClientTransaction.onTransportError', hasMethod(NonInviteClientTransaction, 'onTransportError')],
    ['SessionDialog.dispose', hasMethod(SessionDialog, 'dispose')],
    ['InviteServerTransaction.timerL', hasMethod(InviteServerTransaction, 'timerL')],
    ['NonInviteServerTransaction.timerJ', hasMethod(NonInviteServerTransaction, 'timerJ')],
  ];
  return touchPoints.filter(([, present]) => !present).map(([name]) => name);
}

function hasMethod(type: { readonly prototype: object }, name: string): boolean {
  return typeof (type.prototype as Record<string, unknown>)[name] === 'function';
}

function timersAreWritable(): boolean {
  const keys = [
    'T1',
    'T2',
    'T4',
    'TIMER_B',
    'TIMER_D',
    'TIMER_F',
    'TIMER_H',
    'TIMER_I',
    'TIMER_J',
    'TIMER_K',
    'TIMER_L',
  ];
  return keys.every((key) => Object.getOwnPropertyDescriptor(Timers, key)?.writable === true);
}

/**
 * Makes sip.js fit for UDP and for strangers: the timers that it sets to zero (RFC 3261 table 4: D, I, J, K), branches that
 * cannot be guessed, our own list of methods. Process-wide, like the state of sip.js itself. Throws when a touch point is gone.
 */
export function prepareSipJs(times: SipTimes, makeBranch: () => string): void {
  const missing = guardSipJs();
  if (missing.length > 0) throw new Error(`sip.js is not the version that we know: ${missing.join(', ')}`);
  const { t1, t2, t4 } = times;
  const long = 64 * t1;
  Object.assign(Timers, {
    T1: t1,
    T2: t2,
    T4: t4,
    TIMER_B: long,
    TIMER_D: long,
    TIMER_F: long,
    TIMER_H: long,
    TIMER_I: t4,
    TIMER_J: long,
    TIMER_K: t4,
    TIMER_L: long,
    TIMER_M: long,
    TIMER_N: long,
  });
  (ClientTransaction as unknown as Privates).makeId = (request) =>
    request.method === C.CANCEL ? (request.branch ?? makeBranch()) : makeBranch();
  AllowedMethods.splice(0, AllowedMethods.length, ...dialogMethods);
  SessionDialog.prototype.dispose = disposeWholly;
}

const { dispose } = SessionDialog.prototype;

/**
 * sip.js has one place for the timers that repeat the 2xx of an INVITE and of a re-INVITE: one that comes before the ACK of the other
 * takes it, and the first 2xx was repeated for ever, also when the call was long over. Both timers ask for these first.
 */
function disposeWholly(this: SessionDialog): void {
  dispose.call(this);
  const repeating = this as unknown as Repeating;
  repeating.ackWait = false;
  repeating.reinviteUserAgentServer = undefined;
}

/** Ends a client transaction whose answer will never matter: sip.js keeps one in Proceeding for ever. */
export function abandon(client: UserAgentClient): void {
  (client.transaction as unknown as Failing).onTransportError?.(new TransportError('abandoned'));
}

/** Replaces the predictable To tag that sip.js gave to a new server transaction; before the first response only. */
export function setLocalTag(server: InviteUserAgentServer, tag: string): void {
  (server as unknown as Tagged).toTag = tag;
}

/** Lets timer J or L of an answered server transaction run out now, with what sip.js ties to it (the repetition of a 2xx). */
export function finishTransaction({ transaction }: UserAgentServer): void {
  const lasting = transaction as unknown as Lasting;
  lasting.timerJ?.();
  lasting.timerL?.();
}

/** The To tag of the answers that sip.js writes. */
export function localTagOf(server: UserAgentServer): string | undefined {
  return (server as unknown as Tagged).toTag;
}

/** The server half of one transaction, for requests that sip.js does not know (UPDATE) or would answer without state. */
export function serveTransaction(core: UserAgentCore, message: IncomingRequestMessage): UserAgentServer {
  return new UserAgentServer(
    message.method === C.INVITE ? InviteServerTransaction : NonInviteServerTransaction,
    core,
    message,
  );
}

/** Takes the CSeq of a request into the dialog without sip.js' own handling; false: it was out of order and was answered. */
export function countInDialog(dialog: Dialog, message: IncomingRequestMessage): boolean {
  if (!(dialog as unknown as Sequenced).sequenceGuard(message)) return false;
  Dialog.prototype.receiveRequest.call(dialog, message);
  return true;
}

/** Changes the remote target as a target refresh request asks (RFC 3261 §12.2.2); sip.js does it for re-INVITE only. */
export function refreshTarget(dialog: Dialog, target: URI): void {
  (dialog as unknown as { dialogState: { remoteTarget: URI } }).dialogState.remoteTarget = target;
}
