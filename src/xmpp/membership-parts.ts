import type { Failure } from '../errors.ts';
import type { Log } from '../log.ts';
import type { OccupantPresence } from './muc.ts';
import type { Post, Timing } from './post.ts';
import type { Element } from './stanza.ts';

/** What a room membership needs from its surroundings, and whom it tells. */
export interface MembershipParts {
  readonly post: Post;
  readonly timing: Timing;
  readonly log: Log;
  readonly room: string;
  readonly password: string | undefined;
  readonly callId: string;
  readonly componentDomain: string;
  readonly conferenceService: string;
  presence(): OccupantPresence;
  joined(): void;
  others(count: number): void;
  departed(nick: string): void;
  interrupted(): void;
  /** We are somebody else from now on; what belonged to the old identity is gone. */
  renewed(): void;
  failed(why: Failure): void;
  /** Stanzas for these bare JIDs belong to this occupant. */
  claim(bare: string): void;
  release(bare: string): void;
  /** Sent as soon as the stream is back. */
  sendLater(stanza: Element): void;
}
