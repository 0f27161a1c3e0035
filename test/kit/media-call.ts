import { once } from 'node:events';
import { after, before, type TestContext } from 'node:test';
import { silentLog } from '../../src/log.ts';
import type { MediaCall, MediaEngine, PhoneMedia } from '../../src/media/media-engine.ts';
import { phoneMedia } from '../../src/media/phone-media.fixture.ts';
import { MediaPool } from '../../src/media/pool.ts';
import { RtpBridge } from './rtp-bridge.ts';
import { RtpPhone } from './rtp-phone.ts';
import { speakSrtp } from './sdes-phone.ts';

/** A call of a media engine, and the telephone that talks with it. */
export interface CallWithPhone {
  readonly call: MediaCall;
  readonly phone: RtpPhone;
  readonly rtpPort: number;
  readonly rtcpPort: number;
}

export interface PhoneOptions {
  /** Of what the phone agrees to; else it sends and hears PCMU. */
  readonly changes?: Partial<PhoneMedia>;
  readonly speaksSrtp?: boolean;
  /** Where it is, and the engine too. */
  readonly address?: string;
}

/** Opens a call with a phone. The bridge is for the test to connect. */
export async function callWithPhone(
  engine: MediaEngine,
  room: string,
  { changes, speaksSrtp = false, address = '127.0.0.1' }: PhoneOptions = {},
  id = room,
): Promise<CallWithPhone> {
  const call = unwrap(await engine.open(id, room));
  const phone = await RtpPhone.open('PCMU', address);
  const { rtpPort, rtcpPort } = unwrap(await call.openPhone());
  phone.remote = { address, port: rtpPort };
  const srtp = speaksSrtp ? speakSrtp(phone) : undefined;
  const remote = { address, port: phone.port, rtcpPort: phone.port + 1 };
  unwrap(await call.connectPhone(phoneMedia(phone.port, { remote, srtp, ...changes })));
  return { call, phone, rtpPort, rtcpPort };
}

/** A media worker for all tests of a file. */
export function poolOfFile(): MediaPool {
  const config = {
    minPort: 10_000,
    maxPort: 31_999,
    address: '0.0.0.0',
    publicAddress: undefined,
    stunServer: undefined,
    workers: 1,
  };
  const pool = new MediaPool({ config, log: silentLog });
  before(() => pool.start());
  after(() => pool.stop());
  return pool;
}

/** The call's bridge leg is up, with a bridge that is seen packet by packet; it ends with the test. */
export async function bridgeOf(t: TestContext, call: MediaCall, source: number): Promise<RtpBridge> {
  const bridge = await RtpBridge.start();
  t.after(() => bridge.close());
  const up = once(call, 'bridge-up');
  await bridge.connect(unwrap(await call.connectBridge(bridge.offer([source]))));
  await up;
  return bridge;
}

/** Ends both after the test. */
export function endAfter(t: TestContext, { call, phone }: Pick<CallWithPhone, 'call' | 'phone'>): void {
  t.after(async () => {
    await call.close();
    phone.close();
  });
}

/** The value; a failure ends the test. */
export function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}
