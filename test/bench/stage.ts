import { fileURLToPath } from 'node:url';
import { GatewayProcess } from '../kit/gateway-process.ts';
import type { Prosody } from '../kit/prosody.ts';
import { RawPhone } from '../kit/raw-phone.ts';
import { onGatewayCore } from './cores.ts';

const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

export interface BenchGateway {
  readonly gateway: GatewayProcess;
  readonly phone: RawPhone;
  stop(): Promise<void>;
}

export interface BenchGatewayOptions {
  readonly mediaPorts?: number;
  /** Arguments for Node, e.g. `--inspect=127.0.0.1:0`. */
  readonly nodeArguments?: readonly string[];
}

/** The gateway as its own process on its own core, and a phone behind a plain trunk. */
export async function startGateway(
  prosody: Prosody,
  { mediaPorts = 200, nodeArguments = [] }: BenchGatewayOptions = {},
): Promise<BenchGateway> {
  const phone = await RawPhone.start({ user: '100' });
  const trunk = { server: '127.0.0.1', port: phone.port, register: false };
  const gateway = await GatewayProcess.start({
    xmpp: prosody,
    account: { user: 'gateway', domain: '127.0.0.1', password: 'none', ...trunk },
    mediaPorts,
    command: onGatewayCore([process.execPath, ...nodeArguments, program]),
  }).catch((error: unknown) => {
    phone.stop();
    throw error;
  });
  return {
    gateway,
    phone,
    stop: async () => {
      phone.stop();
      await gateway.stop();
    },
  };
}

export const gatewayDomain = 'callcontrol.';
