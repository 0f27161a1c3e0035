import { type Failure, failure } from '../errors.ts';
import type { Log } from '../log.ts';
import { noItems, occupantInfo } from './disco.ts';
import { parseJid } from './jid.ts';
import { JingleEndpoint } from './jingle-endpoint.ts';
import { ns } from './namespaces.ts';
import type { Post, Timing } from './post.ts';
import { type Answer, type PromptAnswer, refuse, serviceUnavailable } from './replies.ts';
import { RoomMembership } from './room-membership.ts';
import { focusNick } from './roster.ts';
import { SafeEmitter } from './safe-emitter.ts';
import { attribute, type Element, element, text } from './stanza.ts';
import type { JingleAnswer, Occupant, OccupantEvents, OccupantOptions } from './xmpp-side.ts';

export interface OccupantParts {
  readonly options: OccupantOptions;
  readonly post: Post;
  readonly timing: Timing;
  readonly log: Log;
  readonly componentDomain: string;
  readonly conferenceService: string;
  claim(bare: string): void;
  release(bare: string): void;
  sendLater(stanza: Element): void;
}

/** Returns to the room in a row without a session that the focus took. */
const deadEndLimit = 4;

/** The signalling of one call in its room: membership and Jingle, and the IQs that reach its occupant. */
export class ComponentOccupant extends SafeEmitter<OccupantEvents> implements Occupant {
  readonly #parts: OccupantParts;
  readonly #membership: RoomMembership;
  readonly #jingle: JingleEndpoint;
  #status: string | undefined;
  #audioMuted = false;
  #wantMuted = false;
  #deadEnds = 0;
  #over = false;

  constructor(parts: OccupantParts) {
    super(parts.log);
    this.#parts = parts;
    this.#membership = this.#newMembership();
    this.#jingle = this.#newEndpoint();
  }

  get occupantJid(): string {
    return this.#membership.occupantJid;
  }

  get others(): number {
    return this.#membership.others;
  }

  hasOccupant(realJid: string): boolean {
    return this.#membership.roster.hasRealJid(realJid);
  }

  join(): void {
    this.#membership.start();
  }

  accept(sid: string, answer: JingleAnswer): void {
    this.#jingle.accept(sid, answer);
  }

  terminate(sid: string, why: 'success' | 'connectivity-error' | 'failed-transport', restart = false): void {
    this.#jingle.terminate(sid, why, restart);
  }

