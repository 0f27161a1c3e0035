import { failure } from '../errors.ts';
import type { Log } from '../log.ts';
import type { MediaCall } from '../media/media-engine.ts';
import type { JingleAnswer, JingleOffer, Occupant } from '../xmpp/xmpp-side.ts';
import type { CallEvent } from './call-state.ts';

export interface RoomLegParts {
  readonly occupant: Occupant;
  readonly media: MediaCall;
  readonly log: Log;
}

/** The room leg of a call: the occupant's signalling and the bridge leg's media. It may end and come back. */
export class RoomLeg {
  onEvent: (event: CallEvent) => void = () => {};
  readonly #parts: RoomLegParts;

  constructor(parts: RoomLegParts) {
    this.#parts = parts;
    this.#listenToOccupant(parts.occupant);
    this.#listenToMedia(parts.media);
  }

  get occupantJid(): string {
    return this.#parts.occupant.occupantJid;
  }

  join(): void {
    this.#parts.occupant.join();
  }

  setStatus(text: string): void {
    this.#parts.occupant.setStatus(text);
  }

  connect(offer: JingleOffer): void {
    const { media, log } = this.#parts;
    const { sid } = offer;
    media.connectBridge(offer).then(
      (answer) => {
        if (answer.ok) this.onEvent({ type: 'bridge-answer', sid, answer: answer.value });
        else this.onEvent({ type: 'bridge-refused', sid, why: answer.error });
      },
      (error: unknown) => {
        log.error({ event: 'call-bug', err: error }, 'the bridge leg broke');
        this.onEvent({ type: 'bridge-refused', sid, why: failure('internal', String(error)) });
      },
    );
  }

  accept(sid: string, answer: JingleAnswer): void {
    this.#parts.occupant.accept(sid, answer);
  }

  endSession(sid: string, why: 'connectivity-error' | 'failed-transport', restart: boolean): void {
    this.#parts.occupant.terminate(sid, why, restart);
  }

  closeBridge(): void {
    this.#parts.media.closeBridge();
  }

  /** `room-left` follows, also when the stream is down. */
  leave(status: string): void {
    const left = (): void => this.onEvent({ type: 'room-left' });
    this.#parts.occupant.leave(status).then(left, (error: unknown) => {
      this.#parts.log.error({ event: 'call-bug', err: error }, 'leaving the room failed');
      left();
    });
  }

  #listenToOccupant(occupant: Occupant): void {
    const { media } = this.#parts;
    occupant.on('joined', () =>
      this.onEvent({ type: 'joined', others: occupant.others, diallerPresent: true }),
    );
    occupant.on('others', (count) => this.onEvent({ type: 'others', count }));
    occupant.on('offer', (offer) => this.onEvent({ type: 'offer', offer }));
    occupant.on('sources-added', (ssrcs) => media.addSources(ssrcs));
    occupant.on('sources-removed', (ssrcs) => media.removeSources(ssrcs));
    occupant.on('candidates', (candidates) => media.addCandidates(candidates));
    occupant.on('session-ended', (sid) => this.onEvent({ type: 'session-ended', sid }));
    occupant.on('interrupted', () => this.onEvent({ type: 'interrupted' }));
    occupant.on('hangup', (by) => this.onEvent({ type: 'end', why: failure('hangup', `hung up by ${by}`) }));
    occupant.on('failed', (why) => this.onEvent({ type: 'room-failed', why }));
    occupant.on('mute', (on) => {
      media.mute('phone', on);
      occupant.setAudioMuted(on);
    });
  }

  #listenToMedia(media: MediaCall): void {
    media.on('bridge-up', () => this.onEvent({ type: 'bridge-up' }));
    media.on('bridge-down', (why) => this.onEvent({ type: 'bridge-down', why }));
    media.on('phone-silent', () => this.onEvent({ type: 'end', why: failure('phone-silent') }));
    media.on('failed', (why) => this.onEvent({ type: 'end', why }));
  }
}
