import { EventEmitter } from 'node:events';
import type { DrachtioConfig, SipAccount, SipConfig } from '../../config/config.ts';
import { endings, fail, failure, ok, type Result } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { AccountStates } from '../account-states.ts';
import { CallerAdmission } from '../caller-admission.ts';
import { Counters } from '../counters.ts';
import type {
  AccountState,
  InviteOptions,
  Registration,
  ServerState,
  SipCall,
  SipEngine,
  SipEngineEvents,
} from '../engine.ts';
import { headerLine } from '../header-line.ts';
import { PeerWatch } from '../peer-watch.ts';
import { callToReplace, takeoverLines } from '../refer-replaces.ts';
import { admit } from '../request-admission.ts';
import { countedMethod } from '../served-methods.ts';
import { optionsAnswer, type ServiceState } from '../service-state.ts';
import { HopHealth } from '../transport/hop-health.ts';
import { LocalAddresses } from '../transport/local-address.ts';
import { systemNames } from '../transport/name-service.ts';
import type { Hop } from '../transport/packet.ts';
import { TargetResolver } from '../transport/target-resolver.ts';
import { askPeer, type DrachtioStack, peersOf } from './account-peers.ts';
import { DialogTable } from './dialog-table.ts';
import { DrachtioRegistration } from './drachtio-registration.ts';
import { IncomingCall } from './incoming-call.ts';
import { OutgoingCall } from './outgoing-call.ts';
import { serversOf } from './outgoing-invite.ts';
import { DrachtioServers } from './servers.ts';
import type { DrachtioRequest, DrachtioSession } from './session.ts';

export interface DrachtioSipEngineOptions {
  readonly config: SipConfig;
  readonly log: Log;
  /** RFC 3261 T1 of the servers, milliseconds; a shorter one is for tests. */
  readonly t1?: number;
}

const goodbyeMs = 2_000;

/** SIP by way of drachtio-servers: transport and transactions are theirs; dialogs, SDP and digest are ours. */
export class DrachtioSipEngine extends EventEmitter<SipEngineEvents> implements SipEngine {
  readonly #config: SipConfig;
  readonly #drachtio: DrachtioConfig;
  readonly #log: Log;
  readonly #t1: number;
  readonly #counters = new Counters();
  readonly #servers: DrachtioServers;
  readonly #dialogs = new DialogTable();
  readonly #calls = new Set<IncomingCall | OutgoingCall>();
  readonly #registrations = new Set<DrachtioRegistration>();
  readonly #callers: CallerAdmission;
  readonly #stack: DrachtioStack;
  readonly #states: AccountStates;
  readonly #watches: readonly PeerWatch[];
  readonly #localAddresses: LocalAddresses;
  readonly #resolver = new TargetResolver({ names: systemNames(), families: [4, 6] });
  #service: ServiceState = { state: 'open', calls: 0, maxCalls: undefined };
  #open = false;
  #draining = false;

