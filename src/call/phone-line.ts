import type { CallProfile } from '../config/config.ts';
import type { SipCall } from '../sip/engine.ts';

/** The account that a dialog goes by, as far as media are concerned. */
export interface Line {
  /** How the account's calls are led. */
  readonly profile: Pick<
    CallProfile,
    'codecs' | 'codecOrder' | 'dtmf' | 'detectTones' | 'holdMusic' | 'earlyMedia' | 'srtp'
  >;
  /** Address for the `c=` line. */
  readonly address: string;
}

/** An account that an outgoing call can be placed by. */
export interface PhoneLine extends Line {
  /** Sends the INVITE. */
  place(sdp: string): SipCall;
}
