const spans = 16;

/**
 * A map that forgets each entry by itself once `lifeMs` are over, at most a sixteenth of it later. Whole spans of time are dropped at
 * once: with tens of thousands of entries a timer for each, and the object that it holds, would keep the garbage collector busy.
 */
export class AgeingMap {
  readonly #lifeMs: () => number;
  /** Newest first. */
  #spans: Map<string, string>[] = [];
  #turning: NodeJS.Timeout | undefined;

  /** `lifeMs` is asked whenever the map fills again. */
  constructor(lifeMs: () => number) {
    this.#lifeMs = lifeMs;
  }

  get size(): number {
    return this.#spans.reduce((size, span) => size + span.size, 0);
  }

  get(key: string): string | undefined {
    for (const span of this.#spans) {
      const value = span.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Key and value are kept as flat copies: a piece of a message would keep the whole message. */
  set(key: string, value: string): void {
    const [newest] = this.#spans;
    if (newest === undefined) this.#begin();
    (newest ?? this.#spans[0])?.set(flat(key), flat(value));
  }

  clear(): void {
    clearInterval(this.#turning);
    this.#spans = [];
  }

  #begin(): void {
    this.#spans = [new Map()];
    this.#turning = setInterval(() => this.#turn(), this.#lifeMs() / spans).unref();
  }

  #turn(): void {
    this.#spans.unshift(new Map());
    // One more than there are in a life: what came last into a span must live as long as what came first.
    if (this.#spans.length > spans + 1) this.#spans.pop();
    if (this.#spans.every(({ size }) => size === 0)) this.clear();
  }
}

/** Wire text: one character per byte. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
