import { defaultAdmission } from './admission.ts';
import { drachtio } from './drachtio-options.ts';
import * as kinds from './kinds.ts';
import { type Option, optional, withDefault } from './option.ts';

export type { Option } from './option.ts';

const xmpp = {
  'xmpp.domain': optional(kinds.domainName, 'XMPP domain of the Jitsi Meet installation', {
    flag: 'domain',
    environment: ['XMPP_DOMAIN'],
    properties: ['sip:DOMAIN_BASE', 'jabber:DOMAIN_BASE'],
    fallbackText: 'required',
  }),
  'xmpp.subdomain': withDefault(kinds.domainName, 'callcontrol', 'Subdomain of the component', {
    flag: 'subdomain',
    environment: ['JIGASI_COMPONENT_SUBDOMAIN'],
  }),
  'xmpp.secret': optional(kinds.secret, 'Secret shared with Prosody (`component_secret`)', {
    flag: 'secret',
    environment: ['JIGASI_COMPONENT_SECRET'],
    fallbackText: 'required',
    secret: true,
  }),
  'xmpp.host': withDefault(kinds.hostOrAddress, '127.0.0.1', 'Where Prosody listens for components', {
    flag: 'host',
    environment: ['XMPP_SERVER'],
    properties: ['jabber:SERVER_ADDRESS'],
  }),
  'xmpp.port': withDefault(kinds.port, 5347, 'Prosody’s component port', {
    flag: 'port',
    environment: ['JIGASI_COMPONENT_PORT', 'XMPP_PORT'],
  }),
  'xmpp.mucDomain': optional(kinds.domainName, 'Domain of the conference rooms', {
    environment: ['XMPP_MUC_DOMAIN'],
    properties: ['jigasi:MUC_SERVICE_ADDRESS'],
    fallbackText: '`conference.<domain>`',
  }),
  'xmpp.internalMucDomain': optional(kinds.domainName, 'Domain of the brewery room', {
    environment: ['XMPP_INTERNAL_MUC_DOMAIN'],
    fallbackText: '`internal.auth.<domain>`',
  }),
  'xmpp.focusJid': optional(kinds.bareJidOrDomain, 'Where conference requests go', {
    environment: ['JIGASI_FOCUS_JID'],
    fallbackText: '`focus.<domain>`',
  }),
  'xmpp.brewery': optional(kinds.room, 'Room in which Jicofo finds its gateways: bare name or JID', {
    environment: ['JIGASI_BREWERY_MUC'],
    properties: ['jabber:BREWERY'],
    fallbackText: 'none: a plain component',
  }),
  'xmpp.region': optional(kinds.text, 'Region that is published in the brewery', {
    environment: ['JIGASI_LOCAL_REGION'],
    properties: ['jigasi:LOCAL_REGION'],
  }),
};

