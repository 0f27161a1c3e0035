import { EventEmitter } from 'node:events';
import { type Failure, fail, ok, type Result } from '../errors.ts';
import type { SipCall } from '../sip/engine.ts';
import type { GatewayLoad } from '../xmpp/xmpp-side.ts';
import type { Call } from './call.ts';

/** Every live call, and the one gate that lets new ones in. */
export class CallRegistry extends EventEmitter<{ load: [load: GatewayLoad]; size: []; empty: [] }> {
  readonly #calls = new Map<string, Call>();
  readonly #maxCalls: number;
  /** Calls that were let in and are still being set up. */
  #entering = 0;
  #draining = false;

  constructor(maxCalls: number) {
    super();
    this.#maxCalls = maxCalls;
  }

  get size(): number {
    return this.#calls.size + this.#entering;
  }

  get isFull(): boolean {
    return this.size >= this.#maxCalls;
  }

  /** The call whose phone is at the other end of a dialog. */
  callOn(sip: SipCall): Call | undefined {
    return [...this.#calls.values()].find((call) => call.isOn(sip));
  }

  /** Admission, before anything is spent on the call. A granted place must be handed back through `enter` or `turnAway`. */
  admit(): Result<void> {
    if (this.#draining) return fail('draining');
    if (this.isFull) return fail('over-capacity', `${this.size} calls are running`);
    this.#entering += 1;
    this.emit('size');
    return ok(undefined);
  }

  turnAway(): void {
    this.#entering -= 1;
    this.#changed();
  }

  enter(call: Call): void {
    this.#entering -= 1;
    this.#calls.set(call.id, call);
    call.once('finished', () => {
      this.#calls.delete(call.id);
      this.#changed();
    });
    if (this.#draining) call.end({ code: 'draining' });
    this.#changed();
  }

  /** No new calls; those that run are ended for `why`. Resolves when the last one has said goodbye. */
  async endAll(why: Failure): Promise<void> {
    this.#draining = true;
    this.#changed();
    for (const call of [...this.#calls.values()]) call.end(why);
    while (this.size > 0) await new Promise<void>((resolve) => this.once('empty', resolve));
  }

  #changed(): void {
    const rooms = new Set([...this.#calls.values()].map((call) => call.room));
    this.emit('load', {
      conferences: rooms.size,
      participants: this.#calls.size,
      draining: this.#draining,
      stress: this.size / this.#maxCalls,
    });
    this.emit('size');
    if (this.size === 0) this.emit('empty');
  }
}
