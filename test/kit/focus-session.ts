import { randomInt } from 'node:crypto';
import { type Source, sourceChange } from './focus-stanzas.ts';
import type { BridgeEndpoint } from './media-bridge.ts';
import type { XmlElement } from './xml.ts';

/** One Jingle session of the focus with an occupant. */
export class FocusSession {
  readonly sid = Array.from({ length: 13 }, () => randomInt(36).toString(36)).join('');
  readonly occupantJid: string;
  readonly endpoint: BridgeEndpoint;
  state: 'pending' | 'active' | 'ended' = 'pending';
  /** What the other side knows, or will know when it has accepted. */
  #signalled: Source[];
  /** Changes that came between offer and answer: they are told with the answer, before its result. */
  readonly #queued: { action: 'source-add' | 'source-remove'; sources: readonly Source[] }[] = [];
  readonly #send: (stanza: XmlElement) => void;

  constructor(
    occupantJid: string,
    endpoint: BridgeEndpoint,
    signalled: readonly Source[],
    send: (stanza: XmlElement) => void,
  ) {
    this.occupantJid = occupantJid;
    this.endpoint = endpoint;
    this.#signalled = [...signalled];
    this.#send = send;
  }

  get signalled(): readonly Source[] {
    return this.#signalled;
  }

  activate(): void {
    this.state = 'active';
    for (const { action, sources } of this.#queued.splice(0)) this.#tell(action, sources);
  }

  change(action: 'source-add' | 'source-remove', sources: readonly Source[]): void {
    if (sources.length === 0 || this.state === 'ended') return;
    const ssrcs = new Set(sources.map((source) => source.ssrc));
    this.#signalled = this.#signalled.filter((source) => !ssrcs.has(source.ssrc));
    if (action === 'source-add') this.#signalled.push(...sources);
    if (this.state === 'active') this.#tell(action, sources);
    else this.#queued.push({ action, sources });
  }

  /** Their owner left the MUC: everybody sees that, nobody is told. */
  forget(owner: string): void {
    this.#signalled = this.#signalled.filter((source) => source.owner !== owner);
  }

  end(): void {
    this.state = 'ended';
    this.endpoint.close();
  }

  #tell(action: 'source-add' | 'source-remove', sources: readonly Source[]): void {
    this.#send(sourceChange(this.occupantJid, this.sid, action, sources));
  }
}