const sip = {
  'sip.engine': withDefault(
    kinds.oneOf(['embedded', 'drachtio']),
    'embedded',
    'Who speaks SIP: this process, or a drachtio-server (docs/drachtio.md)',
    { flag: 'sip-engine', environment: ['JIGASI_SIP_ENGINE'] },
  ),
  'sip.uri': optional(kinds.sipUri, 'SIP address of the account, `user@domain`', {
    environment: ['JIGASI_SIP_URI'],
    properties: ['sip:USER_ID'],
    fallbackText: 'required',
  }),
  'sip.password': optional(kinds.secret, 'Password of the account', {
    environment: ['JIGASI_SIP_PASSWORD'],
    properties: ['sip:PASSWORD'],
    fallbackText: 'required when registering',
    secret: true,
  }),
  'sip.server': optional(kinds.hostOrAddress, 'Registrar and outbound proxy', {
    environment: ['JIGASI_SIP_SERVER'],
    properties: ['sip:PROXY_ADDRESS', 'sip:SERVER_ADDRESS'],
    fallbackText: 'the domain of `sip.uri`',
  }),
  'sip.port': optional(kinds.port, 'Port of the server', {
    environment: ['JIGASI_SIP_PORT'],
    properties: ['sip:PROXY_PORT', 'sip:SERVER_PORT'],
    fallbackText: 'what DNS says (SRV), else 5060, with TLS 5061',
  }),
  'sip.backupServers': optional(
    kinds.servers,
    'Servers, best first, that are tried when `sip.server` does not answer or says 503; `host` or `host:port`',
    { environment: ['JIGASI_SIP_BACKUP_SERVERS'], fallbackText: 'none' },
  ),
  'sip.transport': withDefault(kinds.oneOf(['udp', 'tcp', 'tls']), 'udp', 'Transport towards the server', {
    environment: ['JIGASI_SIP_TRANSPORT'],
    properties: ['sip:PREFERRED_TRANSPORT'],
  }),
  'sip.register': withDefault(kinds.switched, true, '`false`: a trunk without registration', {
    environment: ['JIGASI_SIP_REGISTER'],
  }),
  'sip.expiresSeconds': withDefault(
    kinds.wholeNumber(60, 86_400),
    600,
    'Asked lifetime of the registration',
    {
      environment: ['JIGASI_SIP_EXPIRES'],
    },
  ),
  'sip.checkSeconds': withDefault(
    kinds.wholeNumber(5, 86_400),
    25,
    'A registration is renewed at the latest after this, so that a registrar that lost its table is noticed',
    { environment: ['JIGASI_SIP_CHECK_SECONDS'] },
  ),
  'sip.authUser': optional(kinds.text, 'User name for authentication, when it differs', {
    environment: ['JIGASI_SIP_AUTH_USER'],
    properties: ['sip:AUTHORIZATION_NAME'],
    fallbackText: 'the user of `sip.uri`',
  }),
  'sip.displayName': optional(kinds.text, 'Display name in calls to the PBX', {
    environment: ['JIGASI_SIP_DISPLAY_NAME'],
    properties: ['sip:DISPLAY_NAME'],
  }),
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
  'sip.callerUser': optional(kinds.text, 'Callers from unknown addresses must prove to be this user', {
    environment: ['JIGASI_SIP_CALLER_USER'],
    fallbackText: 'none: nothing has to be proven',
  }),
  'sip.callerPassword': optional(kinds.secret, 'Password of `sip.callerUser`', {
    environment: ['JIGASI_SIP_CALLER_PASSWORD'],
    secret: true,
  }),
  'sip.defaultRoom': optional(kinds.room, 'Room of calls that name none: bare name or JID', {
    environment: ['JIGASI_SIP_DEFAULT_ROOM'],
    properties: ['jigasi:DEFAULT_JVB_ROOM_NAME'],
    fallbackText: 'none: such calls get 404',
  }),
  'sip.roomHeaders': withDefault(
    kinds.headerNames,
    ['Jitsi-Conference-Room', 'X-Room-Name'],
    'Headers of an INVITE that name the room; the first one found counts',
    { environment: ['JIGASI_SIP_ROOM_HEADERS'], properties: ['sip:JITSI_MEET_ROOM_HEADER_NAME'] },
  ),
  'sip.passwordHeaders': withDefault(
    kinds.headerNames,
    ['Jitsi-Conference-Room-Pass', 'X-Room-Pass'],
    'Headers of an INVITE that hold the room’s password',
    { environment: ['JIGASI_SIP_PASSWORD_HEADERS'], properties: ['sip:JITSI_MEET_ROOM_PASS_HEADER_NAME'] },
  ),
  'sip.forwardedHeaders': withDefault(
    kinds.headerPatterns,
    ['X-outbound-call-initiator-*'],
    'Headers of a dial request that are passed on to the INVITE',
    { environment: ['JIGASI_SIP_FORWARDED_HEADERS'] },
  ),
  'sip.outboundPrefix': optional(kinds.dialPrefix, 'Put before every dialled number', {
    environment: ['JIGASI_SIP_OUTBOUND_PREFIX'],
    properties: ['sip:OUTBOUND_PREFIX'],
  }),
  'sip.noAnswerSeconds': withDefault(
    kinds.wholeNumber(1, 600),
    60,
    'An outgoing call that nobody answers ends after this',
    { environment: ['JIGASI_SIP_NO_ANSWER_SECONDS'] },
  ),
  'sip.sessionSeconds': withDefault(
    kinds.seconds(90, 86_400),
    1800,
    'A call that was not refreshed for so long is over (RFC 4028); 0: only when the PBX wants that',
    { environment: ['JIGASI_SIP_SESSION_SECONDS'] },
  ),
  'sip.codecs': withDefault(
    kinds.someOf(['opus', 'G722', 'PCMU', 'PCMA']),
    ['opus', 'G722', 'PCMU', 'PCMA'],
    'Codecs that are used with the PBX, best first',
    { environment: ['JIGASI_SIP_CODECS'] },
  ),
  'sip.codecOrder': withDefault(
    kinds.oneOf(['theirs', 'ours']),
    'theirs',
    'Whose order counts when the PBX offers several codecs (RFC 3264 §6.1 asks for theirs)',
    { environment: ['JIGASI_SIP_CODEC_ORDER'] },
  ),
  'sip.dtmf': withDefault(
    kinds.oneOfSpelled(['auto', 'rfc4733', 'info', 'inband'], {
      AUTO_DTMF: 'auto',
      RTP_DTMF: 'rfc4733',
      SIP_INFO_DTMF: 'info',
      INBAND_DTMF: 'inband',
    }),
    'auto',
    'How digits reach the phone; `auto`: RFC 4733 if the PBX can, else tones in the audio',
    { environment: ['JIGASI_SIP_DTMF'], properties: ['sip:DTMF_METHOD'] },
  ),
  'sip.detectTones': withDefault(
    kinds.switched,
    false,
    'Hear digits in the audio of phones that do not send them as RFC 4733',
    { environment: ['JIGASI_SIP_DETECT_TONES'] },
  ),
  'sip.srtp': withDefault(
    kinds.oneOfSpelled(['off', 'optional', 'required'], {
      false: 'off',
      true: 'optional',
      0: 'off',
      1: 'optional',
    }),
    'off',
    'Encrypted audio with the PBX (SRTP with keys in SDP, RFC 4568)',
    { environment: ['JIGASI_SIP_SRTP', 'JIGASI_ENABLE_SDES_SRTP'], properties: ['sip:SDES_ENABLED'] },
  ),
  'sip.allowedSources': optional(
    kinds.addressRanges,
    'Addresses and ranges that may send requests, besides the server',
    { environment: ['JIGASI_SIP_ALLOWED_SOURCES'], fallbackText: 'none: all may' },
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

const media = {
  'media.minPort': withDefault(kinds.port, 10_000, 'First UDP port of media (RTP, RTCP, ICE)', {
    flag: 'min-port',
    environment: ['JIGASI_PORT_MIN'],
  }),
  'media.maxPort': withDefault(kinds.port, 20_000, 'Last UDP port of media; a call needs three', {
    flag: 'max-port',
    environment: ['JIGASI_PORT_MAX'],
  }),
  'media.address': withDefault(kinds.localAddress, '0.0.0.0', 'Local address of media', {
    environment: ['JIGASI_MEDIA_ADDRESS'],
  }),
  'media.publicAddress': optional(kinds.publicAddress, 'Address in SDP behind a 1:1 NAT', {
    environment: ['JIGASI_MEDIA_PUBLIC_ADDRESS', 'JIGASI_PUBLIC_ADDRESS'],
  }),
  'media.stunServer': optional(kinds.stunServer, 'STUN server, `host:port`', {
    environment: ['JIGASI_STUN_SERVER'],
    fallbackText: 'none: none is ever contacted',
  }),
  'media.workers': optional(kinds.wholeNumber(1, 256), 'Threads that process media', {
    environment: ['JIGASI_MEDIA_WORKERS'],
    fallbackText: 'cores − 1, at least 1',
  }),
};

const call = {
  'call.roomLostSeconds': withDefault(
    kinds.wholeNumber(1, 3600),
    30,
    'A call whose conference is gone is kept so long',
    { environment: ['JIGASI_ROOM_LOST_SECONDS'] },
  ),
  'call.invitationSeconds': withDefault(
    kinds.wholeNumber(1, 600),
    30,
    'So long Jicofo may take to invite into a room with others (`JIGASI_JVB_TIMEOUT`: in milliseconds)',
    {
      environment: ['JIGASI_INVITATION_SECONDS', 'JIGASI_JVB_TIMEOUT'],
      properties: ['jigasi:JVB_INVITE_TIMEOUT'],
    },
  ),
  'call.aloneAnswerMs': withDefault(
    kinds.wholeNumber(0, 60_000),
    2000,
    'The first caller in a room is answered after this (milliseconds)',
    { environment: ['JIGASI_ALONE_ANSWER_MS'] },
  ),
  'call.maxCalls': withDefault(kinds.wholeNumber(1, 10_000), 100, 'Calls at one time; more are refused', {
    environment: ['JIGASI_MAX_CALLS'],
  }),
  'call.soundsDirectory': optional(
    kinds.directory,
    'Prompts that replace ours: `<language>/<name>.opus` or `.wav` (48 kHz is best)',
    { environment: ['JIGASI_SOUNDS_DIRECTORY'], fallbackText: 'ours alone' },
  ),
  'call.language': withDefault(kinds.language, 'en', 'Language of the prompts: the folder they are in', {
    environment: ['JIGASI_LANGUAGE'],
  }),
};

const log = {
  'log.level': withDefault(
    kinds.oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace']),
    'info',
    'Least important level that is logged',
    { flag: 'log-level', environment: ['JIGASI_LOG_LEVEL'] },
  ),
  'log.format': withDefault(
    kinds.oneOf(['auto', 'json', 'pretty']),
    'auto',
    '`auto`: pretty on a terminal, else JSON',
    {
      flag: 'log-format',
      environment: ['JIGASI_LOG_FORMAT'],
    },
  ),
};

export const options = { ...xmpp, ...sip, ...drachtio, ...media, ...call, ...log };

/** `section.name`, also the place in the YAML file. */
export type OptionKey = keyof typeof options;

/** What reading an option gives: its value, or its fallback. */
export type OptionValue<K extends OptionKey> =
  (typeof options)[K] extends Option<infer T, infer Fallback> ? T | Fallback : never;

export const optionKeys = Object.keys(options) as OptionKey[];
