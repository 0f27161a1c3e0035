import type { SipAdmission } from './config.ts';

/** What holds for SIP without a configuration: everybody may call, strangers slowly, known scanners not at all. */
export const defaultAdmission: SipAdmission = {
  allowedSources: [],
  blockedAgents: [
    'friendly-scanner',
    'iWar',
    'pplsip',
    'sip-scan',
    'sipcli',
    'sipvicious',
    'smap',
    'sundayddr',
    'VaxSIPUserAgent',
  ],
  refusal: 'silent',
  messagesPerSecond: 2_000,
  strangerMessagesPerSecond: 100,
  strangerCallsPerSecond: 5,
};
