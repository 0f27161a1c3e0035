import { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import { defaultAdmission } from '../../config/admission.ts';
import type { SipAccount, SipConfig } from '../../config/config.ts';
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
import type { ServiceState } from '../service-state.ts';
import { isTooBrief } from '../session-timer.ts';
import { SourceAdmission } from '../source-admission.ts';
import type { RateLimit } from '../token-bucket.ts';
import type { NameService } from '../transport/name-service.ts';
import { type Hop, hopKey } from '../transport/packet.ts';
import { SipSockets } from '../transport/sip-sockets.ts';
import { TlsIdentity } from '../transport/tls-identity.ts';
import { hopsOf } from './account.ts';
import { askPeer, peersOf } from './account-peers.ts';
import { EmbeddedCore } from './core.ts';
import { DialogIndex } from './dialog-index.ts';
import { tooBrief } from './dialog-leg.ts';
import type { EmbeddedCall } from './embedded-call.ts';
import { EmbeddedRegistration } from './embedded-registration.ts';
import { IncomingCall } from './incoming-call.ts';
import type { IncomingRequest } from './incoming-message.ts';
import { OutgoingCall } from './outgoing-call.ts';
import { randomBranch, randomToken } from './outgoing-message.ts';
import { Receiver } from './receiver.ts';
import type { ServerChannel } from './server-channel.ts';
import {
  type InviteUserAgentServer,
  prepareSipJs,
  type SipTimes,
  setLocalTag,
  standardTimes,
} from './sip-js.ts';
import { Wire } from './wire.ts';

export interface EmbeddedSipEngineOptions {
  readonly config: SipConfig;
  readonly log: Log;
  /** Messages per second and known source; overrides the configuration, for tests. */
  readonly rate?: RateLimit;
  /** RFC 3261 T1, T2, T4; shorter ones are for tests. They hold for the whole process. */
  readonly times?: SipTimes;
  /** Instead of the machine's own name service. */
  readonly names?: NameService;
}

const goodbyeMs = 2_000;
const renewalMs = 60_000;

/** SIP user agent in this process: sip.js core over our own sockets, parser, timers and digest. */
export class EmbeddedSipEngine extends EventEmitter<SipEngineEvents> implements SipEngine {
  readonly #config: SipConfig;
  readonly #log: Log;
  readonly #counters = new Counters();
  readonly #identity: TlsIdentity;
  readonly #sockets: SipSockets;
  readonly #wire: Wire;
  readonly #core: EmbeddedCore;
  readonly #dialogs = new DialogIndex();
  readonly #calls = new Set<EmbeddedCall>();
  readonly #registrations = new Set<Registration>();
  readonly #admission: SourceAdmission;
  readonly #callers: CallerAdmission;
  readonly #states: AccountStates;
  readonly #watches: readonly PeerWatch[];
  #service: ServiceState = { state: 'open', calls: 0, maxCalls: undefined };
  #draining = false;
  #open = false;
  #renewal: NodeJS.Timeout | undefined;

  constructor(options: EmbeddedSipEngineOptions) {
    super();
    const { config, log } = options;
    const transports = config.accounts.map(({ transport }) => transport);
    this.#config = config;
    this.#log = log.child({ part: 'sip' });
    this.#identity = new TlsIdentity(config.tls ?? {});
    prepareSipJs(options.times ?? standardTimes, randomBranch);
    this.#sockets = new SipSockets({
      addresses: [
        config.listen.address,
        ...(config.listen.address6 === undefined ? [] : [config.listen.address6]),
      ],
      port: config.listen.port,
      ...(options.names !== undefined && { names: options.names }),
      tls: { port: config.listen.tlsPort ?? 5_061, identity: this.#identity },
      // Over TLS our connection to the server is enough; the others need a socket of their own.
      transports: [...config.listen.transports, ...transports.filter((transport) => transport !== 'tls')],
      log: this.#log,
      onPacket: (packet) => receiver.receive(packet),
      onDrop: (reason) => this.#counters.add(`dropped.${reason}`),
      onLost: (hop) => this.#wire.connectionLost(hop),
    });
    this.#wire = new Wire({
      sockets: this.#sockets,
      counters: this.#counters,
      publicAddress: config.publicAddress,
      mediaAddress: config.mediaAddress,
      localNetworks: config.localNetworks ?? [],
    });
    this.#core = new EmbeddedCore({
      wire: this.#wire,
      log: this.#log,
      onInvite: (server, request, channel) => void this.#onInvite(server, request, channel),
    });
    this.#callers = new CallerAdmission(config.accounts);
    this.#states = new AccountStates({
      accounts: config.accounts,
      servers: (account) => this.#serversOf(account),
      log: this.#log,
    });
    this.#watches = config.accounts.map((account) => this.#watchOf(account));
    this.#admission = new SourceAdmission(config.admission ?? defaultAdmission, options.rate);
    const receiver = new Receiver({
      core: this.#core,
      dialogs: this.#dialogs,
      wire: this.#wire,
      admission: this.#admission,
      callers: this.#callers,
      log: this.#log,
      service: () => (this.#draining ? { ...this.#service, state: 'draining' } : this.#service),
    });
  }

  async start(): Promise<Result<void>> {
    try {
      await this.#identity.load();
      await this.#sockets.start();
    } catch (error) {
      return fail(
        'internal',
        `SIP listener ${this.#config.listen.address}:${this.#config.listen.port}: ${error}`,
      );
    }
    this.#open = true;
    this.#trustServers();
    this.#renewal = setInterval(() => void this.reloadCertificates(), renewalMs).unref();
    for (const watch of this.#watches) watch.start();
    this.#log.info({ address: this.#config.listen.address, port: this.port }, 'SIP listening');
    return ok(undefined);
  }

  async stop(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#renewal);
    for (const watch of this.#watches) watch.stop();
    for (const call of this.#calls) call.end(failure('draining'));
    const settled = [...this.#calls].map((call) => call.settled);
    const unregistered = [...this.#registrations].map((registration) => registration.stop());
    await Promise.all([settledWithin(settled, goodbyeMs), ...unregistered]);
    for (const call of this.#calls) call.abort();
    this.#core.dispose();
    this.#wire.stop();
    await this.#sockets.stop();
  }

  /** The port that peers reach us by; the same for UDP and TCP when both are listened on. */
  get port(): number {
    return this.#sockets.port(this.#config.listen.transports[0] ?? 'udp');
  }

  /** The port of the TLS listener. */
  get tlsPort(): number {
    return this.#sockets.port('tls');
  }

  /**
   * Takes certificate, key and authorities from their files when those have changed, for connections from now on; the open ones
   * stay. Done by itself once a minute. Files that do not fit together are logged, and the present ones stay in use.
   */
  async reloadCertificates(): Promise<void> {
    try {
      if (!(await this.#identity.load())) return;
      this.#sockets.renewTls();
      this.#log.info({ event: 'certificates-reloaded' }, 'SIP certificates reloaded');
    } catch (error) {
      this.#log.error({ event: 'certificates-refused', err: error }, 'SIP certificates cannot be used');
    }
  }

  /** What was received, sent, refused and dropped, by name (`received.INVITE`, `dropped.rate`, …). */
  counters(): Readonly<Record<string, number>> {
    return this.#counters.snapshot();
  }

  accounts(): readonly AccountState[] {
    return this.#states.all;
  }

  /** What is kept in memory; all zero when nothing goes on. */
  occupancy(): { calls: number; dialogs: number; transactions: number } {
    const { userAgentClients, servers } = this.#core;
    const transactions = userAgentClients.size + servers.size + servers.finished;
    return { calls: this.#calls.size, dialogs: this.#dialogs.size, transactions };
  }

  report(state: ServiceState): void {
    this.#service = state;
  }

  drain(): void {
    this.#draining = true;
  }

  async localAddressFor(account: SipAccount): Promise<Result<string>> {
    try {
      // Every call goes through the account's server, wherever its target is.
      const [hop] = await hopsOf(account, this.#wire);
      const local = await this.#sockets.localAddresses.towards(hop.address);
      return ok(this.#wire.mediaAddress(local, hop));
    } catch (error) {
      return fail('phone-unreachable', `${account.server}: ${error}`);
    }
  }

  invite(target: string, options: InviteOptions): SipCall {
    // Throws on a header that must not reach the wire, before anything has been sent.
    for (const { name, value } of options.headers) headerLine(name, value);
    takeoverLines(options);
    const call = new OutgoingCall({
      core: this.#core,
      dialogs: this.#dialogs,
      wire: this.#wire,
      target,
      invite: options,
      localAddress: this.#config.publicAddress ?? this.#config.listen.address,
      sessionSeconds: sessionSeconds(options.account),
      log: this.#log,
    });
    this.#keep(call);
    if (this.#open) void call.start();
    else call.end(failure('draining'));
    return call;
  }

  register(account: SipAccount): Registration {
    const registration = new EmbeddedRegistration(account, this.#core, this.#wire, this.#log);
    this.#registrations.add(registration);
    this.#states.registers(account, registration);
    registration.start();
    return registration;
  }

  options(target: string): Promise<Result<number>> {
    return askPeer(target, this.#config.accounts, { core: this.#core, wire: this.#wire });
  }

  async #onInvite(
    server: InviteUserAgentServer,
    request: IncomingRequest,
    channel: ServerChannel,
  ): Promise<void> {
    setLocalTag(server, randomToken());
    const chosen = this.#callers.choose(request.source, channel.origin.source);
    const challenge = this.#callers.challenge(chosen, request.source);
    if (challenge !== undefined) {
      if (challenge.wrong)
        this.#log.warn({ source: channel.origin.source.address }, 'caller with wrong credentials');
      server.reject({ statusCode: 401, reasonPhrase: 'Unauthorized', extraHeaders: challenge.lines });
      return;
    }
    if (isTooBrief(request.source.headers)) {
      server.reject(tooBrief());
      return;
    }
    const replacing = callToReplace(request.source.headers, chosen, this.#calls);
    if (!replacing.ok) {
      server.reject({ statusCode: replacing.status, reasonPhrase: replacing.phrase });
      return;
    }
    server.trying();
    const { origin } = channel;
    const known =
      origin.connection?.localAddress ?? this.#sockets.localAddresses.known(origin.source.address);
    const call = (localAddress: string): IncomingCall => {
      const user = request.source.uri.user ?? '';
      const port = this.#sockets.portOf(origin.transport, origin.connection);
      const peer = { transport: origin.transport, address: origin.source.address };
      const contact = this.#wire.contact(user, localAddress, peer, port);
      return new IncomingCall({
        core: this.#core,
        account: chosen.account,
        trusted: chosen.caller === 'known',
        replaces: replacing.call,
        dialogs: this.#dialogs,
        server,
        request,
        localAddress: this.#wire.mediaAddress(localAddress, peer),
        contact,
        repeat: (text) => channel.sendOnce(text),
        sessionSeconds: sessionSeconds(chosen.account),
        log: this.#log,
      });
    };
    if (known !== undefined) return this.#announce(call(known));
    let cancelled = false;
    server.delegate = {
      onCancel: () => {
        cancelled = true;
        server.reject({ statusCode: 487 });
      },
    };
    try {
      const localAddress = await this.#sockets.localAddresses.towards(origin.source.address);
      if (this.#open && !cancelled) this.#announce(call(localAddress));
    } catch (error) {
      this.#log.warn({ err: error }, 'no route back to the caller');
      server.reject({ statusCode: endings.internal.sip });
    }
  }

  #watchOf(account: SipAccount): PeerWatch {
    const { pingSeconds = 30, accounts } = this.#config;
    return new PeerWatch({
      account: account.name,
      seconds: pingSeconds,
      alone: accounts.length > 1,
      peers: () => peersOf(account, { core: this.#core, wire: this.#wire }),
      onRound: () => this.#states.review(),
      log: this.#log,
    });
  }

  #serversOf({ name }: SipAccount): readonly ServerState[] | undefined {
    const { servers, health } = this.#wire;
    return servers.get(name)?.map((hop) => ({ server: hopKey(hop), up: !health.isDown(hop) }));
  }

  /** The accounts' servers are no strangers. When their names cannot be resolved now, the answers to REGISTER will tell. */
  #trustServers(): void {
    for (const account of this.#config.accounts) {
      if (isIP(account.server) !== 0) this.#admission.trust(account.server);
      const trust = (hops: readonly Hop[]): void => {
        for (const { address, port } of hops) {
          this.#admission.trust(address);
          this.#callers.learn(account, address, port);
        }
      };
      hopsOf(account, this.#wire).then(trust, () => {});
    }
  }

  #announce(call: IncomingCall): void {
    this.#keep(call);
    if (!this.#open || this.listenerCount('invite') === 0) {
      call.end(failure('draining'));
      return;
    }
    try {
      this.emit('invite', call);
    } catch (error) {
      this.#log.error({ err: error }, 'the listener for incoming calls failed');
      call.end(failure('internal'));
    }
  }

  #keep(call: EmbeddedCall): void {
    this.#calls.add(call);
    void call.settled.then(() => this.#calls.delete(call));
  }
}

function sessionSeconds({ sessionSeconds = 1_800 }: SipAccount): number {
  return sessionSeconds;
}

async function settledWithin(promises: readonly Promise<void>[], ms: number): Promise<void> {
  if (promises.length === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([Promise.all(promises), promise]);
  clearTimeout(timer);
}
