import type { CallProfile, SipAccount } from './config.ts';

/** For the tests of calls and of SIP. */

export const someProfile: CallProfile = {
  defaultRoom: undefined,
  roomHeaders: ['Jitsi-Conference-Room'],
  passwordHeaders: [],
  forwardedHeaders: [],
  rewriting: { strip: 0, changes: [], prefix: '' },
  limits: { incoming: undefined, outgoing: undefined, outgoingPerSecond: undefined },
  noAnswerSeconds: 60,
  codecs: ['PCMU'],
};

/** An account at a PBX on the loopback; nobody is at its port. */
export const someAccount: SipAccount = {
  name: 'default',
  user: 'gateway',
  domain: 'pbx.test',
  authUser: 'gateway',
  password: 'secret',
  displayName: 'Jitsi',
  server: '127.0.0.1',
  port: 9,
  transport: 'udp',
  register: false,
  expiresSeconds: 300,
  profile: someProfile,
};
