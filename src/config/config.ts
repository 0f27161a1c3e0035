/** The one frozen configuration that every room receives. It is made by `load.ts`; nothing else reads the environment. */
export interface Config {
  readonly xmpp: XmppConfig;
  readonly sip: SipConfig;
  readonly media: MediaConfig;
  readonly call: CallConfig;
  readonly log: LogConfig;
}

export interface XmppConfig {
  /** XMPP domain of the Jitsi Meet installation, e.g. `meet.example`. */
  readonly domain: string;
  /** JID of the component: `<subdomain>.<domain>`. */
  readonly componentDomain: string;
  /** Shared secret of XEP-0114. */
  readonly secret: string;
  /** Where Prosody listens for components. */
  readonly host: string;
  readonly port: number;
  /** Domain of the conference rooms, e.g. `conference.meet.example` or `muc.meet.example`. */
  readonly mucDomain: string;
  /** Where conference requests go, e.g. `focus.meet.example`. */
  readonly focusJid: string;
  /** The brewery room's full JID, e.g. `jigasibrewery@internal.auth.meet.example`; undefined: a plain component. */
  readonly brewery: string | undefined;
  /** Region published in the brewery. */
  readonly region: string | undefined;
}

export type SipTransport = 'udp' | 'tcp' | 'tls';

export interface SipConfig {
  readonly listen: {
    readonly address: string;
    readonly port: number;
    /** IPv6 beside an IPv4 `address`, on the same ports. */
    readonly address6?: string | undefined;
    /** Of TLS. Default 5061. */
    readonly tlsPort?: number;
    readonly transports: readonly SipTransport[];
  };
  readonly tls?: SipTls;
  /** Address that peers shall use for us in Contact and Via instead of the local one (1:1 NAT). */
  readonly publicAddress: string | undefined;
  /** The same in SDP: `media.publicAddress`. */
  readonly mediaAddress?: string | undefined;
  /** Addresses and CIDR ranges of peers that reach us without a NAT: they get our local addresses. */
  readonly localNetworks?: readonly string[];
  /** Seconds between OPTIONS to each server of the accounts, when there are several; 0: never. Default 30. */
  readonly pingSeconds?: number;
  /** The first one is taken where nothing says which. */
  readonly accounts: readonly [SipAccount, ...SipAccount[]];
  /** Which accounts a dialled number may use; the first rule that fits decides. Empty: the first account, for every number. */
  readonly routes?: readonly DialRoute[];
  /** Who may speak to us; without it `defaultAdmission` holds. */
  readonly admission?: SipAdmission;
  /** Who speaks SIP: this process, or a drachtio-server that we are attached to. Default `embedded`. */
  readonly engine?: 'embedded' | 'drachtio';
  /** Set with the engine `drachtio`. */
  readonly drachtio?: DrachtioConfig;
}

export interface DrachtioConfig {
  /** `inbound`: we connect to the servers. `outbound`: they connect to us with each call; what we send still goes by `servers`. */
  readonly mode: 'inbound' | 'outbound';
  /** At least one with `inbound`. */
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** Where we listen with `outbound`. */
  readonly listen: { readonly address: string; readonly port: number };
  /** Shared with the servers. */
  readonly secret: string;
  /** By which a server's request handler chooses among gateways. */
  readonly tags: readonly string[];
  /** The registration belongs to all gateways of a server: who stops does not take it back. */
  readonly keepRegistration: boolean;
}

/** What is decided about a SIP message by its source, before it is parsed. */
export interface SipAdmission {
  /** Addresses and CIDR ranges that are no strangers, of all accounts. The servers of the accounts never are. */
  readonly allowedSources: readonly string[];
  /** True: strangers may send requests too, as an account takes them. Default: true without `allowedSources`. */
  readonly open?: boolean;
  /** Parts of User-Agent values (case does not matter) that are never served. */
  readonly blockedAgents: readonly string[];
  /** Those who may not, and scanners: answered with 403, or not at all. What is over its rate is never answered. */
  readonly refusal: 'reject' | 'silent';
  /** Messages of one listed source or of an account's server; twice as many at once. */
  readonly messagesPerSecond: number;
  /** The same for one source that is not listed. */
  readonly strangerMessagesPerSecond: number;
  /** New calls from one source that is not listed; four times as many at once. More get 503. */
  readonly strangerCallsPerSecond: number;
}

/** `optional`: offered and accepted. `required`: a peer without it gets no call. */
export type SrtpPolicy = 'off' | 'optional' | 'required';

export type Codec = 'opus' | 'G722' | 'PCMU' | 'PCMA';

/** An account at a PBX or carrier, or a trunk without registration: who we are there, where it is, and how its calls are led. */
export interface SipAccount {
  /** In the log, in metrics and in `routes`. Unique. */
  readonly name: string;
  /** User part of the address of record. */
  readonly user: string;
  /** Domain of the address of record; outgoing calls go to `sip:<number>@<domain>`. */
  readonly domain: string;
  /** User name for digest when it differs from `user`. */
  readonly authUser: string;
  readonly password: string | undefined;
  readonly displayName: string | undefined;
  /** Those who are called do not learn who we are (RFC 3323, RFC 3325); the server does. Default false. */
  readonly anonymous?: boolean;
  /** Registrar and outbound proxy. */
  readonly server: string;
  /** Undefined: as DNS says (RFC 3263), else the default of the transport. */
  readonly port: number | undefined;
  /** Tried in this order when `server` does not answer or says 503. */
  readonly backupServers?: readonly SipServer[];
  readonly transport: SipTransport;
  /** False: a plain trunk, calls only. */
  readonly register: boolean;
  readonly expiresSeconds: number;
  /** Longest time between two REGISTERs: so soon a registrar that lost its table is noticed. Default 25. */
  readonly checkSeconds?: number;
  /** Calls are refreshed in this time (RFC 4028), seconds; 0: only when the peer wants it. Default 1800. */
  readonly sessionSeconds?: number;
  /** Addresses and CIDR ranges that calls may come from beside the servers; empty: all may call. */
  readonly allowedSources?: readonly string[];
  /** What callers from unknown addresses must prove to know (RFC 7616); undefined: nothing. */
  readonly callers?: { readonly user: string; readonly password: string } | undefined;
  readonly profile: CallProfile;
}

