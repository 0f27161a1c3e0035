import { createHash } from 'node:crypto';
import type { Log } from '../log.ts';
import { stanzaError } from './iq-requests.ts';
import { parseJid } from './jid.ts';
import { joinElement, readPresence } from './muc.ts';
import { ns } from './namespaces.ts';
import type { Post, Timing } from './post.ts';
import { focusNick } from './roster.ts';
import { type Element, element } from './stanza.ts';
import type { GatewayLoad } from './xmpp-side.ts';

export interface BreweryParts {
  readonly post: Post;
  readonly timing: Timing;
  readonly log: Log;
  /** Bare JID of the brewery room. */
  readonly room: string;
  readonly componentDomain: string;
  readonly region: string | undefined;
  readonly version: string;
}

const publishPauseMs = 200;

/**
 * Our place in the room where Jicofo looks for gateways (jitsi.md §2). It has the same identity for ever: a ghost of ours, left
 * by a crash, is then replaced and draws no dials.
 */
export class Brewery {
  readonly jid: string;
  readonly #parts: BreweryParts;
  readonly #occupantJid: string;
  readonly #nick: string;
  #load: GatewayLoad = { conferences: 0, participants: 0, draining: false, stress: 0 };
  #inside = false;
  #timer: NodeJS.Timeout | undefined;
  #sent: GatewayLoad | undefined;
  #pause: NodeJS.Timeout | undefined;

  constructor(parts: BreweryParts) {
    this.#parts = parts;
    this.#nick = createHash('sha256').update(parts.componentDomain).digest('hex').slice(0, 8);
    this.jid = `brewery@${parts.componentDomain}/${this.#nick}`;
    this.#occupantJid = `${parts.room}/${this.#nick}`;
  }

  get inside(): boolean {
    return this.#inside;
  }

  /** Dials are taken from Jicofo only, as it appears in this room. */
  isFocus(from: string): boolean {
    return parseJid(from)?.full === `${this.#parts.room}/${focusNick}`;
  }

  join(): void {
    clearTimeout(this.#timer);
    this.#inside = false;
    this.#send(joinElement(undefined));
    this.#timer = setTimeout(() => this.#unanswered(), this.#parts.timing.breweryMs).unref();
  }

  offline(): void {
    clearTimeout(this.#timer);
    this.#inside = false;
  }

  leave(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#pause);
    this.#inside = false;
    this.#parts.post.send(
      element('presence', { type: 'unavailable', from: this.jid, to: this.#occupantJid }),
    );
  }

  /** Sent at once, then at most five times a second; that we drain is told without delay. */
  publish(load: GatewayLoad): void {
    const urgent = load.draining !== this.#load.draining;
    this.#load = load;
    if (this.#pause === undefined || urgent) this.#sendIfNew();
  }

  #sendIfNew(): void {
    if (!this.#inside || this.#load === this.#sent) return;
    this.#send();
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#sendIfNew();
    }, publishPauseMs).unref();
  }

  presence(stanza: Element): void {
    const presence = readPresence(stanza, this.#parts.room);
    if (presence?.nick !== this.#nick) return;
    if (presence.type === 'available') this.#joined();
    else this.#out(presence.type === 'error' ? stanzaError(stanza).condition : 'removed from the room');
  }

  #joined(): void {
    clearTimeout(this.#timer);
    if (this.#inside) return;
    this.#inside = true;
    this.#sendIfNew();
    this.#parts.log.info({ brewery: this.#parts.room }, 'In the brewery: Jicofo can choose this gateway');
  }

  #out(reason: string): void {
    const { log, room } = this.#parts;
    log.error({ brewery: room, reason }, 'Not in the brewery: Jicofo sends no dials; trying again');
    this.#inside = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.join(), this.#parts.timing.retryLimitMs).unref();
  }

  #unanswered(): void {
    const { room, componentDomain } = this.#parts;
    const host = room.slice(room.indexOf('@') + 1);
    this.#parts.log.error(
      { brewery: room, event: 'brewery-silent' },
      `No answer to the join of the brewery: add "${componentDomain}" to muc_filter_whitelist of Component "${host}" in Prosody's configuration (mod_muc_filter_access drops others silently)`,
    );
    this.#timer = setTimeout(() => this.join(), this.#parts.timing.retryLimitMs).unref();
  }

  #send(...extra: Element[]): void {
    this.#sent = this.#load;
    const stats = element('stats', { xmlns: ns.colibri }, ...this.#stats());
    this.#parts.post.send(element('presence', { from: this.jid, to: this.#occupantJid }, ...extra, stats));
  }

  #stats(): Element[] {
    const { conferences, participants, draining, stress } = this.#load;
    const { region, version } = this.#parts;
    const values = {
      conferences,
      participants,
      graceful_shutdown: draining,
      stress_level: stress.toFixed(3),
      region,
      version,
      supports_transcription: false,
      supports_sip: true,
    };
    return Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => element('stat', { name, value }));
  }
}
