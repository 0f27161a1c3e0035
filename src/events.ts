import { type EndingCode, endings, type Failure } from './errors.ts';
import type { Log } from './log.ts';

/** The business events: one function per event, which writes the log record. Full detail goes to the log. */

/** A call came in or was asked for. `log` is the call's own logger (call id, room, direction). */
export function callStarted(
  log: Log,
  context: { readonly peer: string; readonly account?: string; readonly sipCallId?: string },
): void {
  log.info({ event: 'call-started', ...context }, 'call started');
}

/** A call that never became one: refused before anything was set up. */
export function callRefused(log: Log, why: Failure, context: object): void {
  log.warn(
    { event: 'call-refused', ...context, ...reasons(why) },
    `call refused: ${endings[why.code].phrase}`,
  );
}

interface Phases {
  readonly phone: string;
  readonly room: string;
  readonly session: { readonly up: boolean } | undefined;
}

/** One line per event that changed a leg. */
export function callProgress(
  log: Log,
  event: { readonly type: string },
  before: Phases,
  after: Phases,
): void {
  const media = mediaOf(after);
  if (before.phone === after.phone && before.room === after.room && mediaOf(before) === media) {
    log.debug({ event: 'call-event', what: event.type }, event.type);
    return;
  }
  log.info(
    { event: 'call-event', what: event.type, phone: after.phone, roomLeg: after.room, media },
    event.type,
  );
}

/** An account does not take an outgoing call; perhaps the next one does. */
export function lineFailed(log: Log, account: string, why: Failure): void {
  log.warn({ event: 'line-failed', account, ...reasons(why) }, 'the call cannot go by this account');
}

/** Nobody was there, and the call goes by another account now. */
export function callRerouted(log: Log, why: Failure): void {
  log.warn({ event: 'call-rerouted', ...reasons(why) }, 'the call goes by another account');
}

/** The PBX may not transfer the call there. */
export function transferRefused(log: Log, target: string, why: Failure): void {
  log.warn({ event: 'transfer-refused', target, ...reasons(why) }, 'a transfer is refused');
}

/** The PBX transfers the phone: the target is called now. */
export function transferStarted(log: Log, { target, replaces, referredBy }: TransferOutline): void {
  const kind = replaces === undefined ? 'blind' : 'attended';
  log.info({ event: 'transfer-started', target, kind, referredBy }, 'the phone is transferred');
}

interface TransferOutline {
  readonly target: string;
  readonly replaces: string | undefined;
  readonly referredBy: string | undefined;
}

/** The target took the call, or it goes on as it was. */
export function transferEnded(log: Log, why: Failure | undefined): void {
  if (why === undefined) log.info({ event: 'transferred' }, 'the phone was transferred');
  else log.warn({ event: 'transfer-failed', ...reasons(why) }, 'the target did not take the call');
}

/** An INVITE took the place of the phone's dialog. */
export function callReplaced(log: Log, context: { readonly peer: string; readonly sipCallId: string }): void {
  log.info({ event: 'call-replaced', ...context }, 'another phone took the call over');
}

export function callEnded(log: Log, why: Failure): void {
  const message = `call ended: ${endings[why.code].phrase}`;
  const { reason, detail, remedy } = reasons(why);
  // Nobody's fault: there is nothing to remedy.
  if (quiet.has(why.code)) log.info({ event: 'call-ended', reason, detail }, message);
  else log.warn({ event: 'call-ended', reason, detail, remedy }, message);
}

/** A leg loses so many packets that it is heard. */
export function soundPoor(
  log: Log,
  sound: {
    readonly leg: 'phone' | 'room';
    readonly lossPercent: number;
    readonly jitterMs: number;
    readonly mos: number | undefined;
  },
): void {
  const way = sound.leg === 'phone' ? 'between the phone and us' : 'between the videobridge and us';
  log.warn({ event: 'sound-poor', ...sound }, `packets are lost on the way ${way}: look at that network`);
}

