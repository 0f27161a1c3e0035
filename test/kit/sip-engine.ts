import { once } from 'node:events';
import { someAccount } from '../../src/config/account.fixture.ts';
import { defaultAdmission } from '../../src/config/admission.ts';
import type { SipAccount, SipAdmission, SipConfig } from '../../src/config/config.ts';
import type { Failure } from '../../src/errors.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { EmbeddedSipEngine } from '../../src/sip/embedded/engine.ts';
import type { SipTimes } from '../../src/sip/embedded/sip-js.ts';
import type { SipCall } from '../../src/sip/engine.ts';
import type { RateLimit } from '../../src/sip/token-bucket.ts';
import type { NameService } from '../../src/sip/transport/name-service.ts';

/** T1 of 25 ms: what takes 32 s by RFC 3261 takes 1.6 s in a test. */
export const quickTimes: SipTimes = { t1: 25, t2: 200, t4: 250 };

export interface TestEngine {
  readonly engine: EmbeddedSipEngine;
  readonly account: SipAccount;
  readonly port: number;
  nextCall(): Promise<SipCall>;
  stop(): Promise<void>;
}

export interface TestEngineOptions {
  readonly account?: Partial<SipAccount>;
  /** Further accounts. */
  readonly others?: readonly SipAccount[];
  readonly times?: SipTimes;
  readonly transports?: SipConfig['listen']['transports'];
  readonly rate?: RateLimit;
  readonly admission?: Partial<SipAdmission>;
  readonly log?: Log;
  /** Default 127.0.0.1. */
  readonly listen?: string;
  readonly config?: Partial<SipConfig>;
  readonly names?: NameService;
}

/** An embedded engine on a free port of the loopback. */
export async function startEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const account: SipAccount = { ...someAccount, ...options.account };
  const config: SipConfig = {
    listen: {
      address: options.listen ?? '127.0.0.1',
      port: 0,
      tlsPort: 0,
      transports: options.transports ?? ['udp', 'tcp'],
    },
    publicAddress: undefined,
    accounts: [account, ...(options.others ?? [])],
    pingSeconds: 0,
    admission: { ...defaultAdmission, ...options.admission },
    ...options.config,
  };
  const engine = new EmbeddedSipEngine({
    config,
    log: options.log ?? silentLog,
    ...(options.names && { names: options.names }),
    ...(options.times && { times: options.times }),
    ...(options.rate && { rate: options.rate }),
  });
  const calls: SipCall[] = [];
  let wake: (() => void) | undefined;
  engine.on('invite', (call) => {
    calls.push(call);
    wake?.();
  });
  const started = await engine.start();
  if (!started.ok) throw new Error(started.error.detail);
  return {
    engine,
    account,
    port: engine.port,
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

export async function ended(call: SipCall): Promise<Failure> {
  const [why] = await once(call, 'ended');
  return why as Failure;
}
