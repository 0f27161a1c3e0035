import type { SessionIds } from './jingle-build.ts';
import type { Initiate } from './jingle-parse.ts';
import type { Source } from './jingle-sources.ts';

const sourceLimit = 2000;

/** One Jingle session and the sources that the room announced in it. */
export class JingleSession {
  readonly initiate: Initiate;
  accepted = false;
  readonly #owners = new Map<number, string>();

  constructor(initiate: Initiate) {
    this.initiate = initiate;
    this.add(initiate.sources);
  }

  get ids(): SessionIds {
    const { sid, initiator, bridgeSession } = this.initiate;
    return { sid, initiator, bridgeSession };
  }

  /** The SSRCs that were not known yet. */
  add(sources: readonly Source[]): number[] {
    const fresh: number[] = [];
    for (const { ssrc, owner } of sources) {
      if (this.#owners.size >= sourceLimit) break;
      if (!this.#owners.has(ssrc)) fresh.push(ssrc);
      this.#owners.set(ssrc, owner);
    }
    return fresh;
  }

  /** The SSRCs that were known. */
  remove(sources: readonly Source[]): number[] {
    return sources.map(({ ssrc }) => ssrc).filter((ssrc) => this.#owners.delete(ssrc));
  }

  /** Forgets what belongs to a participant that left; the focus sends no source-remove for it. */
  removeOwner(nick: string): number[] {
    const owner = nick.toLowerCase();
    const gone = [...this.#owners].filter(([, of]) => of === owner).map(([ssrc]) => ssrc);
    for (const ssrc of gone) this.#owners.delete(ssrc);
    return gone;
  }
}
