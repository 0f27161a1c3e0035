import type { SipAccount } from '../config/config.ts';
import { type Failure, fail, ok, type Result } from '../errors.ts';
import { lineFailed } from '../events.ts';
import type { Log } from '../log.ts';
import type { SipCall, SipEngine } from '../sip/engine.ts';
import type { AccountLoad } from './account-load.ts';
import type { DialPlan } from './dial-policy.ts';
import type { PhoneLine } from './phone-line.ts';

export interface DialLinesParts {
  /** The ways to place the call, best first. */
  readonly plans: readonly [DialPlan, ...DialPlan[]];
  /** Bare JID, told to the PBX. */
  readonly room: string;
  readonly sip: SipEngine;
  readonly load: AccountLoad;
  /** Whether a redirect may lead to a SIP URI with this account. */
  readonly mayFollow: (target: string, account: SipAccount) => boolean;
  readonly log: Log;
}

/**
 * The accounts that one outgoing call may take, one after the other: those that are up, then, as a last hope, those that are down. One
 * that has no place left or cannot be reached is passed over.
 */
export class DialLines {
  readonly #parts: DialLinesParts;
  readonly #left: DialPlan[];
  #release = (): void => {};
  #closed = false;
  #present: DialPlan | undefined;

  constructor(parts: DialLinesParts) {
    this.#parts = parts;
    const down = new Set(
      parts.sip
        .accounts()
        .filter(({ up }) => !up)
        .map(({ account }) => account),
    );
    const isDown = ({ account }: DialPlan): boolean => down.has(account.name);
    this.#left = [...parts.plans.filter((plan) => !isDown(plan)), ...parts.plans.filter(isDown)];
  }

  /** The way that the call takes now. */
  get present(): DialPlan | undefined {
    return this.#present;
  }

  /** The next account that takes the call; its place is kept until the next one or `close`. A failure is that of the first one. */
  async next(): Promise<Result<PhoneLine>> {
    this.#release();
    let first: Failure | undefined;
    for (let plan = this.#left.shift(); plan !== undefined && !this.#closed; plan = this.#left.shift()) {
      const line = await this.#take(plan);
      if (line.ok) return line;
      first ??= line.error;
      lineFailed(this.#parts.log, plan.account.name, line.error);
    }
    return { ok: false, error: first ?? { code: 'phone-unreachable', detail: 'no account is left' } };
  }

  /** The call is over. */
  close(): void {
    this.#closed = true;
    this.#release();
  }

  async #take(plan: DialPlan): Promise<Result<PhoneLine>> {
    const { load, sip } = this.#parts;
    const { account } = plan;
    const admitted = load.admit(account, 'out');
    if (!admitted.ok) return admitted;
    const address = await sip.localAddressFor(account).catch((error) => fail('internal', String(error)));
    if (!address.ok || this.#closed) {
      admitted.value();
      return address.ok ? fail('hangup') : address;
    }
    this.#release = admitted.value;
    this.#present = plan;
    return ok({ profile: account.profile, address: address.value, place: (sdp) => this.#place(plan, sdp) });
  }

  #place({ account, target, headers }: DialPlan, sdp: string): SipCall {
    const { sip, room, mayFollow } = this.#parts;
    return sip.invite(target, {
      account,
      sdp,
      headers: [{ name: 'Jitsi-Conference-Room', value: room }, ...headers],
      noAnswerSeconds: account.profile.noAnswerSeconds,
      impatient: this.#left.length > 0,
      mayFollow: (redirected) => mayFollow(redirected, account),
    });
  }
}
