import { isLoopback, isUnspecified } from './addresses.ts';
import type {
  Config,
  DrachtioConfig,
  MediaConfig,
  SipAccount,
  SipConfig,
  SipTls,
  XmppConfig,
} from './config.ts';
import type { Problem } from './problem.ts';
import type { Settings } from './settings.ts';

export interface Assembled {
  /** Complete only when there are no problems. */
  readonly config: Config;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Puts the settings together, works out the defaults that depend on others and checks what must fit together. */
export function assemble(settings: Settings, cores: number): Assembled {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const xmpp = assembleXmpp(settings, problems);
  const config: Config = {
    xmpp,
    sip: assembleSip(settings, xmpp, problems),
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
  return { config, problems, warnings };
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

function assembleSip(settings: Settings, xmpp: XmppConfig, problems: Problem[]): SipConfig {
  const listen = {
    address: settings.value('sip.listenAddress'),
    port: settings.value('sip.listenPort'),
    address6: settings.value('sip.listenAddress6'),
    tlsPort: settings.value('sip.listenTlsPort'),
    transports: settings.value('sip.listenTransports'),
  };
  const account = assembleAccount(settings, problems);
  const tls = assembleTls(settings);
  if (listen.transports.includes('tls') && tls.certificateFile === undefined) {
    problems.push({
      from: settings.from('sip.listenTransports') ?? 'sip.listenTransports',
      what: 'TLS is to be listened on, but there is no certificate',
      remedy: 'Set JIGASI_SIP_TLS_CERTIFICATE and JIGASI_SIP_TLS_KEY, or remove tls from the list.',
    });
  }
  const defaultRoom = settings.value('sip.defaultRoom');
  const embedded = settings.value('sip.engine') === 'embedded';
  // Over TLS our own connection to the server carries what comes from there.
  if (embedded && account.transport !== 'tls' && !listen.transports.includes(account.transport)) {
    problems.push({
      from: settings.from('sip.listenTransports') ?? 'sip.listenTransports',
      what: `${account.transport} is missing, but the account uses it`,
      remedy: 'Add it to JIGASI_SIP_LISTEN_TRANSPORTS, or change JIGASI_SIP_TRANSPORT.',
    });
  }
  if (embedded && isOurselves(account, listen)) problems.push(portTwice(settings, account));
  const roomDomain = defaultRoom?.split('@')[1];
  if (roomDomain !== undefined && xmpp.domain !== '' && roomDomain !== xmpp.mucDomain) {
    problems.push({
      from: settings.from('sip.defaultRoom') ?? 'sip.defaultRoom',
      what: `the room is on ${roomDomain}, but conferences are on ${xmpp.mucDomain}`,
      remedy: 'Give the bare room name, or set XMPP_MUC_DOMAIN.',
    });
  }
  return {
    listen,
    tls,
    publicAddress: settings.value('sip.publicAddress'),
    mediaAddress: settings.value('media.publicAddress'),
    localNetworks: settings.value('sip.localNetworks') ?? [],
    pingSeconds: settings.value('sip.pingSeconds'),
    callers: assembleCallers(settings, problems),
    account,
    defaultRoom,
    roomHeaders: settings.value('sip.roomHeaders'),
    passwordHeaders: settings.value('sip.passwordHeaders'),
    forwardedHeaders: settings.value('sip.forwardedHeaders').map((name) => name.toLowerCase()),
    outboundPrefix: settings.value('sip.outboundPrefix') ?? '',
    noAnswerSeconds: settings.value('sip.noAnswerSeconds'),
    sessionSeconds: settings.value('sip.sessionSeconds'),
    codecs: settings.value('sip.codecs'),
    codecOrder: settings.value('sip.codecOrder'),
    dtmf: settings.value('sip.dtmf'),
    detectTones: settings.value('sip.detectTones'),
    srtp: settings.value('sip.srtp'),
    admission: {
      allowedSources: settings.value('sip.allowedSources') ?? [],
      blockedAgents: settings.value('sip.blockedAgents'),
      refusal: settings.value('sip.refusal'),
      messagesPerSecond: settings.value('sip.messagesPerSecond'),
      strangerMessagesPerSecond: settings.value('sip.strangerMessagesPerSecond'),
      strangerCallsPerSecond: settings.value('sip.strangerCallsPerSecond'),
    },
    engine: settings.value('sip.engine'),
    ...(settings.value('sip.engine') === 'drachtio' && { drachtio: assembleDrachtio(settings, problems) }),
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

function assembleAccount(settings: Settings, problems: Problem[]): SipAccount {
  const uri = settings.value('sip.uri');
  const password = settings.value('sip.password');
  const server = settings.value('sip.server') ?? uri?.domain;
  const register = settings.value('sip.register');
  const transport = settings.value('sip.transport');
  const port = settings.value('sip.port');
  const missing =
    (uri === undefined && settings.from('sip.uri') === undefined) ||
    (uri !== undefined && server === undefined && settings.from('sip.server') === undefined);
  if (missing) problems.push(noAccount);
  else if (register && password === undefined && settings.from('sip.password') === undefined) {
    problems.push(noPassword);
  }
  return {
    user: uri?.user ?? '',
    domain: uri?.domain ?? server ?? '',
    authUser: settings.value('sip.authUser') ?? uri?.user ?? '',
    password,
    displayName: settings.value('sip.displayName'),
    server: server ?? '',
    port,
    backupServers: (settings.value('sip.backupServers') ?? []).map((other) => ({
      host: other.host,
      port: other.port ?? port,
    })),
    transport,
    register,
    expiresSeconds: settings.value('sip.expiresSeconds'),
    checkSeconds: settings.value('sip.checkSeconds'),
  };
}

function assembleCallers(settings: Settings, problems: Problem[]): SipConfig['callers'] {
  const user = settings.value('sip.callerUser');
  const password = settings.value('sip.callerPassword');
  if (user !== undefined && password !== undefined) return { user, password };
  if (user === undefined && password === undefined) return undefined;
  const missing = user === undefined ? 'sip.callerUser' : 'sip.callerPassword';
  if (settings.from(missing) === undefined)
    problems.push({
      from: missing,
      what: 'it is missing',
      remedy: 'Give both, the user and the password of callers, or none.',
    });
  return undefined;
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

const noAccount: Problem = {
  from: 'SIP account',
  what: 'none is configured, or it has no server',
  remedy: [
    'Set these three in the environment or in a file .env:',
    '  JIGASI_SIP_URI=1000@pbx.example',
    '  JIGASI_SIP_PASSWORD=the password of that account',
    '  JIGASI_SIP_SERVER=pbx.example',
  ].join('\n'),
};

const noPassword: Problem = {
  from: 'SIP account',
  what: 'it has no password',
  remedy: 'Set JIGASI_SIP_PASSWORD, or JIGASI_SIP_REGISTER=false for a trunk without registration.',
};

/** A PBX on this machine has the port that we want: we would talk to ourselves, or not start. */
function isOurselves(account: SipAccount, listen: SipConfig['listen']): boolean {
  if ((account.port ?? 5060) !== listen.port) return false;
  if (account.server === listen.address) return true;
  return isUnspecified(listen.address) && (account.server === 'localhost' || isLoopback(account.server));
}

function portTwice(settings: Settings, account: SipAccount): Problem {
  return {
    from: settings.from('sip.listenPort') ?? 'sip.listenPort',
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
