import type { XmppConfig } from '../config/config.ts';
import type { Log } from '../log.ts';
import { Brewery } from './brewery.ts';
import { ComponentLink, ComponentRefused } from './component-link.ts';
import { dialRequest } from './dial-request.ts';
import { componentInfo, noItems } from './disco.ts';
import { IqRequests } from './iq-requests.ts';
import { parseJid } from './jid.ts';
import { ns } from './namespaces.ts';
import { ComponentOccupant } from './occupant.ts';
import { type Post, type Timing, usualTiming } from './post.ts';
import { parseDial } from './rayo.ts';
import { type Answer, type PromptAnswer, refuse, reply, serviceUnavailable } from './replies.ts';
import { SafeEmitter } from './safe-emitter.ts';
import { attribute, children, type Element, element } from './stanza.ts';
import type { GatewayLoad, Occupant, OccupantOptions, XmppSide, XmppSideEvents } from './xmpp-side.ts';

export interface GatewayComponentOptions {
  readonly config: XmppConfig;
  readonly log: Log;
  /** Published in the brewery. */
  readonly version?: string;
  readonly timing?: Partial<Timing>;
}

const farewellLimit = 1000;

/** The XMPP component: hands each stanza to the occupant, the brewery or itself, and answers every request once. */
export class GatewayComponent extends SafeEmitter<XmppSideEvents> implements XmppSide {
  readonly #config: XmppConfig;
  readonly #log: Log;
  readonly #timing: Timing;
  readonly #link: ComponentLink;
  readonly #post: Post;
  readonly #requests: IqRequests;
  readonly #brewery: Brewery | undefined;
  /** By bare JID. */
  readonly #occupants = new Map<string, ComponentOccupant>();
  /** Goodbyes of occupants that left while the stream was down. */
  #farewells: Element[] = [];

