import { type Failure, failure } from '../errors.ts';
import { backoff } from './backoff.ts';
import { requestConference } from './conference-request.ts';
import { FocusSearch } from './focus-search.ts';
import { type Identity, newIdentity } from './identity.ts';
import { parseJid } from './jid.ts';
import type { MembershipParts } from './membership-parts.ts';
import {
  cleanText,
  joinElement,
  joinFailure,
  presenceContent,
  type RoomPresence,
  readPresence,
  removal,
} from './muc.ts';
import { focusNick, Roster } from './roster.ts';
import { type Element, element } from './stanza.ts';

type Phase = 'idle' | 'asking' | 'joining' | 'in' | 'offline' | 'leaving' | 'over';

/** Being in the room: conference request, join, and coming back (each time as somebody new) until `leave` or a final refusal. */
export class RoomMembership {
  readonly #parts: MembershipParts;
  readonly roster = new Roster();
  readonly #search: FocusSearch;
  #identity: Identity;
  #phase: Phase = 'idle';
  #focusJid: string | undefined;
  #everIn = false;
  /** Invalidates what was started before. */
  #round = 0;
  #attempt = 0;
  #conflicts = 0;
  #deadline: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #leaving: (() => void) | undefined;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#identity = newIdentity(parts.callId, parts.componentDomain, false);
    this.#search = new FocusSearch({
      ...parts,
      from: () => this.#identity.jid,
      found: (focusJid) => {
        this.#focusJid = focusJid;
      },
    });
  }

  get identity(): Identity {
    return this.#identity;
  }

  get occupantJid(): string {
    return `${this.#parts.room}/${this.#identity.nick}`;
  }

  get isIn(): boolean {
    return this.#phase === 'in';
  }

  get others(): number {
    return this.roster.others(this.#identity.nick);
  }

  /** Whether a stanza from `from` comes from the focus: its nick, and the real JID that the conference request named. */
  isFocus(from: string | undefined): boolean {
    if (parseJid(from ?? '')?.full !== `${this.#parts.room}/${focusNick}`) return false;
    const real = parseJid(this.roster.realJid(focusNick) ?? '')?.bare;
    const genuine = real === undefined || this.#focusJid === undefined || real === this.#focusJid;
    if (!genuine)
      this.#parts.log.warn({ real, focus: this.#focusJid }, 'Somebody else sits on the focus nick');
    return genuine;
  }

  start(): void {
    if (this.#phase !== 'idle') return;
    this.#parts.claim(this.#identity.bare);
    this.#phase = 'asking';
    if (!this.#parts.post.online) {
      this.#fail(failure('xmpp-unreachable'));
      return;
    }
    this.#deadline = setTimeout(() => this.#tooLate(), this.#parts.timing.joinMs).unref();
    this.#ask();
  }

  online(): void {
    if (this.#phase !== 'offline') return;
    this.#becomeSomebodyNew(true);
    this.#ask();
  }

  offline(): void {
    if (this.#phase === 'leaving') this.#finish();
    if (this.#phase === 'idle' || this.#phase === 'over') return;
    const wasIn = this.#phase === 'in';
    this.#stopWaiting();
    this.#phase = 'offline';
    this.roster.clear();
    if (wasIn) this.#parts.interrupted();
  }

  /** Leaves and comes back under a new identity. */
  rejoin(why: string): void {
    if (this.#phase !== 'in') return;
    this.#parts.log.info({ why }, 'Leaving the room to join it again');
    this.#stopWaiting();
    this.#becomeSomebodyNew(true);
    this.#parts.interrupted();
    this.#askLater();
  }

  update(): void {
    if (this.#phase === 'in') this.#sendPresence();
  }

  /** Resolves when the room confirmed it, or after a while. */
  leave(status: string | undefined): Promise<void> {
    const phase = this.#phase;
    if (phase === 'over' || phase === 'leaving') return Promise.resolve();
    this.#stopWaiting();
    clearTimeout(this.#deadline);
    const unavailable = this.#unavailable(status);
    if (phase === 'offline') this.#parts.sendLater(unavailable);
    if ((phase !== 'in' && phase !== 'joining') || !this.#parts.post.send(unavailable)) {
      this.#finish();
      return Promise.resolve();
    }
    this.#phase = 'leaving';
    return new Promise((resolve) => {
      this.#leaving = resolve;
      this.#timer = setTimeout(() => this.#finish(), this.#parts.timing.leaveMs);
    });
  }

  receive(stanza: Element): void {
    const presence = readPresence(stanza, this.#parts.room);
    if (presence === undefined) return;
    if (presence.type === 'error') this.#refused(presence, stanza);
    else if (presence.nick === this.#identity.nick) this.#ownPresence(presence);
    else if (presence.type === 'available') this.#entered(presence);
    else this.#departed(presence.nick);
  }

  #ask(): void {
    const { post, timing, room, conferenceService } = this.#parts;
    this.#phase = 'asking';
    const round = ++this.#round;
    const timeoutMs = timing.conferenceMs;
    const ask = { from: this.#identity.jid, focus: conferenceService, room, timeoutMs };
    void requestConference(post.requests, ask).then((answer) => {
      if (round !== this.#round) return;
      if (answer.ok) {
        this.#focusJid = answer.value.focusJid;
        this.#join();
      } else if (answer.error.code === 'focus-unreachable') {
        this.#parts.log.warn(
          { reason: answer.error.detail },
          'The focus did not answer the conference request',
        );
        this.#askLater();
      } else this.#fail(answer.error);
    });
  }

  #askLater(): void {
    this.#phase = 'asking';
    this.#later(() => this.#ask());
  }

  #join(): void {
    this.#phase = 'joining';
    this.roster.clear();
    this.#sendPresence(joinElement(this.#parts.password));
    // The first join has the deadline of `start`.
    if (this.#everIn)
      this.#timer = setTimeout(() => this.#joinUnanswered(), this.#parts.timing.joinMs).unref();
  }

  #joinUnanswered(): void {
    this.#becomeSomebodyNew(true);
    this.#askLater();
  }

  #sendPresence(...extra: Element[]): void {
    const attributes = { from: this.#identity.jid, to: this.occupantJid };
    this.#parts.post.send(
      element('presence', attributes, ...extra, ...presenceContent(this.#parts.presence())),
    );
  }

  #unavailable(status?: string): Element {
    const attributes = { type: 'unavailable', from: this.#identity.jid, to: this.occupantJid };
    const content = status === undefined ? [] : [element('status', {}, cleanText(status, 200))];
    return element('presence', attributes, ...content);
  }

  #ownPresence(presence: RoomPresence): void {
    if (presence.type === 'available') {
      if (this.#phase === 'joining') this.#nowIn(presence);
      return;
    }
    if (this.#phase === 'leaving') this.#finish();
    else if (this.#phase === 'in' || this.#phase === 'joining') this.#thrownOut(presence);
  }

  #nowIn(presence: RoomPresence): void {
    this.#stopWaiting();
    clearTimeout(this.#deadline);
    this.#phase = 'in';
    this.#everIn = true;
    this.#attempt = 0;
    this.roster.enter(presence.nick, presence.realJid);
    this.#parts.joined();
    if (!this.roster.hasFocus) this.#search.start();
  }

  #thrownOut(presence: RoomPresence): void {
    const why = removal(presence);
    if (why !== undefined) {
      this.#fail(why);
      return;
    }
    this.#parts.log.warn({ codes: [...presence.codes] }, 'The room dropped us; joining again');
    this.#stopWaiting();
    this.#becomeSomebodyNew(false);
    this.#parts.interrupted();
    this.#askLater();
  }

  #refused({ nick }: RoomPresence, stanza: Element): void {
    if (this.#phase !== 'joining' || nick !== this.#identity.nick) return;
    const why = joinFailure(stanza);
    this.#stopWaiting();
    if (why.condition === 'conflict' && this.#conflicts++ < 3) {
      this.#becomeSomebodyNew(false);
      this.#join();
    } else if (why.condition === 'not-allowed' || (this.#everIn && why.code === 'xmpp-unreachable')) {
      // The room ended between the conference request and the join, or is being created.
      this.#askLater();
    } else this.#fail(why);
  }

  #entered({ nick, realJid }: RoomPresence): void {
    const fresh = this.roster.enter(nick, realJid);
    if (!fresh || this.#phase !== 'in') return;
    if (nick === focusNick) this.#search.stop();
    else this.#parts.others(this.others);
  }

  #departed(nick: string): void {
    if (!this.roster.leave(nick) || this.#phase !== 'in') return;
    if (nick === focusNick) {
      this.#parts.interrupted();
      this.#search.start();
      return;
    }
    this.#parts.departed(nick);
    this.#parts.others(this.others);
  }

  #later(action: () => void): void {
    clearTimeout(this.#timer);
    const { retryMs, retryLimitMs } = this.#parts.timing;
    const delayMs = backoff(this.#attempt++, retryMs, retryLimitMs);
    this.#timer = setTimeout(action, delayMs).unref();
  }

  #becomeSomebodyNew(sayGoodbye: boolean): void {
    if (sayGoodbye) this.#parts.post.send(this.#unavailable());
    this.#parts.release(this.#identity.bare);
    this.#identity = newIdentity(this.#parts.callId, this.#parts.componentDomain, true);
    this.#parts.claim(this.#identity.bare);
    this.roster.clear();
    this.#parts.renewed();
  }

  #tooLate(): void {
    const code = this.#phase === 'joining' ? 'join-failed' : 'focus-unreachable';
    if (this.#phase === 'joining') this.#parts.post.send(this.#unavailable());
    this.#fail(failure(this.#phase === 'offline' ? 'xmpp-unreachable' : code, 'no answer in time'));
  }

  #fail(why: Failure): void {
    this.#finish();
    this.#parts.failed(why.detail === undefined ? failure(why.code) : failure(why.code, why.detail));
  }

  #finish(): void {
    this.#stopWaiting();
    clearTimeout(this.#deadline);
    this.#phase = 'over';
    this.#parts.release(this.#identity.bare);
    this.#leaving?.();
    this.#leaving = undefined;
  }

  #stopWaiting(): void {
    this.#round++;
    this.#search.stop();
    clearTimeout(this.#timer);
  }
}
