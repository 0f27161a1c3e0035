import { ownKeys } from './account-options.ts';
import type { CallProfile, DialRoute, SipAccount } from './config.ts';
import { suggestion } from './nearest-name.ts';
import type { OptionKey } from './options.ts';
import type { Problem } from './problem.ts';
import { Settings } from './settings.ts';
import type { AccountGiven, RouteGiven } from './trunks-file.ts';

/** An account and the settings that it is made from. */
export interface SetAccount {
  readonly account: SipAccount;
  readonly own: Settings;
}

/** Name of the account that the flat settings describe. */
const flatName = 'default';

/** The account of the flat settings, unless they name none, then those of the list. What is wrong is added to `problems`. */
export function assembleAccounts(
  settings: Settings,
  given: readonly AccountGiven[],
  problems: Problem[],
): [SetAccount, ...SetAccount[]] {
  const listed = given.map((entry) => assembleListed(entry, settings, problems));
  const names = new Set<string>();
  const isFlat = settings.from('sip.uri') !== undefined || settings.from('sip.server') !== undefined;
  if (isFlat) names.add(flatName);
  for (const { name, from } of given) {
    if (names.has(name)) problems.push({ ...nameTaken, from });
    names.add(name);
  }
  const [first, ...others] = listed;
  if (first !== undefined && !isFlat) return [first, ...others];
  const faults = { place: flatPlace, missing: noAccount, secretless: noPassword };
  const flat = { account: assembleAccount(flatName, settings, faults, problems), own: settings };
  return [flat, ...listed];
}

/** The rules, with the names of their accounts checked. */
export function assembleRoutes(
  given: readonly RouteGiven[],
  accounts: readonly SipAccount[],
  problems: Problem[],
): DialRoute[] {
  const known = accounts.map(({ name }) => name);
  return given.map(({ from, ...route }) => {
    for (const name of route.accounts) {
      if (known.includes(name)) continue;
      const remedy = suggestion(name, known, `Accounts are ${known.join(', ')}.`);
      problems.push({ from: `${from}.accounts`, what: `there is no account ${name}`, remedy });
    }
    return route;
  });
}

function assembleListed(
  { name, from, source }: AccountGiven,
  settings: Settings,
  problems: Problem[],
): SetAccount {
  const callers: OptionKey[] = ['sip.callerUser', 'sip.callerPassword'];
  // The password belongs to its user.
  const apart = callers.some((key) => source.has(key)) ? callers : [];
  const own = new Settings([source], { settings, without: new Set<OptionKey>([...ownKeys, ...apart]) });
  const faults = {
    place: from,
    missing: {
      what: 'uri or server is missing',
      remedy: 'Give uri: user@domain, and server when it differs.',
    },
    secretless: { what: 'it has no password', remedy: 'Give password or passwordFile, or register: false.' },
  };
  const account = assembleAccount(name, own, faults, problems);
  problems.push(...own.problems);
  return { account, own };
}

/** What to say about an account that cannot be. */
interface Faults {
  readonly place: string;
  readonly missing: Omit<Problem, 'from'>;
  readonly secretless: Omit<Problem, 'from'>;
}

function assembleAccount(name: string, own: Settings, faults: Faults, problems: Problem[]): SipAccount {
  const uri = own.value('sip.uri');
  const password = own.value('sip.password');
  const server = own.value('sip.server') ?? uri?.domain;
  const register = own.value('sip.register');
  const port = own.value('sip.port');
  const from = faults.place;
  const missing =
    (uri === undefined && own.from('sip.uri') === undefined) ||
    (uri !== undefined && server === undefined && own.from('sip.server') === undefined);
  if (missing) problems.push({ from, ...faults.missing });
  else if (register && password === undefined && own.from('sip.password') === undefined)
    problems.push({ from, ...faults.secretless });
  return {
    name,
    user: uri?.user ?? '',
    domain: uri?.domain ?? server ?? '',
    authUser: own.value('sip.authUser') ?? uri?.user ?? '',
    password,
    displayName: own.value('sip.displayName'),
    anonymous: own.value('sip.anonymous'),
    server: server ?? '',
    port,
    backupServers: (own.value('sip.backupServers') ?? []).map((other) => ({
      host: other.host,
      port: other.port ?? port,
    })),
    transport: own.value('sip.transport'),
    register,
    expiresSeconds: own.value('sip.expiresSeconds'),
    checkSeconds: own.value('sip.checkSeconds'),
    sessionSeconds: own.value('sip.sessionSeconds'),
    allowedSources: own.value('sip.allowedSources') ?? [],
    callers: assembleCallers(own, faults, problems),
    profile: assembleProfile(own),
  };
}

function assembleProfile(own: Settings): CallProfile {
  return {
    defaultRoom: own.value('sip.defaultRoom'),
    roomHeaders: own.value('sip.roomHeaders'),
    passwordHeaders: own.value('sip.passwordHeaders'),
    forwardedHeaders: own.value('sip.forwardedHeaders').map((name) => name.toLowerCase()),
    rewriting: {
      strip: own.value('sip.stripDigits'),
      changes: own.value('sip.changePrefixes') ?? [],
      prefix: own.value('sip.outboundPrefix') ?? '',
    },
    limits: {
      incoming: own.value('sip.incomingLimit'),
      outgoing: own.value('sip.outgoingLimit'),
      outgoingPerSecond: own.value('sip.outgoingPerSecond'),
    },
    noAnswerSeconds: own.value('sip.noAnswerSeconds'),
    codecs: own.value('sip.codecs'),
    codecOrder: own.value('sip.codecOrder'),
    dtmf: own.value('sip.dtmf'),
    detectTones: own.value('sip.detectTones'),
    holdMusic: own.value('sip.holdMusic'),
    earlyMedia: own.value('sip.earlyMedia'),
    srtp: own.value('sip.srtp'),
    transfer: own.value('sip.transfer'),
  };
}

function assembleCallers(own: Settings, { place }: Faults, problems: Problem[]): SipAccount['callers'] {
  const user = own.value('sip.callerUser');
  const password = own.value('sip.callerPassword');
  if (user !== undefined && password !== undefined) return { user, password };
  if (user === undefined && password === undefined) return undefined;
  const missing = user === undefined ? 'sip.callerUser' : 'sip.callerPassword';
  if (own.from(missing) === undefined)
    problems.push({
      from: place === flatPlace ? missing : `${place}.${missing.slice('sip.'.length)}`,
      what: 'it is missing',
      remedy: 'Give both, the user and the password of callers, or none.',
    });
  return undefined;
}

const flatPlace = 'SIP account';

const nameTaken = {
  what: 'another account has this name',
  remedy: `Give each its own name; ${flatName} is the one of the settings directly in sip.`,
};

const noAccount = {
  what: 'none is configured, or it has no server',
  remedy: [
    'Set these three in the environment or in a file .env:',
    '  JIGASI_SIP_URI=1000@pbx.example',
    '  JIGASI_SIP_PASSWORD=the password of that account',
    '  JIGASI_SIP_SERVER=pbx.example',
  ].join('\n'),
};

const noPassword = {
  what: 'it has no password',
  remedy: 'Set JIGASI_SIP_PASSWORD, or JIGASI_SIP_REGISTER=false for a trunk without registration.',
};
