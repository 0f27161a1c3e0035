import { EventEmitter } from 'node:events';
import type { Log } from '../log.ts';

/** An emitter whose listeners cannot break it: what one of them throws (or rejects with) is logged and the next one is called. */
export class SafeEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  readonly #log: Log;

  constructor(log: Log) {
    super();
    this.#log = log;
  }

  protected tell<Name extends keyof Events & string>(name: Name, ...values: Events[Name]): void {
    for (const listener of this.rawListeners(name as never)) {
      try {
        const outcome: unknown = Reflect.apply(listener, this, values);
        if (outcome instanceof Promise) outcome.catch((error: unknown) => this.#complain(name, error));
      } catch (error) {
        this.#complain(name, error);
      }
    }
  }

  #complain(event: string, error: unknown): void {
    this.#log.error({ err: error, event }, 'A listener failed; this is a bug');
  }
}
