/** More than a thread can serve: 3 a call. */
const most = 16_384;

/**
 * The file descriptors that a thread has open, in memory that outlives it: Node.js does not know of them, so who outlives the thread
 * closes them. A place is 0 when it is free.
 */
export class OpenSockets {
  readonly shared: SharedArrayBuffer;
  readonly #places: Int32Array;

  constructor(shared = new SharedArrayBuffer(most * Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#places = new Int32Array(shared);
  }

  /** What the operating system hands out is dense, so the number itself is the place to begin with. */
  add(fd: number): void {
    const free = this.#find(fd, 0);
    if (free >= 0) Atomics.store(this.#places, free, fd);
  }

  remove(fd: number): void {
    const place = this.#find(fd, fd);
    if (place >= 0) Atomics.store(this.#places, place, 0);
  }

  /** Empties the list. */
  takeAll(): number[] {
    const left = this.#places.filter((fd) => fd !== 0);
    this.#places.fill(0);
    return [...left];
  }

  #find(fd: number, value: number): number {
    for (let step = 0; step < most; step++) {
      const place = (fd + step) % most;
      if (Atomics.load(this.#places, place) === value) return place;
    }
    return -1;
  }
}
