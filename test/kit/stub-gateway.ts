import { EventEmitter } from 'node:events';
import { iq, ns, resultTo } from './focus-stanzas.ts';
import { acceptOf, discoAnswer } from './participant-stanzas.ts';
import type { Prosody } from './prosody.ts';
import { payload, type XmlElement, xml } from './xml.ts';
import { connectComponent, type XmppEntity } from './xmpp-entity.ts';

/** The component callcontrol.DOMAIN as a test plays it by hand: it acknowledges IQs and answers disco#info, nothing else by itself. */
export class StubGateway extends EventEmitter<{ stanza: [stanza: XmlElement] }> {
  /** All that it received, in order. */
  readonly received: XmlElement[] = [];
  /** Features left out of its answer to disco#info. */
  readonly without = new Set<string>();
  readonly #entity: XmppEntity;

  private constructor(entity: XmppEntity) {
    super();
    this.#entity = entity;
    entity.on('stanza', (stanza) => this.#take(stanza));
  }

  static async connect(prosody: Prosody): Promise<StubGateway> {
    const domain = `callcontrol.${prosody.domain}`;
    return new StubGateway(await connectComponent(prosody.componentPort, domain, prosody.secret));
  }

  send(stanza: XmlElement): void {
    this.#entity.send(stanza);
  }

  async request(from: string, to: string, child: XmlElement): Promise<XmlElement> {
    const stanza = iq('set', to, child);
    stanza.attrs.from = from;
    const answer = await this.#entity.request(stanza, 3000);
    if (answer === undefined) throw new Error(`no answer to ${stanza.toString()}`);
    this.received.push(answer);
    return answer;
  }

  conference(from: string, room: string): Promise<XmlElement> {
    const domain = room.replace(/^.*@conference\./, '');
    return this.request(from, `focus.${domain}`, xml('conference', { xmlns: ns.focus, room }));
  }

  /** Presence with which a gateway's call joins `room/nick`. */
  join(from: string, occupant: string, password?: string): void {
    const feature = xml('feature', { var: 'http://jitsi.org/protocol/jigasi' });
    const secret = password === undefined ? undefined : xml('password', {}, password);
    this.send(
      xml(
        'presence',
        { from, to: occupant },
        xml('x', { xmlns: ns.muc }, secret),
        xml('features', {}, feature),
        xml('audiomuted', {}, 'false'),
      ),
    );
  }

  leave(from: string, occupant: string): void {
    this.send(xml('presence', { from, to: occupant, type: 'unavailable' }));
  }

  accept(offer: XmlElement, ssrc: number): Promise<XmlElement> {
    const jingle = payload(offer);
    const me = offer.attrs.to ?? '';
    if (jingle === undefined) throw new Error('no offer');
    return this.request(me, offer.attrs.from ?? '', acceptOf(jingle, me, me.split('@')[0] ?? '', ssrc));
  }

  /** Joins the brewery as a gateway that may be dialled. */
  enterBrewery(from: string, occupant: string): void {
    const stat = (name: string, value: string) => xml('stat', { name, value });
    const stats = [
      stat('participants', '0'),
      stat('graceful_shutdown', 'false'),
      stat('supports_sip', 'true'),
    ];
    const presence = xml('presence', { from, to: occupant }, xml('x', { xmlns: ns.muc }));
    presence.children.push(xml('stats', { xmlns: ns.colibri }, ...stats));
    this.send(presence);
  }

  /** The next stanza, or the first that is there already, for which `test` holds; it is taken out. */
  async take(what: string, test: (stanza: XmlElement) => boolean): Promise<XmlElement> {
    for (;;) {
      const index = this.received.findIndex(test);
      if (index >= 0) return this.received.splice(index, 1)[0] as XmlElement;
      await this.#next(what);
    }
  }

  /** The next Jingle of this action to this JID. */
  jingle(action: string, to: string): Promise<XmlElement> {
    return this.take(action, (stanza) => stanza.attrs.to === to && payload(stanza)?.attrs.action === action);
  }

  close(): Promise<void> {
    return this.#entity.close();
  }

  #next(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.off('stanza', done);
        resolve();
      };
      const timer = setTimeout(() => {
        this.off('stanza', done);
        reject(new Error(`no ${what} within 5 s; left: ${this.received.join('\n')}`));
      }, 5000);
      this.once('stanza', done);
    });
  }

  #take(stanza: XmlElement): void {
    this.received.push(stanza);
    const child = payload(stanza);
    if (stanza.is('iq') && stanza.attrs.type === 'get' && child?.is('query', ns.discoInfo)) {
      const answer = discoAnswer(stanza);
      const query = answer.getChild('query');
      const kept = query?.children.filter(
        (feature) => typeof feature === 'string' || !this.without.has(feature.attrs.var ?? ''),
      );
      query?.children.splice(0, query.children.length, ...(kept ?? []));
      this.send(answer);
    } else if (stanza.is('iq') && stanza.attrs.type === 'set' && child?.is('jingle'))
      this.send(resultTo(stanza));
    this.emit('stanza', stanza);
  }
}
