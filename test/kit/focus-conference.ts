import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { inviteAll } from './focus-invitation.ts';
import { answerJingle } from './focus-jingle.ts';
import { answerMute } from './focus-mute.ts';
import { type FocusParticipant, newParticipant } from './focus-participant.ts';
import {
  discoQuery,
  errorTo,
  focusPresence,
  iq,
  ns,
  type Source,
  sessionTerminate,
} from './focus-stanzas.ts';
import type { MediaBridge } from './media-bridge.ts';
import { payload, type XmlElement, xml } from './xml.ts';
import type { XmppEntity } from './xmpp-entity.ts';

export interface ConferenceOptions {
  readonly bridge: MediaBridge;
  /** Domains whose occupants may be jigasis (jicofo.xmpp.trusted-domains). */
  readonly trustedDomains: readonly string[];
  /** Nobody is invited below this number of participants. */
  readonly minParticipants: number;
  /** A participant alone for this long gets session-terminate `expired`. */
  readonly idleMs: number;
  /** The focus leaves a room that nobody is in for this long. */
  readonly emptyMs: number;
  /** An occupant that does not answer disco#info is invited after this. */
  readonly discoTimeoutMs: number;
  /** Restarts are refused within this time after one. */
  readonly restartIntervalMs: number;
  readonly payloadTypes: { readonly opus: number; readonly telephoneEvent: number };
}

export interface ConferenceEvents {
  joined: [nick: string];
  left: [nick: string];
  invited: [nick: string, sid: string];
  /** The occupant's IQ answer to the session-initiate; undefined: none within 15 s, which counts as success. */
  acknowledged: [nick: string, answer: XmlElement | undefined];
  accepted: [nick: string, jingle: XmlElement];
  /** An occupant's jingle was answered with this error condition. */
  refused: [nick: string, jingle: XmlElement, condition: string];
  /** The occupant's session-terminate was taken. */
  terminated: [nick: string, jingle: XmlElement];
  /** Nobody is left, and the focus has gone too. */
  ended: [];
}

