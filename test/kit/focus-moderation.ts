import type { FocusConference } from './focus-conference.ts';
import { invite, inviteAll } from './focus-invitation.ts';
import { iq, muteRequest, ns, type Source } from './focus-stanzas.ts';
import { type XmlElement, xml } from './xml.ts';

/** What a test makes the focus, its bridge or a moderator do in one room. */
export class Moderation {
  readonly #conference: FocusConference;

  constructor(conference: FocusConference) {
    this.#conference = conference;
  }

  /** session-terminate from the focus; the occupant is not invited again by itself. */
  terminate(nick: string, reason = 'success', text = 'moving'): void {
    const participant = this.#conference.find(nick);
    this.#conference.terminate(participant, reason, text);
    participant.done = true;
  }

  /** A session-initiate with a new sid; without a terminate before it, as after a restart of Jicofo. */
  async reinvite(nick: string): Promise<void> {
    const participant = this.#conference.find(nick);
    participant.session?.end();
    participant.session = undefined;
    this.#conference.tellOthers(nick, 'source-remove', participant.sources.splice(0));
    await invite(this.#conference, participant);
  }

  /** A source-add or source-remove to one occupant, whatever the truth is. */
  tellSources(nick: string, action: 'source-add' | 'source-remove', sources: readonly Source[]): void {
    this.#conference.find(nick).session?.change(action, sources);
  }

  /** Any payload as an IQ from `room/focus`; resolves with the occupant's answer. */
  request(nick: string, child: XmlElement, type: 'get' | 'set' = 'set'): Promise<XmlElement | undefined> {
    const { entity } = this.#conference;
    return entity.request(iq(type, this.#conference.find(nick).occupantJid, child));
  }

  /** The mute IQ; without an actor as AV moderation sends it. Resolves with the occupant's answer. */
  mute(nick: string, actor?: string, on = true): Promise<XmlElement | undefined> {
    const { room, entity } = this.#conference;
    const jid = actor === undefined ? undefined : `${room}/${actor}`;
    return entity.request(muteRequest(this.#conference.find(nick).occupantJid, jid, on));
  }

  kick(nick: string, reason = 'kicked'): Promise<XmlElement | undefined> {
    return this.#conference.administer(xml('item', { nick, role: 'none' }, xml('reason', {}, reason)));
  }

  destroy(reason = 'closed'): Promise<XmlElement | undefined> {
    return this.#own(xml('destroy', {}, xml('reason', {}, reason)));
  }

  /** An empty password opens the room. */
  setPassword(password: string): Promise<XmlElement | undefined> {
    return this.#configure({ roomsecret: password, passwordprotectedroom: password === '' ? '0' : '1' });
  }

  setMembersOnly(on: boolean): Promise<XmlElement | undefined> {
    return this.#configure({ membersonly: on ? '1' : '0' });
  }

  /** AV moderation: from now on non-moderators may not unmute themselves, and those present are muted. */
  setModerated(on: boolean): void {
    this.#conference.moderated = on;
    if (!on) return;
    for (const participant of this.#conference.participants.values()) {
      if (!participant.moderator) void this.mute(participant.nick);
    }
  }

  /** The bridge went away: session-terminate "moving" for everybody, and no new offer until it is back. */
  bridgeGone(): void {
    const conference = this.#conference;
    conference.bridgeMissing = true;
    for (const participant of conference.participants.values()) {
      conference.terminate(participant, 'success', 'moving');
    }
    conference.bridgeSession = undefined;
    conference.publish();
  }

  bridgeBack(): void {
    this.#conference.bridgeMissing = false;
    this.#conference.publish({ bridges: 0 });
    inviteAll(this.#conference);
  }

  #configure(fields: Record<string, string>): Promise<XmlElement | undefined> {
    const field = (name: string, value: string) => xml('field', { var: name }, xml('value', {}, value));
    const settings = Object.entries({ ...fields, whois: 'anyone' });
    return this.#own(
      xml(
        'x',
        { xmlns: 'jabber:x:data', type: 'submit' },
        field('FORM_TYPE', `${ns.muc}#roomconfig`),
        ...settings.map(([name, value]) => field(`muc#roomconfig_${name}`, value)),
      ),
    );
  }

  #own(child: XmlElement): Promise<XmlElement | undefined> {
    const { room, entity } = this.#conference;
    return entity.request(iq('set', room, xml('query', { xmlns: `${ns.muc}#owner` }, child)));
  }
}
