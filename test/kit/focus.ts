import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { FocusBrewery } from './focus-brewery.ts';
import { type ConferenceOptions, FocusConference } from './focus-conference.ts';
import { conferenceResult, errorTo, ns } from './focus-stanzas.ts';
import { paperBridge } from './media-bridge.ts';
import type { Prosody } from './prosody.ts';
import { payload, type XmlElement } from './xml.ts';
import { connectClient, connectComponent, type XmppEntity } from './xmpp-entity.ts';

export interface FocusOptions extends Partial<ConferenceOptions> {
  /** Local part of the brewery room on the internal MUC. */
  readonly brewery?: string;
  /** A dial that a gateway does not answer fails after this. */
  readonly dialTimeoutMs?: number;
}

export interface FocusEvents {
  /** A conference began: the focus is in its room. */
  conference: [conference: FocusConference];
  /** Every conference request, before it is answered. */
  requested: [stanza: XmlElement];
  online: [];
}

const defaults: ConferenceOptions & { brewery: string; dialTimeoutMs: number } = {
  bridge: paperBridge(),
  trustedDomains: ['callcontrol.meet.test'],
  minParticipants: 2,
  idleMs: 20_000,
  emptyMs: 5000,
  discoTimeoutMs: 15_000,
  restartIntervalMs: 5000,
  payloadTypes: { opus: 111, telephoneEvent: 126 },
  brewery: 'jigasibrewery',
  dialTimeoutMs: 15_000,
};

/** A focus on the wire like Jicofo: `focus@auth.DOMAIN/focus` in the rooms, `focus.DOMAIN` for conference requests. */
export async function startFocus(prosody: Prosody, options: FocusOptions = {}): Promise<Focus> {
  const focus = new Focus(prosody, options);
  await focus.start();
  return focus;
}

export class Focus extends EventEmitter<FocusEvents> {
  readonly options: typeof defaults;
  readonly conferences = new Map<string, FocusConference>();
  readonly #prosody: Prosody;
  readonly #joining = new Map<string, Promise<FocusConference>>();
  #client: XmppEntity | undefined;
  #component: XmppEntity | undefined;
  #brewery: FocusBrewery | undefined;
  #wanted = false;

  constructor(prosody: Prosody, options: FocusOptions) {
    super();
    this.setMaxListeners(100);
    this.#prosody = prosody;
    this.options = { ...defaults, ...options };
  }

  get online(): boolean {
    return this.#client?.alive === true && this.#component?.alive === true;
  }

  get brewery(): FocusBrewery {
    if (this.#brewery === undefined) throw new Error('the focus is not online');
    return this.#brewery;
  }

  /** Connects; comes back by itself when Prosody restarts, with all conferences forgotten. */
  async start(): Promise<void> {
    this.#wanted = true;
    const { c2sPort, componentPort, domain, focusPassword, focusSecret } = this.#prosody;
    const credentials = { user: 'focus', password: focusPassword, resource: 'focus' };
    const client = await connectClient(c2sPort, `auth.${domain}`, credentials);
    const component = await connectComponent(componentPort, `focus.${domain}`, focusSecret);
    this.#client = client;
    this.#component = component;
    client.on('stanza', (stanza) => this.#received(stanza));
    component.on('stanza', (stanza) => void this.#asked(component, stanza));
    const lost = () => this.#lost(client);
    client.once('closed', lost);
    component.once('closed', lost);
    const breweryRoom = `${this.options.brewery}@internal.auth.${domain}`;
    this.#brewery = new FocusBrewery(breweryRoom, client, this.options.dialTimeoutMs);
    this.emit('online');
  }

  /** Resolves when it is online, now or after it came back. */
  async ready(): Promise<void> {
    while (!this.online) await once(this, 'online');
  }

  /** SIGTERM: leaves the rooms, then the streams end. */
  async stop(): Promise<void> {
    this.#wanted = false;
    const [client, component] = [this.#client, this.#component];
    for (const conference of this.conferences.values()) conference.leave();
    this.#forget();
    await Promise.all([client?.close(), component?.close()]);
  }

  /** SIGKILL: hears and says nothing any more; the occupants `focus` stay in the rooms as ghosts for `ghostMs`. */
  async kill(ghostMs = 0): Promise<void> {
    this.#wanted = false;
    const [client, component] = [this.#client, this.#component];
    this.#forget();
    client?.freeze();
    component?.freeze();
    if (ghostMs > 0) await delay(ghostMs);
    client?.destroy();
    component?.destroy();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  conference(room: string): FocusConference {
    const jid = room.includes('@') ? room : `${room}@conference.${this.#prosody.domain}`;
    const conference = this.conferences.get(jid);
    if (conference === undefined) throw new Error(`no conference ${jid}`);
    return conference;
  }

  #forget(): void {
    const conferences = [...this.conferences.values()];
    this.conferences.clear();
    this.#joining.clear();
    this.#client = undefined;
    this.#component = undefined;
    for (const conference of conferences) if (!conference.over) conference.drop();
  }

  async #lost(client: XmppEntity): Promise<void> {
    if (!this.#wanted || this.#client !== client) return;
    const component = this.#component;
    this.#forget();
    client.destroy();
    component?.destroy();
    while (this.#wanted && this.#client === undefined) {
      await delay(100, undefined, { ref: false });
      await this.start().catch(() => {});
    }
  }

  #received(stanza: XmlElement): void {
    const [room = ''] = stanza.attrs.from?.split('/') ?? [];
    if (room === this.#brewery?.room) this.#brewery.received(stanza);
    else if (stanza.attrs.type === 'set' && payload(stanza)?.is('dial', ns.rayo) === true) {
      void this.#brewery?.dial(this.conferences.get(room), stanza);
    } else this.conferences.get(room)?.received(stanza);
  }

  async #asked(component: XmppEntity, stanza: XmlElement): Promise<void> {
    const conference = stanza.getChild('conference', ns.focus);
    if (stanza.attrs.type !== 'set' && stanza.attrs.type !== 'get') return;
    if (conference === undefined) {
      component.send(errorTo(stanza, { type: 'cancel', condition: 'service-unavailable' }));
      return;
    }
    this.emit('requested', stanza);
    const room = conference.attrs.room;
    if (room === undefined || !room.endsWith(`@conference.${this.#prosody.domain}`)) {
      component.send(errorTo(stanza, { type: 'modify', condition: 'bad-request' }));
      return;
    }
    try {
      const joined = await this.#join(room);
      if (joined.participants.size === 0) joined.awaitSomebody();
      const property = conference
        .getChildren('property')
        .find(({ attrs }) => attrs.name === 'startAudioMuted');
      if (property !== undefined) joined.startMutedAfter = Number(property.attrs.value);
      component.send(conferenceResult(stanza, room, `focus@auth.${this.#prosody.domain}`));
    } catch {
      component.send(errorTo(stanza, { type: 'cancel', condition: 'internal-server-error' }));
    }
  }

  #join(room: string): Promise<FocusConference> {
    const known = this.#joining.get(room);
    if (known !== undefined) return known;
    const client = this.#client;
    if (client === undefined) return Promise.reject(new Error('offline'));
    const conference = new FocusConference(room, client, this.options);
    this.conferences.set(room, conference);
    const joining = conference.join().then(() => conference);
    this.#joining.set(room, joining);
    conference.once('ended', () => {
      if (this.conferences.get(room) === conference) {
        this.conferences.delete(room);
        this.#joining.delete(room);
      }
    });
    this.emit('conference', conference);
    return joining;
  }
}