  setStatus(status: string): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#membership.update();
  }

  setAudioMuted(muted: boolean): void {
    if (muted === this.#wantMuted) return;
    this.#wantMuted = muted;
    if (!muted && this.#membership.isIn) void this.#askToUnmute();
    else this.#publishMuted(muted);
  }

  async leave(status?: string): Promise<void> {
    this.#over = true;
    this.#jingle.close();
    await this.#membership.leave(status ?? this.#status);
  }

  /** The component's side of it. */
  online(): void {
    this.#membership.online();
  }

  offline(): void {
    this.#jingle.forget();
    this.#membership.offline();
  }

  presence(stanza: Element): void {
    this.#membership.receive(stanza);
  }

  /** An IQ get or set for our JID. */
  iq(stanza: Element, payload: Element): Answer {
    const request = `${attribute(stanza, 'type')} ${payload.getNS()} ${payload.getName()}`;
    switch (request) {
      case `get ${ns.discoInfo} query`:
        return { result: occupantInfo(attribute(payload, 'node')) };
      case `get ${ns.discoItems} query`:
        return { result: noItems() };
      case `get ${ns.ping} ping`:
        return {};
      case `set ${ns.jingle} jingle`:
        return this.#fromFocus(stanza) ? this.#jingle.handle(payload) : onlyTheFocus;
      case `set ${ns.audioMute} mute`:
        return this.#fromFocus(stanza) ? this.#muted(payload) : onlyTheFocus;
      case `set ${ns.rayo} hangup`:
        return this.#hangup(stanza);
      default:
        return serviceUnavailable;
    }
  }

  #newMembership(): RoomMembership {
    const { options, ...rest } = this.#parts;
    return new RoomMembership({
      ...rest,
      room: options.room,
      password: options.password,
      callId: options.callId,
      presence: () => ({
        displayName: options.displayName,
        audioMuted: this.#audioMuted,
        status: this.#status,
      }),
      joined: () => this.tell('joined'),
      others: (count) => this.tell('others', count),
      departed: (nick) => this.#departed(nick),
      interrupted: () => this.#tellUnlessOver('interrupted'),
      renewed: () => this.#jingle.forget(),
      failed: (why) => this.#failed(why),
    });
  }

  #newEndpoint(): JingleEndpoint {
    const { options, post, timing, log } = this.#parts;
    return new JingleEndpoint({
      post,
      log,
      focus: `${options.room}/${focusNick}`,
      timeoutMs: timing.jingleMs,
      identity: () => this.#membership.identity,
      offer: (offer) => this.#tellUnlessOver('offer', offer),
      sourcesAdded: (ssrcs) => this.#tellUnlessOver('sources-added', ssrcs),
      sourcesRemoved: (ssrcs) => this.#tellUnlessOver('sources-removed', ssrcs),
      candidates: (candidates) => this.#tellUnlessOver('candidates', candidates),
      ended: (sid, reason) => this.#tellUnlessOver('session-ended', sid, reason),
      accepted: () => {
        this.#deadEnds = 0;
      },
      deadEnd: (why) => this.#deadEnd(why),
    });
  }

  /**
   * A leaver's sources are dropped, but not at once: a Prosody that shuts down sends everybody away, first the focus or first the
   * others, and then closes the stream. The bridge goes on through all of that, so the phone shall hear it.
   */
  #departed(nick: string): void {
    setTimeout(() => {
      const { isIn, roster } = this.#membership;
      if (isIn && roster.hasFocus && !roster.has(nick)) this.#jingle.participantLeft(nick);
    }, this.#parts.timing.departureMs).unref();
  }

  /** Each return shows the others a participant that leaves and comes, so it is not tried for ever. */
  #deadEnd(why: string): void {
    if (this.#over) return;
    this.#deadEnds += 1;
    if (this.#deadEnds <= deadEndLimit) this.#membership.rejoin(why);
    else {
      void this.#membership.leave(this.#status);
      this.#failed(failure('no-invitation', why));
    }
  }

  #tellUnlessOver<Name extends keyof OccupantEvents>(name: Name, ...values: OccupantEvents[Name]): void {
    if (!this.#over) this.tell(name, ...values);
  }

  #failed(why: Failure): void {
    if (this.#over) return;
    this.#over = true;
    this.#jingle.forget();
    this.tell('failed', why);
  }

  #fromFocus(stanza: Element): boolean {
    return this.#membership.isFocus(attribute(stanza, 'from'));
  }

  /** From an occupant of the room, seen through the room or by its real JID. */
  #hangup(stanza: Element): PromptAnswer {
    const from = parseJid(attribute(stanza, 'from') ?? '');
    if (from === undefined) return refuse('modify', 'jid-malformed');
    const { roster } = this.#membership;
    const inside = from.bare === this.#parts.options.room && from.resource !== undefined;
    const present = inside ? roster.has(from.resource ?? '') : roster.hasRealJid(from.full);
    if (!present || !this.#membership.isIn) return refuse('auth', 'forbidden');
    return { after: () => this.#tellUnlessOver('hangup', from.full) };
  }

  /** A moderator may silence the phone, but nobody may open its microphone from afar. */
  #muted(payload: Element): PromptAnswer {
    if (text(payload).trim() !== 'true') return {};
    return { after: () => this.#tellUnlessOver('mute', true) };
  }

  /** After a moderator's mute, and under AV moderation, the bridge drops our audio until the focus agrees. */
  async #askToUnmute(): Promise<void> {
    const { post, options, timing, log } = this.#parts;
    const payload = element('mute', { xmlns: ns.audioMute, jid: this.occupantJid }, 'false');
    const from = this.#membership.identity.jid;
    const to = `${options.room}/${focusNick}`;
    const timeoutMs = timing.conferenceMs;
    const answer = await post.requests.request({ from, to, type: 'set', payload, timeoutMs });
    if (this.#over || this.#wantMuted) return;
    if (answer.ok || answer.error.condition !== 'not-allowed') {
      this.#publishMuted(false);
      return;
    }
    this.#wantMuted = true;
    log.info({ reason: answer.error.text }, 'The moderators do not let the phone unmute itself');
    this.tell('mute', true);
  }

  #publishMuted(muted: boolean): void {
    this.#audioMuted = muted;
    this.#membership.update();
  }
}

const onlyTheFocus = refuse('auth', 'forbidden', 'only the focus of the room may do this');
