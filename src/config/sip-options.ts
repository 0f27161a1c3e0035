import { defaultAdmission } from './admission.ts';
import * as kinds from './kinds.ts';
import { optional, withDefault } from './option.ts';

/** What holds for SIP as a whole, whichever account a call belongs to. */
export const sip = {
  'sip.engine': withDefault(
    kinds.oneOf(['embedded', 'drachtio']),
    'embedded',
    'Who speaks SIP: this process, or a drachtio-server (docs/drachtio.md)',
    { flag: 'sip-engine', environment: ['JIGASI_SIP_ENGINE'] },
  ),
  'sip.listenAddress': withDefault(kinds.localAddress, '0.0.0.0', 'Local address of SIP', {
    environment: ['JIGASI_SIP_LISTEN_ADDRESS'],
  }),
  'sip.listenAddress6': optional(
    kinds.localAddress6,
    'Local IPv6 address of SIP beside the IPv4 one, `::` for all',
    {
      environment: ['JIGASI_SIP_LISTEN_ADDRESS6'],
    },
  ),
  'sip.listenTlsPort': withDefault(kinds.listenPort, 5061, 'Local port of SIP over TLS; 0: any', {
    environment: ['JIGASI_SIP_LISTEN_TLS_PORT'],
  }),
  'sip.tlsCertificate': optional(
    kinds.file,
    'PEM file with our certificate and its chain, for the listener and for servers that ask; changes are noticed',
    { environment: ['JIGASI_SIP_TLS_CERTIFICATE'] },
  ),
  'sip.tlsKey': optional(kinds.file, 'PEM file with the private key', {
    environment: ['JIGASI_SIP_TLS_KEY'],
    fallbackText: 'in the file of the certificate',
  }),
  'sip.tlsCa': optional(kinds.file, 'PEM file with authorities that are trusted beside the public ones', {
    environment: ['JIGASI_SIP_TLS_CA'],
  }),
  'sip.tlsVerify': withDefault(kinds.switched, true, '`false`: any certificate of the server is taken', {
    environment: ['JIGASI_SIP_TLS_VERIFY'],
  }),
  'sip.tlsVerifyClients': withDefault(
    kinds.switched,
    false,
    '`true`: who connects to us must show a certificate that we trust',
    { environment: ['JIGASI_SIP_TLS_VERIFY_CLIENTS'] },
  ),
  'sip.tlsMinVersion': withDefault(
    kinds.oneOf(['TLSv1.2', 'TLSv1.3']),
    'TLSv1.2',
    'Oldest TLS that is spoken',
    {
      environment: ['JIGASI_SIP_TLS_MIN_VERSION'],
    },
  ),
  'sip.listenPort': withDefault(kinds.listenPort, 5060, 'Local port of SIP; 0: any', {
    environment: ['JIGASI_SIP_LISTEN_PORT'],
  }),
  'sip.listenTransports': withDefault(
    kinds.someOf(['udp', 'tcp', 'tls']),
    ['udp', 'tcp'],
    'Transports that SIP listens on',
    {
      environment: ['JIGASI_SIP_LISTEN_TRANSPORTS'],
    },
  ),
  'sip.publicAddress': optional(kinds.publicAddress, 'Address in Contact and Via behind a 1:1 NAT', {
    environment: ['JIGASI_SIP_PUBLIC_ADDRESS', 'JIGASI_PUBLIC_ADDRESS'],
  }),
  'sip.localNetworks': optional(
    kinds.addressRanges,
    'Addresses and ranges (CIDR) of peers that reach us without NAT and get the local addresses',
    { environment: ['JIGASI_SIP_LOCAL_NETWORKS'] },
  ),
  'sip.pingSeconds': withDefault(
    kinds.seconds(5, 3_600),
    30,
    'Servers are asked with OPTIONS so often, when there are several; 0: never',
    { environment: ['JIGASI_SIP_PING_SECONDS'] },
  ),
  'sip.refusal': withDefault(
    kinds.oneOf(['silent', 'reject']),
    defaultAdmission.refusal,
    'What others and scanners get: nothing, or 403',
    { environment: ['JIGASI_SIP_REFUSAL'] },
  ),
  'sip.blockedAgents': withDefault(
    kinds.agentNames,
    defaultAdmission.blockedAgents,
    'Parts of User-Agent by which scanners are known',
    { environment: ['JIGASI_SIP_BLOCKED_AGENTS'] },
  ),
  'sip.messagesPerSecond': withDefault(
    kinds.wholeNumber(1, 100_000),
    defaultAdmission.messagesPerSecond,
    'SIP messages of the server, or of one allowed source; more are dropped',
    { environment: ['JIGASI_SIP_MESSAGES_PER_SECOND'] },
  ),
  'sip.strangerMessagesPerSecond': withDefault(
    kinds.wholeNumber(1, 100_000),
    defaultAdmission.strangerMessagesPerSecond,
    'SIP messages of one source that is not listed; more are dropped',
    { environment: ['JIGASI_SIP_STRANGER_MESSAGES_PER_SECOND'] },
  ),
  'sip.strangerCallsPerSecond': withDefault(
    kinds.wholeNumber(1, 10_000),
    defaultAdmission.strangerCallsPerSecond,
    'New calls of one source that is not listed; more get 503',
    { environment: ['JIGASI_SIP_STRANGER_CALLS_PER_SECOND'] },
  ),
};
