import { createHook } from 'node:async_hooks';
import { isMainThread } from 'node:worker_threads';

/** Node loads this into a process under test with `--import`; on SIGUSR2 it prints `{"event":"timers","count":…}`. */

const timers = new Set<number>();

if (isMainThread) {
  // Every timer, those that do not hold the process too: `process.getActiveResourcesInfo()` knows only the others.
  createHook({
    init: (id, type) => {
      if (type === 'Timeout') timers.add(id);
    },
    destroy: (id) => timers.delete(id),
  }).enable();
  process.on('SIGUSR2', () => process.stdout.write(`{"event":"timers","count":${timers.size}}\n`));
}
