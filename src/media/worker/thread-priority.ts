import { setPriority } from 'node:os';

/** Niceness of threads: ticks go first where there is not enough of the processor for all, handshakes last. */
const niceness = { ticks: -10, handshakes: 10 } as const;

/**
 * Gives this thread its place in the order of the threads. Answers false where that cannot be had: elsewhere than on Linux it would be that
 * of the whole process, and to go first takes a right (CAP_SYS_NICE, or LimitNICE of systemd).
 */
export function takePriority(work: keyof typeof niceness): boolean {
  if (process.platform !== 'linux') return false;
  try {
    setPriority(niceness[work]);
    return true;
  } catch {
    return false;
  }
}
