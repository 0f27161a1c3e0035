import { isLoopback, isUnspecified } from './addresses.ts';
import { assembleAccounts, assembleRoutes, type SetAccount } from './assemble-accounts.ts';
import type {
  Config,
  DrachtioConfig,
  MediaConfig,
  SipAccount,
  SipAdmission,
  SipConfig,
  SipTls,
  XmppConfig,
} from './config.ts';
import type { Problem } from './problem.ts';
import type { Settings } from './settings.ts';
import type { Trunks } from './trunks-file.ts';

export interface Assembled {
  /** Complete only when there are no problems. */
  readonly config: Config;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Puts the settings together, works out the defaults that depend on others and checks what must fit together. */
export function assemble(settings: Settings, trunks: Trunks, cores: number): Assembled {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const xmpp = assembleXmpp(settings, problems);
  const config: Config = {
    xmpp,
    sip: assembleSip(settings, trunks, xmpp, problems),
    media: assembleMedia(settings, cores, problems),
    call: {
      roomLostSeconds: settings.value('call.roomLostSeconds'),
      invitationSeconds: settings.value('call.invitationSeconds'),
      aloneAnswerMs: settings.value('call.aloneAnswerMs'),
      maxCalls: settings.value('call.maxCalls'),
      soundsDirectory: settings.value('call.soundsDirectory'),
      language: settings.value('call.language'),
    },
    log: { level: settings.value('log.level'), format: settings.value('log.format') },
  };
  checkPorts(config, settings, warnings);
  return { config, problems: distinct(problems), warnings };
}

/** What accounts have from the flat settings would be reported once for each. */
function distinct(problems: readonly Problem[]): Problem[] {
  const texts = new Map(problems.map((problem) => [`${problem.from} ${problem.what}`, problem]));
  return [...texts.values()];
}

function assembleXmpp(settings: Settings, problems: Problem[]): XmppConfig {
  const domain = required(
    settings,
    'xmpp.domain',
    problems,
    'Give --domain or XMPP_DOMAIN, e.g. --domain meet.example.',
  );
  const secret = required(
    settings,
    'xmpp.secret',
    problems,
    'Give JIGASI_COMPONENT_SECRET (or --secret): the component_secret in the configuration of Prosody.',
  );
  const brewery = settings.value('xmpp.brewery');
  const internal = settings.value('xmpp.internalMucDomain') ?? `internal.auth.${domain}`;
  return {
    domain: domain ?? '',
    componentDomain: `${settings.value('xmpp.subdomain')}.${domain}`,
    secret: secret ?? '',
    host: settings.value('xmpp.host'),
    port: settings.value('xmpp.port'),
    mucDomain: settings.value('xmpp.mucDomain') ?? `conference.${domain}`,
    focusJid: settings.value('xmpp.focusJid') ?? `focus.${domain}`,
    brewery: brewery === undefined || brewery.includes('@') ? brewery : `${brewery}@${internal}`,
    region: settings.value('xmpp.region'),
  };
}

function assembleSip(settings: Settings, trunks: Trunks, xmpp: XmppConfig, problems: Problem[]): SipConfig {
  const listen = {
    address: settings.value('sip.listenAddress'),
    port: settings.value('sip.listenPort'),
    address6: settings.value('sip.listenAddress6'),
    tlsPort: settings.value('sip.listenTlsPort'),
    transports: settings.value('sip.listenTransports'),
  };
  const set = assembleAccounts(settings, trunks.accounts, problems);
  const tls = assembleTls(settings);
  if (listen.transports.includes('tls') && tls.certificateFile === undefined) {
    problems.push({
      from: settings.from('sip.listenTransports') ?? 'sip.listenTransports',
      what: 'TLS is to be listened on, but there is no certificate',
      remedy: 'Set JIGASI_SIP_TLS_CERTIFICATE and JIGASI_SIP_TLS_KEY, or remove tls from the list.',
    });
  }
  for (const { account, own } of set) {
    if (settings.value('sip.engine') === 'embedded') checkTransport(own, account, listen, problems);
    checkRoom(own, account, xmpp, problems);
  }
  const [{ account: first }, ...others] = set;
  const accounts = [first, ...others.map(({ account }) => account)] as const;
  return {
    listen,
    tls,
    publicAddress: settings.value('sip.publicAddress'),
    mediaAddress: settings.value('media.publicAddress'),
    localNetworks: settings.value('sip.localNetworks') ?? [],
    pingSeconds: settings.value('sip.pingSeconds'),
    accounts,
    routes: assembleRoutes(trunks.routes, accounts, problems),
    admission: assembleAdmission(settings, accounts),
    engine: settings.value('sip.engine'),
    ...(settings.value('sip.engine') === 'drachtio' && { drachtio: assembleDrachtio(settings, problems) }),
  };
}

/** `own` is what the account is made from. */
function checkTransport(
  own: SetAccount['own'],
  account: SipAccount,
  listen: SipConfig['listen'],
  problems: Problem[],
): void {
  const { transport } = account;
  // Over TLS our own connection to the server carries what comes from there.
  if (transport !== 'tls' && !listen.transports.includes(transport)) {
    problems.push({
      from: own.from('sip.listenTransports') ?? 'sip.listenTransports',
      what: `${transport} is missing, but the account uses it`,
      remedy: 'Add it to JIGASI_SIP_LISTEN_TRANSPORTS, or change JIGASI_SIP_TRANSPORT.',
    });
  }
  if (isOurselves(account, listen)) problems.push(portTwice(own, account));
}

function checkRoom(
  own: SetAccount['own'],
  { profile }: SipAccount,
  { domain, mucDomain }: XmppConfig,
  problems: Problem[],
): void {
  const roomDomain = profile.defaultRoom?.split('@')[1];
  if (roomDomain === undefined || domain === '' || roomDomain === mucDomain) return;
  problems.push({
    from: own.from('sip.defaultRoom') ?? 'sip.defaultRoom',
    what: `the room is on ${roomDomain}, but conferences are on ${mucDomain}`,
    remedy: 'Give the bare room name, or set XMPP_MUC_DOMAIN.',
  });
}

/** Strangers may speak to us as soon as one account takes them. */
function assembleAdmission(settings: Settings, accounts: SipConfig['accounts']): SipAdmission {
  const lists = accounts.map(({ allowedSources = [] }) => allowedSources);
  return {
    allowedSources: [...new Set(lists.flat())],
    open: lists.some((list) => list.length === 0),
    blockedAgents: settings.value('sip.blockedAgents'),
    refusal: settings.value('sip.refusal'),
    messagesPerSecond: settings.value('sip.messagesPerSecond'),
    strangerMessagesPerSecond: settings.value('sip.strangerMessagesPerSecond'),
    strangerCallsPerSecond: settings.value('sip.strangerCallsPerSecond'),
  };
}

function assembleDrachtio(settings: Settings, problems: Problem[]): DrachtioConfig {
  const secret = required(
    settings,
    'drachtio.secret',
    problems,
    'Give JIGASI_DRACHTIO_SECRET: the secret of the admin port in drachtio.conf.xml.',
  );
  const port = settings.value('drachtio.port');
  return {
    mode: settings.value('drachtio.mode'),
    servers: settings.value('drachtio.host').map((host) => ({ host, port })),
    listen: {
      address: settings.value('drachtio.listenAddress'),
      port: settings.value('drachtio.listenPort'),
    },
    secret: secret ?? '',
    tags: settings.value('drachtio.tags') ?? [],
    keepRegistration: settings.value('drachtio.keepRegistration'),
  };
}

function assembleTls(settings: Settings): SipTls {
  return {
    certificateFile: settings.value('sip.tlsCertificate'),
    keyFile: settings.value('sip.tlsKey'),
    caFile: settings.value('sip.tlsCa'),
    verify: settings.value('sip.tlsVerify'),
    verifyClients: settings.value('sip.tlsVerifyClients'),
    minVersion: settings.value('sip.tlsMinVersion'),
  };
}

/** A PBX on this machine has the port that we want: we would talk to ourselves, or not start. */
function isOurselves(account: SipAccount, listen: SipConfig['listen']): boolean {
  if ((account.port ?? 5060) !== listen.port) return false;
  if (account.server === listen.address) return true;
  return isUnspecified(listen.address) && (account.server === 'localhost' || isLoopback(account.server));
}

function portTwice(own: Settings, account: SipAccount): Problem {
  return {
    from: own.from('sip.listenPort') ?? 'sip.listenPort',
    what: `the PBX ${account.server} and this gateway would both use port ${account.port ?? 5060} of this machine`,
    remedy: 'Set JIGASI_SIP_LISTEN_PORT to another one, e.g. 5070.',
  };
}

function assembleMedia(settings: Settings, cores: number, problems: Problem[]): MediaConfig {
  const minPort = settings.value('media.minPort');
  const maxPort = settings.value('media.maxPort');
  const from = settings.from('media.maxPort') ?? settings.from('media.minPort') ?? 'media.minPort';
  if (minPort > maxPort) {
    problems.push({
      from,
      what: `the first port (${minPort}) is above the last (${maxPort})`,
      remedy: 'Give --min-port (JIGASI_PORT_MIN) and --max-port (JIGASI_PORT_MAX) so that min ≤ max.',
    });
  } else if (maxPort - minPort < 3) {
    problems.push({
      from,
      what: `${minPort} to ${maxPort} is too small: a call needs three ports, two of them an even one and the next`,
      remedy: 'Give at least four ports; three per call.',
    });
  }
  return {
    minPort,
    maxPort,
    address: settings.value('media.address'),
    publicAddress: settings.value('media.publicAddress'),
    stunServer: settings.value('media.stunServer'),
    systemLibraries: settings.value('media.systemLibraries'),
    workers: settings.value('media.workers') ?? Math.max(1, cores - 1),
  };
}

function checkPorts({ sip, media, call }: Config, settings: Settings, warnings: string[]): void {
  const possible = Math.floor((media.maxPort - media.minPort + 1) / 3);
  if (settings.from('call.maxCalls') !== undefined && call.maxCalls > possible) {
    warnings.push(
      `ports ${media.minPort} to ${media.maxPort} are enough for ${possible} calls, not for ${call.maxCalls} (call.maxCalls)`,
    );
  }
  if (sip.listen.port >= media.minPort && sip.listen.port <= media.maxPort) {
    warnings.push(
      `the SIP port ${sip.listen.port} lies among the media ports ${media.minPort} to ${media.maxPort}`,
    );
  }
}

function required(
  settings: Settings,
  key: 'xmpp.domain' | 'xmpp.secret' | 'drachtio.secret',
  problems: Problem[],
  remedy: string,
): string | undefined {
  const value = settings.value(key);
  // A value that was given and is wrong has been reported.
  if (value === undefined && settings.from(key) === undefined)
    problems.push({ from: key, what: 'it is missing', remedy });
  return value;
}