/** How the calls of an account are led. */
export interface CallProfile {
  /** Room of incoming calls that name none: bare name or JID. */
  readonly defaultRoom: string | undefined;
  /** Header names, compared without case, first match wins. */
  readonly roomHeaders: readonly string[];
  readonly passwordHeaders: readonly string[];
  /** Names of dial headers that are passed on to the INVITE (lower case; a trailing `*` matches any rest). */
  readonly forwardedHeaders: readonly string[];
  readonly rewriting: NumberRewriting;
  readonly limits: AccountLimits;
  /** An outgoing call that nobody answers ends after this. */
  readonly noAnswerSeconds: number;
  /** Codecs in order of preference. */
  readonly codecs: readonly Codec[];
  /** Whose order counts in answers; default `theirs` (RFC 3264 §6.1). */
  readonly codecOrder?: 'theirs' | 'ours';
  /** How digits reach the phone; default `auto`: RFC 4733, else tones. */
  readonly dtmf?: 'auto' | 'rfc4733' | 'info' | 'inband';
  /** Hear digits in the audio of phones that do not negotiate RFC 4733; default false. */
  readonly detectTones?: boolean;
  /** What a phone hears that holds with `sendonly`: `off` (default) nothing, `on` our music, else the sound file of this path. */
  readonly holdMusic?: string;
  /** Callers hear prompts before the answer; default false. */
  readonly earlyMedia?: boolean;
  /** SRTP with keys in SDP (RFC 4568); default `off`. */
  readonly srtp?: SrtpPolicy;
  /** Where the PBX may transfer a phone to (RFC 3515); `off` forbids takeovers (RFC 3891), too. Default `own-domain`. */
  readonly transfer?: 'off' | 'own-domain' | 'any';
}

/** From the number that was dialled to the one that the account wants, in this order. */
export interface NumberRewriting {
  /** So many characters are taken from its beginning. */
  readonly strip: number;
  /** The first one whose `from` begins the number puts `to` in its place. */
  readonly changes: readonly { readonly from: string; readonly to: string }[];
  /** Put before it. */
  readonly prefix: string;
}

/** Undefined: no limit of its own. */
export interface AccountLimits {
  /** Calls at one time. */
  readonly incoming: number | undefined;
  readonly outgoing: number | undefined;
  /** Outgoing calls that may begin in one second. */
  readonly outgoingPerSecond: number | undefined;
}

/** A rule for dialled numbers; it fits when everything that it names does. */
export interface DialRoute {
  /** Beginnings of the number, `?` is any digit; empty: every number. */
  readonly prefixes: readonly string[];
  /** Domains that the dialled URI may name, lower case; empty: none or that of the account. */
  readonly domains: readonly string[];
  /** A header of the dial request; `value` undefined: it must only be there. */
  readonly header: { readonly name: string; readonly value: string | undefined } | undefined;
  /** Names of accounts, best first: one that is down or full is passed over. */
  readonly accounts: readonly string[];
}

/** PEM files; they are read again when they change, and connections that are open stay so. */
export interface SipTls {
  /** Our certificate with its chain, shown by the listener and, when asked, to servers. */
  readonly certificateFile?: string | undefined;
  /** Its private key; undefined: in `certificateFile`. */
  readonly keyFile?: string | undefined;
  /** Authorities that we trust beside the publicly known ones. */
  readonly caFile?: string | undefined;
  /** False: any certificate of a server is taken. Default true. */
  readonly verify?: boolean;
  /** True: who connects to us must show a certificate that we trust. Default false. */
  readonly verifyClients?: boolean;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

export interface SipServer {
  readonly host: string;
  readonly port: number | undefined;
}

export interface MediaConfig {
  /** Bounds of every UDP port that carries media (SIP RTP/RTCP and ICE), inclusive. */
  readonly minPort: number;
  readonly maxPort: number;
  /** Local address for media sockets; `0.0.0.0` binds all. */
  readonly address: string;
  /** Address announced in SDP instead of the local one (1:1 NAT). */
  readonly publicAddress: string | undefined;
  /** `host:port` of a STUN server; undefined: none is ever contacted. */
  readonly stunServer: string | undefined;
  /** False: libopus as WebAssembly, node:dgram and node:crypto, whatever the system has. Default true. */
  readonly systemLibraries?: boolean;
  /** Number of media worker threads. */
  readonly workers: number;
}

export interface CallConfig {
  /** A call whose room leg is gone ends after this. */
  readonly roomLostSeconds: number;
  /** Others are in the room and no session-initiate came: the call ends after this. */
  readonly invitationSeconds: number;
  /** Alone in the room: the phone is answered after this. */
  readonly aloneAnswerMs: number;
  /** Calls at one time; more are refused. */
  readonly maxCalls: number;
  /** Prompts of the operator; undefined: only our own. */
  readonly soundsDirectory?: string | undefined;
  /** Folder of the prompts; default `en`. */
  readonly language?: string;
}

export interface LogConfig {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty';
}
