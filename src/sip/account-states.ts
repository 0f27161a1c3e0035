import type { SipAccount } from '../config/config.ts';
import { accountChanged } from '../events.ts';
import type { Log } from '../log.ts';
import type { AccountState, Registration, ServerState } from './engine.ts';

export interface AccountStatesOptions {
  readonly accounts: readonly SipAccount[];
  /** The servers of an account that are known; empty: none can be found; undefined: nobody has looked yet. */
  readonly servers: (account: SipAccount) => readonly ServerState[] | undefined;
  readonly log: Log;
}

/** What is known about each account: its registration, its servers, and whether calls may go by it. */
export class AccountStates {
  readonly #options: AccountStatesOptions;
  readonly #registrations = new Map<string, Registration>();
  readonly #wasUp = new Map<string, boolean>();

  constructor(options: AccountStatesOptions) {
    this.#options = options;
  }

  get all(): readonly AccountState[] {
    return this.#options.accounts.map((account) => this.#stateOf(account));
  }

  /** The account's registration from now on. */
  registers({ name }: SipAccount, registration: Registration): void {
    this.#registrations.set(name, registration);
    registration.on('registered', () => this.review());
    registration.on('failed', () => this.review());
  }

  /** Something happened that may have changed an account: says so in the log. */
  review(): void {
    for (const state of this.all) {
      const { account, up } = state;
      if (up !== (this.#wasUp.get(account) ?? true)) accountChanged(this.#options.log, state);
      this.#wasUp.set(account, up);
    }
  }

  #stateOf(account: SipAccount): AccountState {
    const registration = this.#registrations.get(account.name);
    const servers = this.#options.servers(account);
    const served = servers === undefined || servers.some(({ up }) => up);
    return {
      account: account.name,
      registration: registration?.state ?? 'none',
      failure: registration?.failure,
      servers: servers ?? [],
      up: served && registration?.state !== 'failed',
    };
  }
}
