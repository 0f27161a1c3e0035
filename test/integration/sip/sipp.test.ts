import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fail, ok } from '../../../src/errors.ts';
import type { SipCall } from '../../../src/sip/engine.ts';
import { Child } from '../../kit/child.ts';
import { ended, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { someSdp } from '../../kit/sip-peer.ts';
import { runSipp, startSipp } from '../../kit/sipp.ts';
import { freeUdpPorts } from '../../kit/udp-ports.ts';

async function scene(context: TestContext, port = 9): Promise<TestEngine> {
  const gateway = await startEngine({ account: { port } });
  context.after(() => gateway.stop());
  return gateway;
}

/** Answers with the direction that hold asks for. */
function answerEverything(call: SipCall): void {
  call.ring();
  call.answer(someSdp);
  call.on('reoffer', (sdp, respond) => {
    if (sdp === undefined) return respond(fail('no-common-codec'));
    respond(ok(sdp.includes('a=sendonly') ? `${someSdp}a=recvonly\r\n` : someSdp));
  });
}

for (const scenario of ['dial-in', 'dial-in-hold', 'dial-in-offerless'] as const) {
  test(`sipp's ${scenario} passes`, async (context) => {
    const gateway = await scene(context);
    gateway.engine.on('invite', answerEverything);
    const target = { host: '127.0.0.1', port: gateway.port };
    const result = await runSipp({ scenario, target, keys: { room: 'standup' }, echo: false });
    assert.equal(result.code, 0, result.errors);
    assert.equal(gateway.engine.occupancy().calls, 0);
  });
}

test("sipp's caller who gives up passes", async (context) => {
  const gateway = await scene(context);
  gateway.engine.on('invite', (call) => call.ring());
  const target = { host: '127.0.0.1', port: gateway.port };
  const running = runSipp({ scenario: 'dial-in-cancel', target, keys: { room: 'standup' }, echo: false });
  const call = await gateway.nextCall();
  assert.equal((await ended(call)).code, 'cancelled');
  const result = await running;
  assert.equal(result.code, 0, result.errors);
});

function dial(gateway: TestEngine): SipCall {
  const { account } = gateway;
  const options = { account, sdp: someSdp, headers: [], noAnswerSeconds: 30 };
  return gateway.engine.invite('sip:4711@pbx.test', options);
}

test('sipp answers our call, and takes our BYE', async (context) => {
  const sipp = await startSipp({ scenario: 'answer', echo: false });
  const gateway = await scene(context, sipp.port);
  const call = dial(gateway);
  await once(call, 'answered');
  call.end({ code: 'hangup' });
  const result = await sipp.result;
  assert.equal(result.code, 0, result.errors);
});

test('sipp is busy', async (context) => {
  const sipp = await startSipp({ scenario: 'refuse', keys: { status: '486 Busy Here' }, echo: false });
  const gateway = await scene(context, sipp.port);
  assert.deepEqual(await ended(dial(gateway)), { code: 'phone-busy', detail: '486 Busy Here' });
  const result = await sipp.result;
  assert.equal(result.code, 0, result.errors);
});

/* sipp's own answering side gives up on a repeated INVITE, so the other direction is tested in lossy.test.ts. */
test('with 10 % loss each way, every incoming call succeeds', async (context) => {
  const gateway = await scene(context);
  gateway.engine.on('invite', answerEverything);
  const [port] = (await freeUdpPorts(1)) as [number];
  const args = ['-sn', 'uac', '-i', '127.0.0.1', '-p', String(port), '-lost', '10', '-r', '40', '-m', '40'];
  const sipp = new Child('sipp', [...args, '-nostdin', '-timeout', '60s', `127.0.0.1:${gateway.port}`]);
  const { code } = await sipp.exited;
  assert.equal(code, 0, sipp.tail());
});
