import type { SipAccount } from '../config/config.ts';
import { fail, ok, type Result } from '../errors.ts';
import { SourceLimiter } from '../sip/token-bucket.ts';

/** Calls of one account that are running or being set up. */
export interface AccountCalls {
  readonly account: string;
  readonly incoming: number;
  readonly outgoing: number;
}

type Direction = 'in' | 'out';

/** Counts the calls of each account and keeps them below its limits. */
export class AccountLoad {
  readonly #running = new Map<string, Record<Direction, number>>();
  readonly #rates = new Map<string, SourceLimiter>();
  readonly #now: () => number;

  /** `now` in milliseconds; for tests. */
  constructor(accounts: readonly SipAccount[], now: () => number = () => performance.now()) {
    this.#now = now;
    for (const { name, profile } of accounts) {
      const { outgoingPerSecond } = profile.limits;
      this.#running.set(name, { in: 0, out: 0 });
      if (outgoingPerSecond !== undefined) {
        const limit = { perSecond: outgoingPerSecond, burst: outgoingPerSecond };
        this.#rates.set(name, new SourceLimiter(limit));
      }
    }
  }

  get calls(): readonly AccountCalls[] {
    return [...this.#running].map(([account, { in: incoming, out: outgoing }]) => ({
      account,
      incoming,
      outgoing,
    }));
  }

  /** Takes a place for a call, or says why there is none. What it gives takes the place back, once. */
  admit({ name, profile }: SipAccount, direction: Direction): Result<() => void> {
    const running = this.#running.get(name) ?? { in: 0, out: 0 };
    this.#running.set(name, running);
    const limit = direction === 'in' ? profile.limits.incoming : profile.limits.outgoing;
    if (limit !== undefined && running[direction] >= limit)
      return fail('over-capacity', `account ${name}: ${running[direction]} calls ${direction}`);
    if (direction === 'out' && this.#rates.get(name)?.admit(name, this.#now()) === false)
      return fail('over-capacity', `account ${name}: too many calls in one second`);
    running[direction] += 1;
    let taken = true;
    return ok(() => {
      if (taken) running[direction] -= 1;
      taken = false;
    });
  }
}
