import * as kinds from './kinds.ts';
import { optional, withDefault } from './option.ts';

/** What each account has of its own. Given flat it describes the account `default` and is what other accounts start from. */
export const account = {
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
  'sip.anonymous': withDefault(
    kinds.switched,
    false,
    'Those who are called do not learn who we are: From is anonymous, with `Privacy: id`; only the server is told',
    { environment: ['JIGASI_SIP_ANONYMOUS'] },
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
  'sip.outboundPrefix': optional(kinds.dialPrefix, 'Put before every dialled number, last', {
    environment: ['JIGASI_SIP_OUTBOUND_PREFIX'],
    properties: ['sip:OUTBOUND_PREFIX'],
  }),
  'sip.stripDigits': withDefault(
    kinds.wholeNumber(0, 32),
    0,
    'So many characters are taken from the beginning of every dialled number, a + too',
    { environment: ['JIGASI_SIP_STRIP_DIGITS'] },
  ),
  'sip.changePrefixes': optional(
    kinds.prefixChanges,
    'Then the first of these that fits the beginning of the number is applied: `+49=0`, `+=00`, `00=+`',
    { environment: ['JIGASI_SIP_CHANGE_PREFIXES'] },
  ),
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
  'sip.holdMusic': withDefault(
    kinds.holdMusic,
    'off',
    'What a phone hears that holds with `sendonly`: nothing, our music (`on`), or the file of this path (Ogg Opus or WAVE)',
    { environment: ['JIGASI_SIP_HOLD_MUSIC'] },
  ),
  'sip.earlyMedia': withDefault(
    kinds.switched,
    false,
    'A caller hears before the answer that he has to wait, and why he is refused (183 with SDP)',
    { environment: ['JIGASI_SIP_EARLY_MEDIA'] },
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
  'sip.transfer': withDefault(
    kinds.oneOf(['off', 'own-domain', 'any']),
    'own-domain',
    'Where the PBX may transfer a phone to: nowhere, to its own domain and servers, or anywhere',
    { environment: ['JIGASI_SIP_TRANSFER'] },
  ),
  'sip.allowedSources': optional(
    kinds.addressRanges,
    'Addresses and ranges that may send requests, besides the server',
    { environment: ['JIGASI_SIP_ALLOWED_SOURCES'], fallbackText: 'none: all may' },
  ),
  'sip.incomingLimit': optional(kinds.wholeNumber(0, 10_000), 'Incoming calls at one time; more get 503', {
    environment: ['JIGASI_SIP_INCOMING_LIMIT'],
    fallbackText: 'none: `call.maxCalls` alone counts',
  }),
  'sip.outgoingLimit': optional(
    kinds.wholeNumber(0, 10_000),
    'Outgoing calls at one time; more take the next account of their rule, or are refused',
    { environment: ['JIGASI_SIP_OUTGOING_LIMIT'], fallbackText: 'none: `call.maxCalls` alone counts' },
  ),
  'sip.outgoingPerSecond': optional(
    kinds.wholeNumber(1, 1_000),
    'Outgoing calls that may begin in one second; more as with `sip.outgoingLimit`',
    { environment: ['JIGASI_SIP_OUTGOING_PER_SECOND'], fallbackText: 'none' },
  ),
};

type AccountOption = keyof typeof account;

export const accountKeys = Object.keys(account) as AccountOption[];

/** Who and where an account is: no account takes that from another one. */
export const ownKeys: ReadonlySet<AccountOption> = new Set<AccountOption>([
  'sip.uri',
  'sip.password',
  'sip.server',
  'sip.port',
  'sip.backupServers',
  'sip.authUser',
]);
