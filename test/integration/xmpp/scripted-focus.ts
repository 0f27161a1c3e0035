import {
  breweryPresence,
  conferenceResult,
  discoQuery,
  focusPresence,
  type Offer,
  resultTo,
  type Source,
  sessionInitiate,
} from '../../kit/focus-stanzas.ts';
import type { Prosody } from '../../kit/prosody.ts';
import { payload, type XmlElement, xml } from '../../kit/xml.ts';
import { connectClient, connectComponent, type XmppEntity } from '../../kit/xmpp-entity.ts';
import { received } from './received.ts';

/** Jicofo's voice without its will: it answers conference requests and says else only what the test tells it to. */
export class ScriptedFocus {
  client!: XmppEntity;
  #component!: XmppEntity;
  readonly #prosody: Prosody;
  readonly #rooms = new Set<string>();
  /** How conference requests are answered; undefined: as Jicofo does. */
  onConference: ((request: XmlElement) => XmlElement | undefined) | undefined;
  /** How Jingle IQs to the focus are answered. */
  answer: (request: XmlElement) => XmlElement = resultTo;
  /** From whom conference requests came. */
  readonly asked: string[] = [];

  constructor(prosody: Prosody) {
    this.#prosody = prosody;
  }

  get #jid(): string {
    return `focus@auth.${this.#prosody.domain}`;
  }

  async start(): Promise<void> {
    const { c2sPort, componentPort, domain, focusPassword, focusSecret } = this.#prosody;
    const credentials = { user: 'focus', password: focusPassword, resource: 'focus' };
    this.client = await connectClient(c2sPort, `auth.${domain}`, credentials);
    this.#component = await connectComponent(componentPort, `focus.${domain}`, focusSecret);
    // Without an answer the test that needs one fails by itself.
    this.#component.on('stanza', (stanza) => void this.#conference(stanza).catch(() => {}));
    this.client.on('stanza', (stanza) => {
      const type = stanza.attrs.type;
      if (stanza.is('iq') && type === 'set' && payload(stanza)?.is('jingle'))
        this.client.send(this.answer(stanza));
    });
  }

  async stop(): Promise<void> {
    this.#rooms.clear();
    await this.client.close();
    await this.#component.close();
  }

  /** Enters a room (and makes it) or the brewery. */
  async enter(room: string): Promise<void> {
    if (this.#rooms.has(room)) return;
    this.#rooms.add(room);
    const to = `${room}/focus`;
    const inside = this.#own(to, undefined);
    const presence = room.includes('@internal.')
      ? breweryPresence(to, this.client.nextId())
      : focusPresence(to, this.client.nextId(), { join: true, bridges: undefined });
    this.client.send(presence);
    await inside;
  }

  async leave(room: string): Promise<void> {
    this.#rooms.delete(room);
    const gone = this.#own(`${room}/focus`, 'unavailable');
    this.client.send(xml('presence', { to: `${room}/focus`, type: 'unavailable' }));
    await gone;
  }

  disco(occupantJid: string): Promise<XmlElement | undefined> {
    return this.client.request(discoQuery(occupantJid));
  }

  /** Sends a session-initiate; resolves with the session-accept that comes back. */
  async invite(occupantJid: string, offer: Partial<Offer> = {}): Promise<XmlElement> {
    const accepted = this.action('session-accept');
    const answer = await this.client.request(initiate(occupantJid, this.client.jid, offer));
    if (answer?.attrs.type !== 'result') throw new Error(`session-initiate refused: ${answer}`);
    return await accepted;
  }

  /** The next Jingle IQ with this action that reaches the focus. */
  action(name: string): Promise<XmlElement> {
    const passes = (stanza: XmlElement): boolean =>
      stanza.is('iq') && stanza.attrs.type === 'set' && payload(stanza)?.attrs.action === name;
    return received(this.client, passes);
  }

  async #own(occupantJid: string, type: string | undefined): Promise<void> {
    await received(
      this.client,
      (s) => s.is('presence') && s.attrs.from === occupantJid && s.attrs.type === type,
    );
  }

  async #conference(request: XmlElement): Promise<void> {
    const room = payload(request)?.attrs.room;
    if (!request.is('iq') || request.attrs.type !== 'set' || room === undefined) return;
    this.asked.push(request.attrs.from ?? '');
    if (this.onConference !== undefined) {
      const answer = this.onConference(request);
      if (answer !== undefined) this.#component.send(answer);
      return;
    }
    await this.enter(room);
    this.#component.send(conferenceResult(request, room, this.#jid));
  }
}

let sessions = 0;

export function initiate(to: string, initiator: string, offer: Partial<Offer> = {}): XmlElement {
  sessions += 1;
  return sessionInitiate(to, {
    sid: `sid${sessions}`,
    initiator,
    bridgeSession: 'bridge-1',
    transport: {
      ufrag: '78m2d1k83s2lki',
      pwd: '1rb1j8qun9314g63avu1fvnmke',
      fingerprint: {
        hash: 'sha-256',
        value: Array(32).fill('A7').join(':'),
      },
      candidates: [{ ip: '127.0.0.1', port: 10_000, priority: 2_130_706_431 }],
    } as Offer['transport'],
    sources: [jvb],
    startMuted: false,
    withAudio: true,
    payloadTypes: { opus: 111, telephoneEvent: 126 },
    ...offer,
  });
}

export const jvb: Source = {
  ssrc: 621826531,
  name: 'jvb-a0',
  owner: 'jvb',
  msid: 'mixedmslabel mixedlabelaudio0',
};

export function sourceOf(nick: string, ssrc: number): Source {
  return { ssrc, name: `${nick}-a0`, owner: nick, msid: `${nick}-audio-0 ${nick}-a0-track` };
}
