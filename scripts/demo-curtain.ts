/** Everything that was started and how it is ended: nothing outlives the demonstration, whenever and however it ends. */
export class Curtain {
  readonly #starting = new Set<Promise<unknown>>();
  readonly #closers: { readonly what: string; close(): Promise<unknown> }[] = [];
  #fallen: Promise<string[]> | undefined;

  /** Starts something; `close` ends it when the curtain falls. Throws when the curtain has fallen meanwhile. */
  async raise<T>(what: string, start: () => Promise<T>, close: (started: T) => Promise<unknown>): Promise<T> {
    if (this.#fallen) throw new Error('the demonstration is over');
    const starting = start().then((started) => {
      this.#closers.unshift({ what, close: () => close(started) });
      return started;
    });
    this.#starting.add(starting);
    return starting.finally(() => this.#starting.delete(starting));
  }

  get hasFallen(): boolean {
    return this.#fallen !== undefined;
  }

  /** Ends everything, the latest first, and what is just being started too. Resolves with what did not end properly. */
  fall(): Promise<string[]> {
    this.#fallen ??= this.#endAll();
    return this.#fallen;
  }

  async #endAll(): Promise<string[]> {
    await Promise.allSettled(this.#starting);
    const problems: string[] = [];
    for (const { what, close } of this.#closers) {
      await close().catch((error: unknown) => problems.push(`${what} did not end properly: ${error}`));
    }
    return problems;
  }
}