  constructor({ config, log, version = '0.1.0', timing }: GatewayComponentOptions) {
    super(log);
    const folded = (domain: string): string => parseJid(domain)?.bare ?? domain;
    this.#config = {
      ...config,
      componentDomain: folded(config.componentDomain),
      mucDomain: folded(config.mucDomain),
    };
    this.#log = log;
    this.#timing = { ...usualTiming, ...timing };
    const { host, port, componentDomain, secret, brewery, region } = this.#config;
    const { quietMs } = this.#timing;
    const link = new ComponentLink({ host, port, domain: componentDomain, secret, quietMs }, log);
    this.#link = link;
    this.#requests = new IqRequests((stanza) => link.send(stanza));
    this.#post = {
      requests: this.#requests,
      send: (stanza) => link.send(stanza),
      get online(): boolean {
        return link.online;
      },
    };
    const room = parseJid(brewery ?? '')?.bare;
    const parts = { post: this.#post, timing: this.#timing, log, componentDomain, region, version };
    this.#brewery = room === undefined ? undefined : new Brewery({ ...parts, room });
    this.#listen();
  }

  get online(): boolean {
    return this.#link.online;
  }

  /** Stanzas dropped so far, by reason. */
  get drops(): Readonly<Record<string, number>> {
    return this.#link.drops;
  }

  async start(): Promise<void> {
    try {
      await this.#link.start();
    } catch (error) {
      if (error instanceof ComponentRefused) this.tell('fatal', error);
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#brewery?.leave();
    await this.#link.stop();
    this.#requests.abandon();
    for (const occupant of new Set(this.#occupants.values())) await occupant.leave();
    this.#occupants.clear();
  }

  occupant(options: OccupantOptions): Occupant {
    const room = parseJid(options.room)?.bare ?? options.room;
    const occupant: ComponentOccupant = new ComponentOccupant({
      options: { ...options, room },
      post: this.#post,
      timing: this.#timing,
      log: this.#log.child({ callId: options.callId, room }),
      componentDomain: this.#config.componentDomain,
      conferenceService: this.#config.focusJid,
      claim: (bare) => this.#occupants.set(bare, occupant),
      release: (bare) => this.#occupants.delete(bare),
      sendLater: (stanza) => {
        if (this.#farewells.length < farewellLimit) this.#farewells.push(stanza);
      },
    });
    return occupant;
  }

  publish(load: GatewayLoad): void {
    this.#brewery?.publish(load);
  }

  #listen(): void {
    this.#link.on('online', () => {
      for (const farewell of this.#farewells.splice(0)) this.#post.send(farewell);
      this.#brewery?.join();
      for (const occupant of [...this.#occupants.values()]) occupant.online();
      this.tell('online');
    });
    this.#link.on('offline', () => {
      this.#requests.abandon();
      this.#brewery?.offline();
      for (const occupant of [...this.#occupants.values()]) occupant.offline();
      this.tell('offline');
    });
    this.#link.on('quiet', () => void this.#ping());
    this.#link.on('dropped', (head) => head !== undefined && this.#refuseUnread(head));
    this.#link.on('stanza', (stanza) => this.#receive(stanza));
  }

  async #ping(): Promise<void> {
    const { componentDomain: from, domain: to } = this.#config;
    const payload = element('ping', { xmlns: ns.ping });
    await this.#requests.request({ from, to, type: 'get', payload, timeoutMs: 10_000 });
  }

  #receive(stanza: Element): void {
    if (stanza.getName() === 'iq') this.#receiveIq(stanza);
    else if (stanza.getName() === 'presence') this.#receivePresence(stanza);
  }

  #receivePresence(presence: Element): void {
    const to = parseJid(attribute(presence, 'to') ?? '');
    if (to === undefined) return;
    if (to.full === this.#brewery?.jid) this.#brewery.presence(presence);
    else this.#occupants.get(to.bare)?.presence(presence);
  }

  #receiveIq(iq: Element): void {
    const type = attribute(iq, 'type');
    if (type === 'result' || type === 'error') {
      this.#requests.settle(iq);
      return;
    }
    const answer = this.#safely(() => this.#answer(iq, type));
    if (answer !== 'later') this.#reply(iq, answer);
  }

  #reply(iq: Element, answer: PromptAnswer): void {
    this.#post.send(reply(iq, answer));
    if ('after' in answer)
      this.#safely(() => {
        answer.after?.();
        return 'later';
      });
  }

  /** A bug in a handler ends its stanza, not the process. */
  #safely(handler: () => Answer): Answer {
    try {
      return handler();
    } catch (error) {
      this.#log.error({ err: error }, 'A stanza handler failed; this is a bug');
      return refuse('wait', 'internal-server-error');
    }
  }

  #answer(iq: Element, type: string | undefined): Answer {
    const payloads = children(iq);
    const payload = payloads[0];
    if ((type !== 'get' && type !== 'set') || payload === undefined || payloads.length > 1) {
      return refuse('modify', 'bad-request');
    }
    const to = parseJid(attribute(iq, 'to') ?? '');
    const from = parseJid(attribute(iq, 'from') ?? '');
    if (to === undefined || from === undefined) return refuse('modify', 'jid-malformed');
    const ours = to.full === this.#brewery?.jid || to.bare === this.#config.componentDomain;
    if (ours) return this.#answerOwn(iq, type, payload, from.full);
    const occupant = this.#occupants.get(to.bare);
    if (occupant !== undefined) return occupant.iq(iq, payload);
    return payload.getNS() === ns.rayo ? refuse('cancel', 'item-not-found') : serviceUnavailable;
  }

  #answerOwn(iq: Element, type: 'get' | 'set', payload: Element, from: string): Answer {
    switch (`${type} ${payload.getNS()} ${payload.getName()}`) {
      case `get ${ns.discoInfo} query`:
        return { result: componentInfo(attribute(payload, 'node')) };
      case `get ${ns.discoItems} query`:
        return { result: noItems() };
      case `get ${ns.ping} ping`:
        return {};
      case `set ${ns.rayo} dial`:
        return this.#dial(iq, payload, from);
      case `set ${ns.rayo} hangup`:
        return refuse('cancel', 'item-not-found', 'hang up the ref of the call');
      default:
        return serviceUnavailable;
    }
  }

  #dial(iq: Element, payload: Element, from: string): Answer {
    const brewery = this.#brewery?.isFocus(from) === true;
    const toBrewery = attribute(iq, 'to') === this.#brewery?.jid;
    if (toBrewery && !brewery) return refuse('auth', 'forbidden', 'dials come from the focus');
    const dial = parseDial(payload, this.#config.mucDomain);
    if ('refusal' in dial) {
      this.#log.warn({ from, reason: dial.refusal.text }, 'Dial refused');
      return dial;
    }
    if (this.listenerCount('dial') === 0) return serviceUnavailable;
    const answer = (given: PromptAnswer): void => this.#reply(iq, given);
    const source = { via: brewery ? 'brewery' : 'direct', dialler: from, log: this.#log, answer } as const;
    this.tell('dial', dialRequest(dial.value, source));
    return 'later';
  }

  /** Its content was never looked at, but whoever sent it should not wait in vain. */
  #refuseUnread(head: Element): void {
    const type = attribute(head, 'type');
    if (head.getName() !== 'iq' || (type !== 'get' && type !== 'set')) return;
    this.#reply(head, refuse('modify', 'policy-violation', 'stanza too large or too deep'));
  }
}
