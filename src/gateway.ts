import { EventEmitter } from 'node:events';
import { type AccountView, Switchboard } from './call/switchboard.ts';
import type { Config, SipAccount, SipConfig } from './config/config.ts';
import { endings, fail, ok, type Result } from './errors.ts';
import { gatewayReady, registrationChanged, streamChanged } from './events.ts';
import type { Log } from './log.ts';
import type { MediaEngine } from './media/media-engine.ts';
import { MediaPool } from './media/pool.ts';
import { DrachtioSipEngine } from './sip/drachtio/engine.ts';
import { EmbeddedSipEngine } from './sip/embedded/engine.ts';
import type { Registration, SipEngine } from './sip/engine.ts';
import { GatewayComponent } from './xmpp/gateway-component.ts';
import type { XmppSide } from './xmpp/xmpp-side.ts';

/** The running program: composition root of the rooms. Nothing in here decides about a call. */
export class Gateway extends EventEmitter<{ fatal: [why: Error] }> {
  readonly #config: Config;
  readonly #log: Log;
  readonly #media: MediaEngine;
  readonly #sip: SipEngine;
  readonly #xmpp: XmppSide;
  readonly #switchboard: Switchboard;
  readonly #registrations: Registration[] = [];

  constructor(config: Config, log: Log) {
    super();
    this.#config = config;
    this.#log = log;
    this.#media = new MediaPool({ config: config.media, log: log.child({ side: 'media' }) });
    this.#sip = makeSipEngine(config.sip, log.child({ side: 'sip' }));
    this.#xmpp = new GatewayComponent({ config: config.xmpp, log: log.child({ side: 'xmpp' }) });
    this.#switchboard = new Switchboard({
      config,
      log,
      media: this.#media,
      sip: this.#sip,
      xmpp: this.#xmpp,
    });
    this.#xmpp.on('online', () => streamChanged(log, true));
    this.#xmpp.on('offline', () => streamChanged(log, false));
    this.#xmpp.on('fatal', (why) => this.emit('fatal', why));
  }

  /**
   * Binds and connects everything. Resolves when the component is online and SIP listens; waits for Prosody for ever.
   * A port that cannot be bound is a failure; a secret that Prosody refuses rejects.
   */
  async start(): Promise<Result<void>> {
    await this.#media.start();
    const listening = await this.#sip.start();
    if (!listening.ok) return fail('internal', `SIP: ${listening.error.detail ?? listening.error.code}`);
    await this.#xmpp.start();
    for (const account of this.#config.sip.accounts) if (account.register) this.#register(account);
    gatewayReady(this.#log, this.#config);
    return ok(undefined);
  }

  /** Each SIP account: registration, servers, calls. Read-only, as of now. */
  get accounts(): readonly AccountView[] {
    return this.#switchboard.accounts;
  }

  /** Ends every call with its goodbyes, unregisters and closes everything that was opened. */
  async stop(): Promise<void> {
    this.#log.info({ event: 'stopping', calls: this.#switchboard.registry.size }, 'stopping');
    this.#sip.drain();
    await this.#switchboard.registry.endAll({ code: 'draining' });
    await Promise.all(this.#registrations.map((registration) => registration.stop()));
    await this.#sip.stop();
    await this.#xmpp.stop();
    await this.#media.stop();
    this.#log.info({ event: 'stopped' }, 'stopped');
  }

  #register(account: SipAccount): void {
    const registration = this.#sip.register(account);
    this.#registrations.push(registration);
    registration.on('registered', (seconds) =>
      registrationChanged(this.#log, account, { expiresSeconds: seconds }),
    );
    registration.on('failed', (why, retryMs) =>
      registrationChanged(this.#log, account, { failure: why.detail ?? endings[why.code].phrase, retryMs }),
    );
  }
}

function makeSipEngine(config: SipConfig, log: Log): SipEngine {
  return config.engine === 'drachtio'
    ? new DrachtioSipEngine({ config, log })
    : new EmbeddedSipEngine({ config, log });
}
