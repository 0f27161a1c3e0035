import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dominant } from './analysis.ts';
import { RawPhone } from './raw-phone.ts';
import { runSipp, type SippScenario, startSipp } from './sipp.ts';
import { tone } from './tone.ts';

for (const scenario of ['dial-in', 'dial-in-hold', 'dial-in-offerless'] as const satisfies SippScenario[]) {
  test(`sipp's ${scenario} passes against a phone that answers`, async (t) => {
    const phone = await RawPhone.start({ user: 'gateway' });
    t.after(() => phone.stop());
    const running = runSipp({
      scenario,
      target: { host: '127.0.0.1', port: phone.port },
      keys: { room: 'standup' },
    });
    const call = await phone.incoming();
    assert.equal(call.header('Jitsi-Conference-Room'), 'standup');
    call.ring();
    call.answer();
    await call.next('ACK');
    call.audio.say(tone(440, 8000, 1));
    await call.audio.recording.more(20);
    assert.equal(Math.round(dominant(call.audio.recording.heard())[0]?.hz ?? 0), 440, 'echo');
    await call.ended();
    const result = await running;
    assert.equal(result.code, 0, result.errors);
    assert.match(result.messages, /BYE sip:gateway@/);
  });
}

test("sipp's dial-in fails when the call is refused, and says why", async (t) => {
  const phone = await RawPhone.start({ user: 'gateway' });
  t.after(() => phone.stop());
  const running = runSipp({
    scenario: 'dial-in',
    target: { host: '127.0.0.1', port: phone.port },
    keys: { room: 'x' },
  });
  (await phone.incoming()).reject(404, 'Not Found');
  const result = await running;
  assert.notEqual(result.code, 0);
  assert.match(result.errors, /404/);
});

test("sipp's dial-in-cancel gives up a call that rings", async (t) => {
  const phone = await RawPhone.start({ user: 'gateway' });
  t.after(() => phone.stop());
  const running = runSipp({
    scenario: 'dial-in-cancel',
    target: { host: '127.0.0.1', port: phone.port },
    keys: { room: 'x' },
  });
  const call = await phone.incoming();
  call.ring();
  assert.match((await call.ended()).startLine, /^CANCEL/);
  const result = await running;
  assert.equal(result.code, 0, result.errors);
});

test('sipp answers, echoes what it hears, and is hung up on', async (t) => {
  const phone = await RawPhone.start({ user: 'gateway' });
  t.after(() => phone.stop());
  const sipp = await startSipp({ scenario: 'answer' });
  const call = await (await phone.call(sipp.uri)).answered();
  call.audio.say(tone(440, 8000, 1));
  await call.audio.recording.more(25);
  assert.equal(Math.round(dominant(call.audio.recording.heard())[0]?.hz ?? 0), 440);
  assert.equal(await call.hangup(), 200);
  const result = await sipp.result;
  assert.equal(result.code, 0, result.errors);
});

test('sipp refuses with the status that the test wants', async (t) => {
  const phone = await RawPhone.start({ user: 'gateway' });
  t.after(() => phone.stop());
  const sipp = await startSipp({ scenario: 'refuse', keys: { status: '603 Decline' } });
  assert.equal(await (await phone.call(sipp.uri)).final(), 603);
  assert.equal((await sipp.result).code, 0);
});
