import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loseDatagrams, someDatagrams } from '../../kit/lost-datagrams.ts';
import { ended, quickTimes, startEngine } from '../../kit/sip-engine.ts';
import { someSdp } from '../../kit/sip-peer.ts';

test('with 10 % loss each way every call between two gateways is answered and hung up', async (context) => {
  const answering = await startEngine({ times: quickTimes });
  context.after(() => answering.stop());
  const calling = await startEngine({ times: quickTimes, account: { port: answering.port } });
  context.after(() => calling.stop());
  const losses = loseDatagrams(answering.port, someDatagrams(0.1, 42, Number.POSITIVE_INFINITY));
  context.after(() => losses.stop());
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
  assert.ok(losses.count > 50, `${losses.count} lost`);
});