/** One room as Jicofo's JitsiMeetConference sees it. */
export class FocusConference extends EventEmitter<ConferenceEvents> {
  readonly room: string;
  readonly participants = new Map<string, FocusParticipant>();
  readonly options: ConferenceOptions;
  readonly entity: XmppEntity;
  /** Id of the conference on the bridge, in every offer; undefined: no bridge in use. */
  bridgeSession: string | undefined;
  bridgeMissing = false;
  /** AV moderation: nobody but moderators may unmute himself. */
  moderated = false;
  /** Participants after this many start muted (the conference request's property startAudioMuted). */
  startMutedAfter = Number.POSITIVE_INFINITY;
  readonly #presenceId: string;
  readonly #bridgeSource: Source = {
    ssrc: randomInt(1, 2 ** 32),
    name: 'jvb-a0',
    owner: 'jvb',
    msid: 'mixedmslabel mixedlabelaudio0',
  };
  #idle: NodeJS.Timeout | undefined;
  #empty: NodeJS.Timeout | undefined;
  #joined = false;
  #over = false;

  constructor(room: string, entity: XmppEntity, options: ConferenceOptions) {
    super();
    this.setMaxListeners(100);
    this.room = room;
    this.options = options;
    this.entity = entity;
    this.#presenceId = entity.nextId();
  }

  get over(): boolean {
    return this.#over;
  }

  /** Joins as `focus`, which makes the room. */
  async join(): Promise<void> {
    const joined = new Promise<void>((resolve, reject) => {
      const listen = (stanza: XmlElement) => {
        if (stanza.attrs.from !== `${this.room}/focus` || !stanza.is('presence')) return;
        if (stanza.attrs.type === 'unavailable') return; // the echo of a leave before this join
        this.entity.off('stanza', listen);
        if (stanza.attrs.type === 'error') reject(new Error(stanza.toString()));
        else resolve();
      };
      this.entity.on('stanza', listen);
    });
    this.publish({ join: true });
    await joined;
    this.#joined = true;
  }

  /** The focus leaves in order; media goes on. */
  leave(): void {
    this.entity.send(xml('presence', { type: 'unavailable', to: `${this.room}/focus` }));
    this.drop();
  }

  /** Forgets everything without a word: the stream broke, or the process was killed. The bridge has its own life. */
  drop(): void {
    this.#over = true;
    clearTimeout(this.#idle);
    clearTimeout(this.#empty);
    this.emit('ended');
  }

  /** Goes when nobody has come for a while: at once after a conference request would shut its sender out. */
  awaitSomebody(): void {
    clearTimeout(this.#empty);
    this.#empty = setTimeout(() => {
      if (this.participants.size === 0) this.leave();
    }, this.options.emptyMs);
    this.#empty.unref();
  }

  received(stanza: XmlElement): void {
    const nick = stanza.attrs.from?.split('/')[1];
    if (this.#over || nick === undefined) return;
    if (stanza.is('presence')) this.#presence(nick, stanza);
    else if (stanza.is('iq') && stanza.attrs.type === 'set') this.#request(nick, stanza);
  }

  find(nick: string): FocusParticipant {
    const participant = this.participants.get(nick);
    if (participant === undefined) throw new Error(`${nick} is not in ${this.room}`);
    return participant;
  }

  /** All sources of the room, the bridge's own first, without those of `nick`. */
  sourcesBeside(nick: string): Source[] {
    const others = [...this.participants.values()].filter((other) => other.nick !== nick);
    return [this.#bridgeSource, ...others.flatMap((other) => other.sources)];
  }

  tellOthers(nick: string, action: 'source-add' | 'source-remove', sources: readonly Source[]): void {
    for (const other of this.participants.values()) {
      if (other.nick !== nick) other.session?.change(action, sources);
    }
  }

  /** Ends the participant's session from our side, if it has one. */
  terminate(participant: FocusParticipant, reason: string, text: string): void {
    const { session } = participant;
    if (session === undefined) return;
    participant.session = undefined;
    session.end();
    void this.entity.request(sessionTerminate(participant.occupantJid, session.sid, reason, text));
    this.tellOthers(participant.nick, 'source-remove', participant.sources.splice(0));
  }

  /** Our presence, with what changed. */
  publish(state: { join?: boolean; bridges?: number } = {}): void {
    const inUse = this.bridgeSession === undefined ? undefined : 1;
    this.entity.send(
      focusPresence(`${this.room}/focus`, this.#presenceId, {
        join: state.join === true,
        bridges: this.bridgeMissing ? 0 : (state.bridges ?? inUse),
        bridgeMissing: this.bridgeMissing,
      }),
    );
  }

  administer(item: XmlElement): Promise<XmlElement | undefined> {
    return this.entity.request(iq('set', this.room, xml('query', { xmlns: `${ns.muc}#admin` }, item)));
  }

  #presence(nick: string, stanza: XmlElement): void {
    const { type } = stanza.attrs;
    if (nick === 'focus') {
      if (type === 'unavailable' && this.#joined) this.drop();
    } else if (type === 'unavailable') this.#left(nick);
    else if (type === undefined) {
      const known = this.participants.get(nick);
      if (known === undefined) void this.#arrived(newParticipant(stanza, this.options.trustedDomains));
      else known.moderator = stanza.getChild('x', ns.mucUser)?.getChild('item')?.attrs.role === 'moderator';
    }
  }

  async #arrived(participant: FocusParticipant): Promise<void> {
    this.participants.set(participant.nick, participant);
    clearTimeout(this.#idle);
    this.emit('joined', participant.nick);
    this.#electOwner();
    const answer = await this.entity.request(
      discoQuery(participant.occupantJid),
      this.options.discoTimeoutMs,
    );
    const query = answer?.attrs.type === 'result' ? answer.getChild('query') : undefined;
    const features = query?.getChildren('feature').map((feature) => feature.attrs.var ?? '');
    participant.features = features === undefined ? 'unanswered' : new Set(features);
    inviteAll(this);
  }

  /** Jicofo's AutoOwnerRoleManager: the first that is not a recognised jigasi becomes owner and moderator. */
  #electOwner(): void {
    const all = [...this.participants.values()];
    if (all.some((participant) => participant.moderator)) return;
    const elected = all.find((participant) => !participant.jigasi);
    const jid = elected?.realJid.split('/')[0];
    if (jid !== undefined) void this.administer(xml('item', { jid, affiliation: 'owner' }));
  }

  #left(nick: string): void {
    const participant = this.participants.get(nick);
    if (participant === undefined) return;
    this.participants.delete(nick);
    participant.session?.end();
    for (const other of this.participants.values()) other.session?.forget(nick.toLowerCase());
    this.emit('left', nick);
    if (this.participants.size === 0) this.awaitSomebody();
    else {
      this.#electOwner();
      if (this.participants.size < this.options.minParticipants) this.#armIdle();
    }
  }

  #armIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#expire(), this.options.idleMs);
    this.#idle.unref();
  }

  #expire(): void {
    for (const participant of this.participants.values()) {
      this.terminate(participant, 'expired', 'Idle session timeout');
      participant.done = false;
    }
    this.bridgeSession = undefined;
    this.publish({ bridges: 0 });
  }

  #request(nick: string, stanza: XmlElement): void {
    const participant = this.participants.get(nick);
    if (participant === undefined) return;
    const child = payload(stanza);
    if (child?.is('jingle', ns.jingle)) answerJingle(this, participant, stanza, child);
    else if (child?.is('mute', ns.mute)) answerMute(this, participant, stanza, child);
    else this.entity.send(errorTo(stanza, { type: 'cancel', condition: 'feature-not-implemented' }));
  }
}