export function soundRecovered(log: Log, leg: 'phone' | 'room'): void {
  log.info({ event: 'sound-recovered', leg }, 'packets come through again');
}

/** What became of the audio of a call, leg by leg, as the media worker counted it. */
export function soundOfCall(
  log: Log,
  sound: { readonly phone: object; readonly bridge: object; readonly sources: number },
): void {
  log.info({ event: 'call-sound', ...sound }, 'the sound of the call');
}

/** Endings that are nobody's fault. */
const quiet: ReadonlySet<EndingCode> = new Set([
  'hangup',
  'cancelled',
  'draining',
  'phone-busy',
  'phone-rejected',
  'phone-no-answer',
  'kicked',
]);

function reasons(why: Failure): { reason: EndingCode; detail: string | undefined; remedy: string } {
  return { reason: why.code, detail: why.detail, remedy: endings[why.code].remedy };
}

function mediaOf(phases: Phases): 'none' | 'connecting' | 'up' {
  if (phases.session === undefined) return 'none';
  return phases.session.up ? 'up' : 'connecting';
}

interface AccountOutline {
  readonly name: string;
  readonly user: string;
  readonly domain: string;
  readonly server: string;
  readonly profile: { readonly defaultRoom: string | undefined };
}

/** The part of the configuration that the operator wants to see at start; `events` stands below `config`. */
interface GatewayOutline {
  readonly xmpp: { readonly componentDomain: string; readonly brewery: string | undefined };
  readonly sip: { readonly accounts: readonly AccountOutline[] };
  readonly media: { readonly minPort: number; readonly maxPort: number };
}

/** The gateway takes calls from now on. */
export function gatewayReady(log: Log, config: GatewayOutline): void {
  const { xmpp, sip, media } = config;
  log.info(
    {
      event: 'ready',
      component: xmpp.componentDomain,
      brewery: xmpp.brewery ?? 'none',
      sip: sip.accounts.map(({ user, domain }) => `${user}@${domain}`).join(', '),
      defaultRoom: sip.accounts.map(({ profile }) => profile.defaultRoom ?? 'none').join(', '),
      mediaPorts: `${media.minPort}-${media.maxPort}`,
    },
    'ready for calls',
  );
}

/** The component stream to Prosody came or went. */
export function streamChanged(log: Log, online: boolean): void {
  if (online) log.info({ event: 'xmpp-online' }, 'component connected');
  else log.warn({ event: 'xmpp-offline' }, 'component disconnected; reconnecting');
}

/** A server of an account answers OPTIONS again, or does not any more. */
export function peerChanged(
  log: Log,
  news: { readonly account: string; readonly peer: string; readonly up: boolean; readonly answer: string },
): void {
  const { up, ...context } = news;
  if (up) log.info({ event: 'peer-up', ...context }, 'SIP peer is up');
  else log.warn({ event: 'peer-down', ...context }, 'SIP peer is down');
}

interface AccountNews {
  readonly account: string;
  readonly up: boolean;
  readonly registration: string;
  readonly failure: Failure | undefined;
  readonly servers: readonly { readonly server: string; readonly up: boolean }[];
}

/** Calls can go by an account again, or better do not. */
export function accountChanged(log: Log, { up, failure, ...state }: AccountNews): void {
  const context = { ...state, ...(failure !== undefined && reasons(failure)) };
  if (up) log.info({ event: 'account-up', ...context }, 'SIP account is up');
  else log.warn({ event: 'account-down', ...context }, 'SIP account is down');
}

interface RegistrationNews {
  readonly expiresSeconds?: number;
  /** The registrar's words. */
  readonly failure?: string;
  readonly retryMs?: number;
}

export function registrationChanged(
  log: Log,
  account: Pick<AccountOutline, 'name' | 'user' | 'server'>,
  news: RegistrationNews,
): void {
  const context = { account: account.name, user: account.user, registrar: account.server, ...news };
  if (news.failure === undefined) log.info({ event: 'registered', ...context }, 'registered');
  else log.warn({ event: 'registration-failed', ...context }, `registration failed: ${news.failure}`);
}
