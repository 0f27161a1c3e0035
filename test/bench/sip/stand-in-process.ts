import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./stand-in.ts', import.meta.url));

/** Where it listens, as the kit is told of a real drachtio-server (test/kit/sip-engines.ts). */
export interface StandInProcess {
  readonly environment: Readonly<Record<string, string>>;
  stop(): void;
}

export async function startStandIn(): Promise<StandInProcess> {
  const child: ChildProcess = fork(program);
  const ended = once(child, 'exit').then(() => {
    throw new Error('the stand-in for drachtio-server ended');
  });
  ended.catch(() => {});
  const [{ adminPort, sipPort }] = await Promise.race([once(child, 'message'), ended]);
  return {
    environment: {
      DRACHTIO_HOST: '127.0.0.1',
      DRACHTIO_PORT: String(adminPort),
      DRACHTIO_SIP_PORT: String(sipPort),
    },
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
}
