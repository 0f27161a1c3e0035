import { randomBytes, randomInt } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { Bridge } from './bridge.ts';
import type { LegStatistics } from './bridge-rooms.ts';
import { iq, ns, resultTo } from './focus-stanzas.ts';
import {
  acceptOf,
  conferenceRequest,
  describedSources,
  discoAnswer,
  joinPresence,
} from './participant-stanzas.ts';
import type { Prosody } from './prosody.ts';
import type { Sound } from './sound.ts';
import { within } from './until.ts';
import { payload, type XmlElement, xml } from './xml.ts';
import { connectClient, type XmppEntity } from './xmpp-entity.ts';

export interface ParticipantOptions {
  readonly prosody: Prosody;
  /** Without a bridge it takes part in signalling only. */
  readonly bridge?: Bridge;
  /** Bare name or room JID. */
  readonly room: string;
  readonly displayName?: string;
  readonly password?: string;
  /** Properties of the conference request, e.g. `startAudioMuted`. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** Another occupant as its presence shows it. */
export interface Seen {
  readonly nick: string;
  readonly realJid: string;
  readonly displayName: string | undefined;
  readonly status: string | undefined;
  readonly presence: XmlElement;
}

interface ParticipantEvents {
  /** An occupant came, or its presence changed. The focus is not told. */
  seen: [seen: Seen];
  /** An occupant left, with its last presence (`<status>` may say why). */
  gone: [nick: string, presence: XmlElement];
  session: [sid: string];
  'source-add': [ssrcs: readonly number[]];
  'source-remove': [ssrcs: readonly number[]];
  /** The focus made it owner: it may dial and mute. */
  moderator: [];
  stanza: [stanza: XmlElement];
}

/** Joins a room as a browser does: anonymous login, conference request, presence, disco#info, Jingle with the focus. */
export async function joinRoom(options: ParticipantOptions): Promise<Participant> {
  const entity = await connectClient(options.prosody.c2sPort, options.prosody.domain);
  const participant = new Participant(entity, options);
  try {
    await participant.join();
    return participant;
  } catch (error) {
    await entity.close();
    throw error;
  }
}

/** Somebody with a browser. Its audio is made and heard in the bridge: it has no ICE of its own. */
export class Participant extends EventEmitter<ParticipantEvents> {
  readonly nick = randomBytes(4).toString('hex');
  readonly room: string;
  readonly ssrc = randomInt(1, 2 ** 32);
  readonly others = new Map<string, Seen>();
  /** SSRCs that the focus told us of, by owner. */
  readonly sources = new Map<number, string>();
  readonly #entity: XmppEntity;
  readonly #options: ParticipantOptions;
  #moderator = false;
  #sid: string | undefined;
  #bridgeSession: string | undefined;

  constructor(entity: XmppEntity, options: ParticipantOptions) {
    super();
    this.setMaxListeners(100);
    const { prosody, room } = options;
    this.room = room.includes('@') ? room : `${room}@conference.${prosody.domain}`;
    this.#entity = entity;
    this.#options = options;
    options.bridge?.admit(entity.jid);
    entity.on('stanza', (stanza) => this.#received(stanza));
  }

  /** Its real JID. */
  get jid(): string {
    return this.#entity.jid;
  }

  get occupantJid(): string {
    return `${this.room}/${this.nick}`;
  }

  /** Of its Jingle session; undefined: not invited. */
  get sid(): string | undefined {
    return this.#sid;
  }

  async join(): Promise<void> {
    const request = conferenceRequest(this.room, this.#options.properties ?? {});
    const answer = await this.request(`focus.${this.#options.prosody.domain}`, request);
    if (answer?.attrs.type !== 'result')
      throw new Error(`no conference: ${answer?.toString() ?? 'no answer'}`);
    const { displayName = 'Alice', password } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const listen = (stanza: XmlElement) => {
        if (!stanza.is('presence') || stanza.attrs.from !== this.occupantJid) return;
        this.off('stanza', listen);
        if (stanza.attrs.type === 'error') reject(new Error(stanza.toString()));
        else resolve();
      };
      this.on('stanza', listen);
      this.#entity.send(joinPresence(this.occupantJid, displayName, password));
    });
  }

