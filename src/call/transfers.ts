import type { Config, SipAccount } from '../config/config.ts';
import { fail, failure, ok, type Result } from '../errors.ts';
import type { Log } from '../log.ts';
import type { SipCall, SipEngine, TransferRequest } from '../sip/engine.ts';
import type { AccountLoad } from './account-load.ts';
import type { Call } from './call.ts';
import type { PhoneLegParts } from './phone-leg.ts';
import type { PhoneLine } from './phone-line.ts';
import { judgeTransfer } from './transfer-policy.ts';

export interface TransfersParts {
  readonly config: Config;
  readonly sip: SipEngine;
  readonly load: AccountLoad;
  readonly log: Log;
}

/** What the PBX may do with a phone that is in a call: let us call another one in its place, or put one in its place itself. */
export class Transfers {
  readonly #parts: TransfersParts;

  constructor(parts: TransfersParts) {
    this.#parts = parts;
  }

  /** Judges the transfers of a call. `room`: bare JID, told to the PBX as in other outgoing calls. */
  judgeFor(room: string): NonNullable<PhoneLegParts['transfer']> {
    return (request, sip) => this.#judge(request, sip.account, room);
  }

  /** Gives an INVITE with Replaces to the call that it names. A failure is the reason to refuse it. */
  async takeOver(sip: SipCall, call: Call | undefined): Promise<Result<void>> {
    if (sip.account.profile.transfer === 'off')
      return fail('destination-refused', 'the account does not transfer');
    if (call === undefined) return fail('phone-not-found', 'the call that it replaces is over');
    try {
      return await call.takeOver(sip);
    } catch (error) {
      this.#parts.log.error({ event: 'call-bug', err: error }, 'a takeover broke');
      return { ok: false, error: failure('internal', String(error)) };
    }
  }

  /** The new call takes a place of the account for as long as its dialog lasts: the limits of outgoing calls hold for it. */
  #judge(request: TransferRequest, account: SipAccount, room: string): Result<PhoneLine['place']> {
    const allowed = this.#mayCall(request.target, account);
    if (!allowed.ok) return allowed;
    const place = this.#parts.load.admit(account, 'out');
    if (!place.ok) return place;
    return ok((sdp) => {
      const sip = this.#parts.sip.invite(request.target, {
        account,
        sdp,
        headers: [{ name: 'Jitsi-Conference-Room', value: room }],
        noAnswerSeconds: account.profile.noAnswerSeconds,
        mayFollow: (target) => this.#mayCall(target, account).ok,
        replaces: request.replaces,
        referredBy: request.referredBy,
      });
      sip.once('ended', place.value);
      return sip;
    });
  }

  #mayCall(target: string, account: SipAccount): Result<void> {
    const { accounts, routes = [] } = this.#parts.config.sip;
    return judgeTransfer(target, account, { headers: [], accounts, routes });
  }
}