  constructor({ config, log, t1 = 500 }: DrachtioSipEngineOptions) {
    super();
    if (config.drachtio === undefined) throw new TypeError('the engine drachtio has no configuration');
    this.#config = config;
    this.#drachtio = config.drachtio;
    this.#log = log.child({ part: 'sip' });
    this.#t1 = t1;
    this.#localAddresses = new LocalAddresses([config.listen.address]);
    this.#callers = new CallerAdmission(config.accounts);
    this.#servers = new DrachtioServers(config.drachtio, this.#log);
    this.#stack = { servers: this.#servers, health: new HopHealth<string>((server) => server) };
    this.#states = new AccountStates({
      accounts: config.accounts,
      servers: (account) => this.#serversOf(account),
      log: this.#log,
    });
    this.#watches = config.accounts.map((account) => this.#watchOf(account));
    this.#servers.on('request', (request) => this.#received(request));
    this.#servers.on('lost', (session) => this.#lost(session));
  }

  async start(): Promise<Result<void>> {
    this.#open = true;
    this.#learnServers();
    const started = await this.#servers.start();
    if (started.ok) for (const watch of this.#watches) watch.start();
    else await this.stop();
    return started;
  }

  async stop(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    for (const watch of this.#watches) watch.stop();
    for (const call of this.#calls) call.end(failure('draining'));
    const settled = [...this.#calls].map((call) => call.settled);
    const unregistered = [...this.#registrations].map((registration) => registration.stop());
    await Promise.all([settledWithin(settled, goodbyeMs), ...unregistered]);
    for (const call of this.#calls) call.abort();
    await this.#servers.stop();
  }

  /** Port that drachtio-servers connect to in outbound mode. */
  get port(): number {
    return this.#servers.port;
  }

  /** How many servers we are attached to. */
  get attached(): number {
    return this.#servers.attached;
  }

  counters(): Readonly<Record<string, number>> {
    return this.#counters.snapshot();
  }

  /** What is kept in memory; all zero when nothing goes on. */
  occupancy(): { calls: number; dialogs: number; transactions: number } {
    return { calls: this.#calls.size, dialogs: this.#dialogs.size, transactions: 0 };
  }

  report(state: ServiceState): void {
    this.#service = state;
  }

  drain(): void {
    this.#draining = true;
    this.#servers.drain();
  }

  async localAddressFor(account: SipAccount): Promise<Result<string>> {
    try {
      return ok(await this.#localAddress(account));
    } catch (error) {
      return fail('phone-unreachable', `${account.server}: ${error}`);
    }
  }

  accounts(): readonly AccountState[] {
    return this.#states.all;
  }

  invite(target: string, options: InviteOptions): SipCall {
    // Throws on a header that must not reach the wire, before anything has been sent.
    for (const { name, value } of options.headers) headerLine(name, value);
    takeoverLines(options);
    const call = new OutgoingCall({
      session: this.#servers.next(),
      dialogs: this.#dialogs,
      health: this.#stack.health,
      target,
      invite: options,
      localAddress: () => this.#localAddress(options.account),
      t1: this.#t1,
      log: this.#log,
    });
    this.#keep(call);
    if (this.#open) void call.start();
    else call.end(failure('draining'));
    return call;
  }

  register(account: SipAccount): Registration {
    const registration = new DrachtioRegistration({
      account,
      servers: this.#servers,
      health: this.#stack.health,
      keep: this.#drachtio.keepRegistration,
      log: this.#log,
    });
    this.#registrations.add(registration);
    this.#states.registers(account, registration);
    registration.start();
    return registration;
  }

  options(target: string): Promise<Result<number>> {
    return askPeer(target, this.#config.accounts, this.#stack);
  }

  async #localAddress({ server, port, transport }: SipAccount): Promise<string> {
    const [hop] = await this.#resolver.resolve({ host: server, port, transport });
    if (hop === undefined) throw new Error('no address');
    return this.#localAddresses.towards(hop.address);
  }

  #watchOf(account: SipAccount): PeerWatch {
    const { pingSeconds = 30, accounts } = this.#config;
    return new PeerWatch({
      account: account.name,
      seconds: pingSeconds,
      alone: accounts.length > 1,
      peers: async () => peersOf(account, this.#stack),
      onRound: () => this.#states.review(),
      log: this.#log,
    });
  }

  /** Without any drachtio-server no account's server is reached. */
  #serversOf(account: SipAccount): readonly ServerState[] {
    const attached = this.attached > 0;
    return serversOf(account).map((server) => ({
      server,
      up: attached && !this.#stack.health.isDown(server),
    }));
  }

  /** Calls from the accounts' servers are theirs. */
  #learnServers(): void {
    for (const account of this.#config.accounts) {
      const { server, port, backupServers = [], transport } = account;
      for (const { host, port: at } of [{ host: server, port }, ...backupServers]) {
        const learn = (hops: readonly Hop[]): void => {
          for (const hop of hops) this.#callers.learn(account, hop.address, hop.port);
        };
        this.#resolver.resolve({ host, port: at, transport }).then(learn, () => {});
      }
    }
  }

  #received(request: DrachtioRequest): void {
    const { message, dialogId } = request;
    this.#counters.add(`received.${countedMethod(message.method)}`);
    const dialog = dialogId === undefined ? undefined : this.#dialogs.find(dialogId);
    if (message.method === 'ACK' || request.unsolicited) {
      dialog?.receive(request);
      return;
    }
    const admission = admit(message);
    if (admission.kind === 'answer') request.respond(admission);
    else if (dialog !== undefined) dialog.receive(request);
    else if (message.to.parameters.get('tag') !== undefined) request.respond(noDialog);
    else if (message.method === 'INVITE') void this.#invited(request);
    else if (message.method === 'OPTIONS') request.respond(this.#capabilities());
    else request.respond(noDialog);
  }

  #capabilities(): ReturnType<typeof optionsAnswer> {
    return optionsAnswer(this.#draining ? { ...this.#service, state: 'draining' } : this.#service);
  }

  async #invited(request: DrachtioRequest): Promise<void> {
    const { message, source } = request;
    const chosen = this.#callers.choose(message, source);
    if (chosen.caller === 'refused') {
      request.respond({ status: 403, phrase: 'Forbidden' });
      return;
    }
    const challenge = this.#callers.challenge(chosen, message);
    if (challenge !== undefined) {
      if (challenge.wrong) this.#log.warn({ source: source.address }, 'caller with wrong credentials');
      request.respond({ status: 401, phrase: 'Unauthorized', lines: challenge.lines });
      return;
    }
    const replacing = callToReplace(message.headers, chosen, this.#calls);
    if (!replacing.ok) {
      request.respond(replacing);
      return;
    }
    const { account } = chosen;
    const announce = (localAddress: string): void => {
      const options = {
        request,
        account,
        trusted: chosen.caller === 'known',
        replaces: replacing.call,
        localAddress,
        dialogs: this.#dialogs,
        t1: this.#t1,
        log: this.#log,
      };
      this.#announce(new IncomingCall(options));
    };
    const known = this.#localAddresses.known(source.address);
    if (known !== undefined) {
      announce(known);
      return;
    }
    try {
      announce(await this.#localAddresses.towards(source.address));
    } catch (error) {
      this.#log.warn({ err: error }, 'no route back to the caller');
      request.respond({ status: endings.internal.sip, phrase: endings.internal.phrase });
    }
  }

  #announce(call: IncomingCall): void {
    this.#keep(call);
    const { session } = call;
    void call.settled.then(() => this.#servers.callEnded(session));
    if (!this.#open || this.#draining || !session.open || this.listenerCount('invite') === 0) {
      call.end(failure('draining'));
      return;
    }
    try {
      this.emit('invite', call);
    } catch (error) {
      this.#log.error({ err: error }, 'the listener for incoming calls failed');
      call.end(failure('internal'));
    }
    call.watch();
  }

  #lost(session: DrachtioSession): void {
    for (const call of this.#calls) if (call.session === session) call.orphaned();
    for (const registration of this.#registrations) registration.refresh();
  }

  #keep(call: IncomingCall | OutgoingCall): void {
    this.#calls.add(call);
    void call.settled.then(() => this.#calls.delete(call));
  }
}

const noDialog = { status: 481, phrase: 'Call/Transaction Does Not Exist' };

async function settledWithin(promises: readonly Promise<void>[], ms: number): Promise<void> {
  if (promises.length === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([Promise.all(promises), promise]);
  clearTimeout(timer);
}
