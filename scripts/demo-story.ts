/** What happens, as it happens: one line each, with the seconds since the start. */
export class Story {
  readonly #began = performance.now();
  #over = false;

  tell(text: string): void {
    if (!this.#over) this.#print(text);
  }

  /** What is still going on has nothing to say any more; only `epilogue` is printed from now on. */
  end(): void {
    this.#over = true;
  }

  epilogue(text: string): void {
    this.#print(text);
  }

  #print(text: string): void {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    console.log(`${seconds.padStart(6)} s  ${text}`);
  }
}
