import type { Log } from '../log.ts';
import type { Identity } from './identity.ts';
import { sessionAccept, sessionTerminate, transportReject } from './jingle-build.ts';
import { parseInitiate, parseReason, parseTransportInfo } from './jingle-parse.ts';
import { JingleSession } from './jingle-session.ts';
import { parseSources } from './jingle-sources.ts';
import { ns } from './namespaces.ts';
import type { Post } from './post.ts';
import { type PromptAnswer, refuse } from './replies.ts';
import { attribute, child, type Element, element } from './stanza.ts';
import type { JingleAnswer, JingleCandidate, JingleOffer } from './xmpp-side.ts';

export interface JingleEndpointParts {
  readonly post: Post;
  /** `room/focus`. */
  readonly focus: string;
  readonly timeoutMs: number;
  readonly log: Log;
  identity(): Identity;
  offer(offer: JingleOffer): void;
  sourcesAdded(ssrcs: readonly number[]): void;
  sourcesRemoved(ssrcs: readonly number[]): void;
  candidates(candidates: readonly JingleCandidate[]): void;
  ended(sid: string, reason: string): void;
  /** The focus took our session-accept. */
  accepted(): void;
  /** The focus will not invite this identity again: only leaving and joining helps. */
  deadEnd(why: string): void;
}

const restartPauseMs = 5000;

/**
 * Our end of the Jingle sessions with the focus (jitsi.md §5), one at a time. Everything is handled as it arrives, without
 * waiting in between, so the order on the wire is the order of the events.
 */
export class JingleEndpoint {
  readonly #parts: JingleEndpointParts;
  #session: JingleSession | undefined;
  #lastRestart = Number.NEGATIVE_INFINITY;

  constructor(parts: JingleEndpointParts) {
    this.#parts = parts;
  }

  /** A Jingle IQ that came from the focus. */
  handle(jingle: Element): PromptAnswer {
    const action = attribute(jingle, 'action') ?? '';
    if (action === 'session-initiate') return this.#initiate(jingle);
    const session = this.#session;
    if (session === undefined || attribute(jingle, 'sid') !== session.initiate.sid) return unknownSession;
    return this.#inSession(session, action, jingle);
  }

  accept(sid: string, answer: JingleAnswer): void {
    const session = this.#session;
    if (session?.initiate.sid !== sid || session.accepted) {
      this.#parts.log.debug({ sid }, 'session-accept for a session that is gone');
      return;
    }
    session.accepted = true;
    void this.#request(sessionAccept(session.initiate, answer, this.#parts.identity())).then((problem) => {
      if (problem === undefined) {
        this.#parts.accepted();
        return;
      }
      this.#parts.log.warn({ sid, problem }, 'The focus did not take the session-accept');
      // The session is over for Jicofo; a silent focus is met with patience, since its return brings a new session.
      if (this.#session === session && problem !== 'timeout' && problem !== 'offline') {
        this.#session = undefined;
        this.#parts.ended(sid, `session-accept refused: ${problem}`);
        this.#parts.deadEnd('session-accept refused');
      }
    });
  }

  terminate(sid: string, reason: string, restart: boolean): void {
    const session = this.#session;
    if (session?.initiate.sid !== sid) return;
    this.#session = undefined;
    // Jicofo refuses a second restart within 5 s and forgets the session all the same.
    const tooSoon = restart && performance.now() - this.#lastRestart < restartPauseMs;
    const again = restart && !tooSoon;
    if (again) this.#lastRestart = performance.now();
    void this.#request(sessionTerminate(session.ids, reason, again)).then((problem) => {
      if (problem === undefined) return;
      this.#parts.log.debug({ sid, problem }, 'The focus did not take the session-terminate');
      if (again && problem !== 'offline') this.#parts.deadEnd(`restart refused: ${problem}`);
    });
    if (tooSoon) this.#parts.deadEnd('two restarts within 5 s');
  }

  /** Before leaving: the bridge forwards to a session that was not terminated. */
  close(): void {
    const session = this.#session;
    if (session !== undefined) this.terminate(session.initiate.sid, 'success', false);
  }

  /** The identity of the session is gone; nothing can be said in it any more. */
  forget(): void {
    this.#session = undefined;
  }

  participantLeft(nick: string): void {
    const gone = this.#session?.removeOwner(nick) ?? [];
    if (gone.length > 0) this.#parts.sourcesRemoved(gone);
  }

  #initiate(jingle: Element): PromptAnswer {
    const parsed = parseInitiate(jingle);
    if (!parsed.ok) {
      this.#parts.log.warn({ problem: parsed.error.detail }, 'session-initiate refused');
      return refuse('modify', 'bad-request', parsed.error.detail);
    }
    if (parsed.value.sid === this.#session?.initiate.sid) {
      return refuse(
        'wait',
        'unexpected-request',
        'session exists',
        element('out-of-order', { xmlns: ns.jingleErrors }),
      );
    }
    // After its own restart the focus knows nothing of the old session: the new one takes its place.
    this.#session = new JingleSession(parsed.value);
    const { offer } = parsed.value;
    return { after: () => this.#parts.offer(offer) };
  }

  #inSession(session: JingleSession, action: string, jingle: Element): PromptAnswer {
    switch (action) {
      case 'source-add':
      case 'addsource': {
        const added = session.add(parseSources(jingle));
        return { after: () => added.length > 0 && this.#parts.sourcesAdded(added) };
      }
      case 'source-remove':
      case 'removesource': {
        const removed = session.remove(parseSources(jingle));
        return { after: () => removed.length > 0 && this.#parts.sourcesRemoved(removed) };
      }
      case 'transport-info': {
        const candidates = parseTransportInfo(jingle);
        return { after: () => candidates.length > 0 && this.#parts.candidates(candidates) };
      }
      case 'session-terminate':
        this.#session = undefined;
        return { after: () => this.#parts.ended(session.initiate.sid, parseReason(jingle)) };
      case 'transport-replace':
        return { after: () => this.#transportReplaced(session, jingle) };
      case 'session-info':
        return {};
      default:
        return refuse('cancel', 'feature-not-implemented');
    }
  }

  /**
   * The bridge moved under the session. Jicofo only logs a transport-reject, so that alone would end in silence; and one ICE
   * agent cannot move. So: reject, and ask for a new session, which Jicofo answers within 300 ms.
   */
  #transportReplaced(session: JingleSession, jingle: Element): void {
    if (this.#session !== session) return;
    const { sid, contentName } = session.initiate;
    void this.#request(transportReject(session.ids, contentName));
    const bridge = child(jingle, 'bridge-session', ns.focus);
    const bridgeSession = (bridge && attribute(bridge, 'id')) ?? session.initiate.bridgeSession;
    this.#session = new JingleSession({ ...session.initiate, bridgeSession });
    this.terminate(sid, 'failed-transport', true);
    this.#parts.ended(sid, 'transport-replace');
  }

  /** Resolves with undefined, or with the condition of the error. */
  async #request(payload: Element): Promise<string | undefined> {
    const { post, focus, timeoutMs } = this.#parts;
    const from = this.#parts.identity().jid;
    const outcome = await post.requests.request({ from, to: focus, type: 'set', payload, timeoutMs });
    return outcome.ok ? undefined : outcome.error.condition;
  }
}

const unknownSession = refuse(
  'cancel',
  'item-not-found',
  undefined,
  element('unknown-session', { xmlns: ns.jingleErrors }),
);
