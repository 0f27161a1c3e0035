import { type TestContext, test } from 'node:test';
import { someAccount } from '../../src/config/account.fixture.ts';
import type { SipAccount, SipConfig } from '../../src/config/config.ts';
import { silentLog } from '../../src/log.ts';
import { DrachtioSipEngine } from '../../src/sip/drachtio/engine.ts';
import type { EmbeddedSipEngine } from '../../src/sip/embedded/engine.ts';
import type { SipCall, SipEngine } from '../../src/sip/engine.ts';
import { DrachtioStandIn } from './drachtio-server.ts';
import { startEngine, type TestEngineOptions } from './sip-engine.ts';

/** Every test of test/conformance/sip runs against each of them. */
export const engineKinds = ['embedded', 'drachtio'] as const;
export type EngineKind = (typeof engineKinds)[number];

export interface AnyEngine {
  readonly kind: EngineKind;
  readonly engine: SipEngine & Pick<EmbeddedSipEngine, 'occupancy' | 'counters'>;
  readonly account: SipAccount;
  /** SIP port for peers: the engine's own, or that of its drachtio-server. */
  readonly port: number;
  nextCall(): Promise<SipCall>;
  stop(): Promise<void>;
}

/** A server to test against instead of the stand-in; its times are those of RFC 3261. */
const realServer = process.env.DRACHTIO_HOST;

/**
 * One test for each engine. `quick`: it waits for timers of RFC 3261, which a real drachtio-server does not shorten. `only`: with
 * the other engine this is decided by drachtio-server, which decides otherwise (docs/drachtio.md says how). `rfc`: the section that asks
 * for it, as `3261 §9.2`; with the name it makes a line of docs/conformance-sip.md (`npm run conformance`).
 */
export function onEachEngine(
  name: string,
  act: (context: TestContext, kind: EngineKind) => Promise<void>,
  options: { readonly quick?: boolean; readonly only?: EngineKind; readonly rfc?: string } = {},
): void {
  if (process.env.CONFORMANCE_LIST !== undefined) {
    const { only, rfc } = options;
    process.stdout.write(`conformance ${JSON.stringify({ name, only, rfc })}\n`);
    return;
  }
  for (const kind of options.only === undefined ? engineKinds : [options.only]) {
    const skip = kind === 'drachtio' && realServer !== undefined && options.quick === true;
    test(`${kind}: ${name}`, { skip }, (context) => act(context, kind));
  }
}

export async function startEngineOf(kind: EngineKind, options: TestEngineOptions = {}): Promise<AnyEngine> {
  if (kind === 'embedded') {
    const started = await startEngine(options);
    return { ...started, kind };
  }
  return startDrachtio(options);
}

export interface DrachtioPlace {
  readonly host: string;
  readonly adminPort: number;
  readonly secret: string;
  readonly sipPort: number;
  stop(): Promise<void>;
}

async function place(options: TestEngineOptions): Promise<DrachtioPlace> {
  if (realServer !== undefined) {
    const { DRACHTIO_PORT = '9022', DRACHTIO_SECRET = 'cymru', DRACHTIO_SIP_PORT = '5060' } = process.env;
    const [adminPort, sipPort] = [Number(DRACHTIO_PORT), Number(DRACHTIO_SIP_PORT)];
    return { host: realServer, adminPort, sipPort, secret: DRACHTIO_SECRET, stop: async () => {} };
  }
  const server = await DrachtioStandIn.start(options.times === undefined ? {} : { times: options.times });
  const { adminPort, port } = server;
  return { host: '127.0.0.1', adminPort, sipPort: port, secret: 'cymru', stop: () => server.stop() };
}

async function startDrachtio(options: TestEngineOptions): Promise<AnyEngine> {
  const server = await place(options);
  const started = await attach(server, options);
  return {
    ...started,
    async stop() {
      await started.stop();
      await server.stop();
    },
  };
}

/** A gateway's engine on a drachtio-server. */
export async function attach(
  server: Omit<DrachtioPlace, 'stop'>,
  options: TestEngineOptions & { readonly drachtio?: Partial<NonNullable<SipConfig['drachtio']>> } = {},
): Promise<AnyEngine & { readonly engine: DrachtioSipEngine }> {
  const account: SipAccount = { ...someAccount, ...options.account };
  const config: SipConfig = {
    listen: { address: '127.0.0.1', port: 0, transports: ['udp', 'tcp'] },
    publicAddress: undefined,
    accounts: [account, ...(options.others ?? [])],
    pingSeconds: 0,
    ...options.config,
    engine: 'drachtio',
    drachtio: {
      mode: 'inbound',
      servers: [{ host: server.host, port: server.adminPort }],
      listen: { address: '127.0.0.1', port: 0 },
      secret: server.secret,
      tags: [],
      keepRegistration: false,
      ...options.drachtio,
    },
  };
  const t1 = options.times?.t1;
  const engine = new DrachtioSipEngine({ config, log: silentLog, ...(t1 !== undefined && { t1 }) });
  const calls: SipCall[] = [];
  let wake: (() => void) | undefined;
  engine.on('invite', (call) => {
    calls.push(call);
    wake?.();
  });
  const started = await engine.start();
  if (!started.ok) throw new Error(started.error.detail);
  return {
    kind: 'drachtio',
    engine,
    account,
    port: server.sipPort,
    async nextCall() {
      while (calls.length === 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
      return calls.shift() as SipCall;
    },
    stop: () => engine.stop(),
  };
}
