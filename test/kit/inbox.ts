/** Things that arrived, and a way to wait for the next that fits. */
export class Inbox<T> {
  readonly all: T[] = [];
  readonly #waiting = new Set<{ fits(item: T): boolean; resolve(item: T): void }>();
  readonly #taken = new Set<T>();
  readonly #describe: (item: T) => string;

  constructor(describe: (item: T) => string) {
    this.#describe = describe;
  }

  add(item: T): void {
    this.all.push(item);
    for (const waiter of this.#waiting) {
      if (!waiter.fits(item)) continue;
      this.#waiting.delete(waiter);
      this.#taken.add(item);
      waiter.resolve(item);
      return;
    }
  }

  /** The first item that fits and that nobody took yet, arrived already or still to come. */
  next(what: string, fits: (item: T) => boolean = () => true, timeoutMs = 15_000): Promise<T> {
    const already = this.all.find((item) => !this.#taken.has(item) && fits(item));
    if (already !== undefined) {
      this.#taken.add(already);
      return Promise.resolve(already);
    }
    return new Promise((resolve, reject) => {
      const waiter = {
        fits,
        resolve: (item: T) => {
          clearTimeout(timer);
          resolve(item);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        const seen = this.all.map(this.#describe).join('; ');
        reject(new Error(`no ${what} within ${timeoutMs} ms; there were: ${seen || 'none'}`));
      }, timeoutMs);
      this.#waiting.add(waiter);
    });
  }
}