  /** Says it once; resolves when the last of it was given to libwebrtc. Any rate. */
  async speak(sound: Sound): Promise<void> {
    await this.#needBridge().say(this.room, this.ssrc, sound);
  }

  /** Says it again and again until `silent`. */
  keepSpeaking(sound: Sound): void {
    this.#needBridge().keepSaying(this.room, this.ssrc, sound);
  }

  silent(): void {
    this.#needBridge().hush(this.room, this.ssrc);
  }

  /** What the gateway leg `nick` sent into the room, from `startedAt` (milliseconds since 1970) on; pauses are silence. */
  async heard(nick: string): Promise<Sound & { readonly startedAt: number }> {
    const recording = await this.#needBridge().heard(this.room, nick);
    if (recording === undefined) throw new Error(`no media leg ${nick} in ${this.room}`);
    return { rate: 48_000, ...recording };
  }

  statistics(nick: string): Promise<LegStatistics | undefined> {
    return this.#needBridge().statistics(this.room, nick);
  }

  /** Resolves when it is moderator; the first in a room that is not a phone becomes that soon after it joined. */
  async becomesModerator(): Promise<this> {
    if (!this.#moderator) await once(this, 'moderator');
    return this;
  }

  /** Resolves with the first other occupant for which `test` holds, now or later; fails after `timeoutMs`. */
  waitFor(test: (seen: Seen) => boolean, timeoutMs = 15_000): Promise<Seen> {
    const known = [...this.others.values()].find(test);
    if (known !== undefined) return Promise.resolve(known);
    const late = () => {
      const there = [...this.others.values()].map(({ nick, status }) => `${nick} "${status}"`);
      return `an occupant that fits; there are: ${there.join(', ') || 'none'}`;
    };
    return within(late, timeoutMs, (found) => {
      const listen = (seen: Seen) => {
        if (test(seen)) found(seen);
      };
      this.on('seen', listen);
      return () => this.off('seen', listen);
    });
  }

  /** Resolves with the last presence of `nick` when it leaves; fails after `timeoutMs`. */
  waitForLeave(nick: string, timeoutMs = 15_000): Promise<XmlElement> {
    return within(
      () => `the leave of ${nick}`,
      timeoutMs,
      (left) => {
        const listen = (who: string, presence: XmlElement) => {
          if (who === nick) left(presence);
        };
        this.on('gone', listen);
        return () => this.off('gone', listen);
      },
    );
  }

  /** An IQ set with any payload; resolves with the answer, undefined when none came. */
  request(to: string, child: XmlElement, type: 'get' | 'set' = 'set'): Promise<XmlElement | undefined> {
    return this.#entity.request(iq(type, to, child));
  }

  /**
   * Dials as lib-jitsi-meet does: through the focus; or straight to the component `to`. Resolves with the IQ answer.
   * `JvbRoomName` is this room unless `headers` say otherwise (undefined leaves it out).
   */
  dial(number: string, to = `${this.room}/focus`, headers: Record<string, string | undefined> = {}) {
    const all = Object.entries({ JvbRoomName: this.room, ...headers });
    const named = all.filter((entry): entry is [string, string] => entry[1] !== undefined);
    const elements = named.map(([name, value]) => xml('header', { name, value }));
    return this.request(to, xml('dial', { xmlns: ns.rayo, from: 'fromnumber', to: number }, ...elements));
  }

  /** `ref` with or without `xmpp:`. */
  hangup(ref: string): Promise<XmlElement | undefined> {
    return this.request(ref.replace(/^xmpp:/, ''), xml('hangup', { xmlns: ns.rayo }));
  }

  /** Asks the focus to mute another occupant; works for moderators. */
  mute(nick: string, on = true): Promise<XmlElement | undefined> {
    const mute = xml('mute', { xmlns: ns.mute, jid: `${this.room}/${nick}` }, String(on));
    return this.request(`${this.room}/focus`, mute);
  }

  kick(nick: string): Promise<XmlElement | undefined> {
    const item = xml('item', { nick, role: 'none' }, xml('reason', {}, 'kicked'));
    return this.request(this.room, xml('query', { xmlns: `${ns.muc}#admin` }, item));
  }

  send(stanza: XmlElement): void {
    this.#entity.send(stanza);
  }

  /** Ends the session and leaves; `abruptly`: by presence alone. */
  async leave(abruptly = false): Promise<void> {
    if (!this.#entity.alive) return;
    if (!abruptly && this.#sid !== undefined) {
      const jingle = xml(
        'jingle',
        { xmlns: ns.jingle, action: 'session-terminate', sid: this.#sid },
        xml('reason', {}, xml('success'), xml('text', {}, 'bye')),
        xml('bridge-session', { xmlns: ns.focus, id: this.#bridgeSession }),
      );
      await this.request(`${this.room}/focus`, jingle);
    }
    this.#options.bridge?.hush(this.room, this.ssrc);
    this.#entity.send(xml('presence', { type: 'unavailable', to: this.occupantJid }));
    await this.#entity.close();
  }

  #received(stanza: XmlElement): void {
    this.emit('stanza', stanza);
    const [room, nick] = stanza.attrs.from?.split('/') ?? [];
    if (stanza.is('presence') && room === this.room && nick !== undefined) this.#presence(nick, stanza);
    if (!stanza.is('iq')) return;
    const child = payload(stanza);
    if (stanza.attrs.type === 'get' && child?.is('query', ns.discoInfo)) {
      this.#entity.send(discoAnswer(stanza));
    } else if (stanza.attrs.type === 'set' && child !== undefined) {
      this.#entity.send(resultTo(stanza));
      if (child.is('jingle', ns.jingle) && nick === 'focus') this.#jingle(child);
    }
  }

  #presence(nick: string, presence: XmlElement): void {
    if (nick === 'focus' || presence.attrs.type === 'error') return;
    if (nick === this.nick) {
      this.#own(presence);
      return;
    }
    if (presence.attrs.type === 'unavailable') {
      this.others.delete(nick);
      this.emit('gone', nick, presence);
      return;
    }
    const seen = {
      nick,
      realJid: presence.getChild('x', ns.mucUser)?.getChild('item')?.attrs.jid ?? '',
      displayName: presence.getChild('nick', 'http://jabber.org/protocol/nick')?.getText(),
      status: presence.getChild('status')?.getText(),
      presence,
    };
    this.others.set(nick, seen);
    this.emit('seen', seen);
  }

  #own(presence: XmlElement): void {
    if (presence.getChild('x', ns.mucUser)?.getChild('item')?.attrs.role !== 'moderator') return;
    this.#moderator = true;
    this.emit('moderator');
  }

  #jingle(jingle: XmlElement): void {
    const { action, sid } = jingle.attrs;
    if (action === 'session-initiate' && sid !== undefined) {
      this.#sid = sid;
      this.#bridgeSession = jingle.getChild('bridge-session', ns.focus)?.attrs.id;
      this.sources.clear();
      this.#learn(jingle);
      const accept = acceptOf(jingle, this.jid, this.nick, this.ssrc);
      void this.request(`${this.room}/focus`, accept).then(() => this.emit('session', sid));
    } else if (action === 'session-terminate') this.#sid = undefined;
    else if (action === 'source-add') this.emit('source-add', this.#learn(jingle));
    else if (action === 'source-remove') {
      const ssrcs = describedSources(jingle).map(({ ssrc }) => ssrc);
      for (const ssrc of ssrcs) this.sources.delete(ssrc);
      this.emit('source-remove', ssrcs);
    }
  }

  #learn(jingle: XmlElement): number[] {
    const found = describedSources(jingle);
    for (const { ssrc, owner } of found) this.sources.set(ssrc, owner);
    return found.map(({ ssrc }) => ssrc);
  }

  #needBridge(): Bridge {
    if (this.#options.bridge === undefined) throw new Error('this participant has no bridge');
    return this.#options.bridge;
  }
}
