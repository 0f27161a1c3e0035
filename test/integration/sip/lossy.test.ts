import assert from 'node:assert/strict';
import { Socket } from 'node:dgram';
import { type TestContext, test } from 'node:test';
import { ended, quickTimes, startEngine } from '../../kit/sip-engine.ts';
import { someSdp } from '../../kit/sip-peer.ts';

/** Loses a share of all datagrams of this process, the same ones in each run. */
function loseDatagrams(context: TestContext, share: number): { lost: number } {
  const seen = { lost: 0 };
  let state = 42;
  const real = Socket.prototype.send;
  const lossy = function (this: Socket, ...args: unknown[]): void {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const done = args.at(-1);
    if (state / 2 ** 32 >= share) Reflect.apply(real, this, args);
    else {
      seen.lost += 1;
      if (typeof done === 'function') setImmediate(() => done(null));
    }
  };
  Socket.prototype.send = lossy as typeof real;
  context.after(() => {
    Socket.prototype.send = real;
  });
  return seen;
}

test('with 10 % loss each way every call between two gateways is answered and hung up', async (context) => {
  const answering = await startEngine({ times: quickTimes });
  const calling = await startEngine({ times: quickTimes, account: { port: answering.port } });
  const seen = loseDatagrams(context, 0.1);
  const heard: Promise<string>[] = [];
  answering.engine.on('invite', (call) => {
    heard.push(ended(call).then((why) => why.code));
    call.ring();
    call.answer(someSdp);
  });
  const { account } = calling;
  const dialled = Array.from({ length: 100 }, async () => {
    const options = { account, sdp: someSdp, headers: [], noAnswerSeconds: 30 };
    const call = calling.engine.invite('sip:4711@pbx.test', options);
    call.on('answered', () => call.end({ code: 'hangup' }));
    return (await ended(call)).code;
  });
  assert.deepEqual(new Set(await Promise.all(dialled)), new Set(['hangup']));
  assert.equal(heard.length, 100);
  assert.deepEqual(new Set(await Promise.all(heard)), new Set(['hangup']));
  assert.ok(seen.lost > 50, `${seen.lost} lost`);
  await Promise.all([calling.stop(), answering.stop()]);
});
