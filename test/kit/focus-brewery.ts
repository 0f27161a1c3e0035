import type { FocusConference } from './focus-conference.ts';
import { breweryPresence, errorTo, forwardedDial, type IqError, ns, resultTo } from './focus-stanzas.ts';
import { copyOf, payload, type XmlElement } from './xml.ts';
import type { XmppEntity } from './xmpp-entity.ts';

interface Gateway {
  readonly occupantJid: string;
  readonly stats: ReadonlyMap<string, string>;
}

/** Jicofo's JigasiDetector and JigasiIqHandler: the gateways of the brewery room, and dials on their way to one of them. */
export class FocusBrewery {
  readonly room: string;
  readonly gateways = new Map<string, Gateway>();
  readonly #entity: XmppEntity;
  readonly #timeoutMs: number;
  readonly #waiting = new Set<() => void>();

  constructor(room: string, entity: XmppEntity, timeoutMs: number) {
    this.room = room;
    this.#entity = entity;
    this.#timeoutMs = timeoutMs;
    entity.send(breweryPresence(`${room}/focus`, entity.nextId()));
  }

  received(stanza: XmlElement): void {
    const from = stanza.attrs.from ?? '';
    const nick = from.slice(from.indexOf('/') + 1);
    if (!stanza.is('presence') || nick === 'focus') return;
    const stats = stanza.getChild('stats', ns.colibri)?.getChildren('stat');
    if (stanza.attrs.type === 'unavailable' || stats === undefined) this.gateways.delete(nick);
    else {
      const values = stats.map((stat) => [stat.attrs.name ?? '', stat.attrs.value ?? ''] as const);
      this.gateways.set(nick, { occupantJid: from, stats: new Map(values) });
    }
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves when a gateway that may be dialled is in the brewery. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#choose(new Set()) === undefined) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** A dial from an occupant to `room/focus`: at most three gateways are tried, the least busy first. */
  async dial(conference: FocusConference | undefined, stanza: XmlElement): Promise<void> {
    const dial = payload(stanza);
    const denied = dial === undefined ? undefined : deny(conference, stanza, dial);
    if (dial === undefined || denied !== undefined) {
      this.#entity.send(errorTo(stanza, denied ?? { type: 'modify', condition: 'bad-request' }));
      return;
    }
    const tried = new Set<string>();
    while (tried.size < 3) {
      const gateway = this.#choose(tried);
      if (gateway === undefined) break;
      tried.add(gateway.occupantJid);
      const answer = await this.#entity.request(forwardedDial(gateway.occupantJid, dial), this.#timeoutMs);
      if (answer?.attrs.type === 'result') {
        const ref = payload(answer);
        this.#entity.send(resultTo(stanza, ref === undefined ? undefined : copyOf(ref)));
        return;
      }
    }
    this.#entity.send(errorTo(stanza, { type: 'cancel', condition: 'service-unavailable' }));
  }

  #choose(tried: ReadonlySet<string>): Gateway | undefined {
    const busy = (gateway: Gateway) => Number(gateway.stats.get('participants') ?? 0);
    return [...this.gateways.values()]
      .filter(({ occupantJid, stats }) => {
        const usable = stats.get('graceful_shutdown') !== 'true' && stats.get('supports_sip') === 'true';
        return usable && !tried.has(occupantJid);
      })
      .sort((one, other) => busy(one) - busy(other))[0];
  }
}

function deny(
  conference: FocusConference | undefined,
  stanza: XmlElement,
  dial: XmlElement,
): IqError | undefined {
  if (conference === undefined) return { type: 'cancel', condition: 'item-not-found' };
  const nick = stanza.attrs.from?.split('/')[1] ?? '';
  const named = dial.getChildren('header').find((header) => header.attrs.name === 'JvbRoomName')?.attrs.value;
  const moderator = conference.participants.get(nick)?.moderator === true;
  // A missing JvbRoomName is forwarded: checking it is the gateway's job.
  if (!moderator || (named !== undefined && named !== conference.room)) {
    return { type: 'auth', condition: 'forbidden' };
  }
  return undefined;
}
