import { setTimeout as delay } from 'node:timers/promises';

/** Looks again and again (every 25 ms) until `look` returns something true; for states that send no event, such as open ports. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 15_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(25);
  }
}

/** An event within a time: `listen` calls its argument when it comes and returns what stops the listening. */
export function within<T>(
  what: () => string,
  timeoutMs: number,
  listen: (found: (value: T) => void) => () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      stop();
    };
    const timer = setTimeout(() => {
      settle();
      reject(new Error(`not within ${timeoutMs} ms: ${what()}`));
    }, timeoutMs);
    const stop = listen((value) => {
      settle();
      resolve(value);
    });
  });
}
