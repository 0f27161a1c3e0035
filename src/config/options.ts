import { account } from './account-options.ts';
import { drachtio } from './drachtio-options.ts';
import * as kinds from './kinds.ts';
import { type Option, optional, withDefault } from './option.ts';
import { sip } from './sip-options.ts';

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
  'media.systemLibraries': withDefault(
    kinds.switched,
    true,
    'Call this system’s libopus, sockets and OpenSSL directly where it has them; `false`: WebAssembly and Node.js alone, at twice the CPU',
    { environment: ['JIGASI_MEDIA_SYSTEM_LIBRARIES'] },
  ),
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

export const options = { ...xmpp, ...account, ...sip, ...drachtio, ...media, ...call, ...log };

/** `section.name`, also the place in the YAML file. */
export type OptionKey = keyof typeof options;

/** What reading an option gives: its value, or its fallback. */
export type OptionValue<K extends OptionKey> =
  (typeof options)[K] extends Option<infer T, infer Fallback> ? T | Fallback : never;

export const optionKeys = Object.keys(options) as OptionKey[];
