import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../log.ts';
import { Headers, type SipResponse } from './message.ts';
import { RegistrationLoop, type SipAnswer } from './registration.ts';

const contact = '<sip:gateway@192.0.2.1:5060>';

function response(status: number, lines: Readonly<Record<string, string>> = {}): SipAnswer {
  const headers = new Headers();
  for (const [name, value] of Object.entries(lines)) headers.add(name, value);
  return { response: { status, reason: 'x', headers } as SipResponse, fault: '' };
}

const silence: SipAnswer = { response: undefined, fault: 'no answer' };

interface Scene {
  readonly loop: RegistrationLoop;
  /** Milliseconds that each REGISTER came after the one before, and what it asked for. */
  readonly sent: { after: number; expires: number }[];
  /** Lets the next REGISTER leave, whenever that is. */
  next(): Promise<void>;
}

/** Time runs by steps of 10 ms, as fast as it can. */
function scene(context: TestContext, answers: readonly SipAnswer[], random: number): Scene {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const sent: { after: number; expires: number }[] = [];
  let [clock, last] = [0, 0];
  const loop = new RegistrationLoop({
    expiresSeconds: 300,
    send: async (expires) => {
      const answer = answers[sent.length] ?? answers.at(-1) ?? silence;
      sent.push({ after: clock - last, expires });
      last = clock;
      return { ...answer, contact };
    },
    log: silentLog,
    random: () => random,
  });
  const next = async (): Promise<void> => {
    const before = sent.length;
    while (sent.length === before) {
      context.mock.timers.tick(10);
      clock += 10;
    }
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  return { loop, sent, next };
}

async function waits(context: TestContext, answer: SipAnswer, random: number, count: number) {
  const { loop, sent, next } = scene(context, [answer], random);
  loop.start();
  for (let index = 0; index < count; index += 1) await next();
  await loop.stop();
  return sent.slice(1, count).map(({ after }) => after);
}

test('a refusal is tried again after 1 s, 2 s, … 60 s, each up to a quarter sooner', async (context) => {
  await context.test('the longest waits', async (inner) => {
    const longest = await waits(inner, response(403), 1, 9);
    assert.deepEqual(longest, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });
  await context.test('the shortest waits', async (inner) => {
    assert.deepEqual(await waits(inner, response(403), 0, 4), [750, 1_500, 3_000]);
  });
});

test('a registrar that is silent is asked every few seconds', async (context) => {
  assert.deepEqual(await waits(context, silence, 1, 6), [1_000, 2_000, 4_000, 4_000, 4_000]);
});

test('Retry-After is honoured, but not for a day', async (context) => {
  await context.test('90 s', async (inner) => {
    assert.deepEqual(await waits(inner, response(503, { 'retry-after': '90' }), 1, 3), [90_000, 90_000]);
  });
  await context.test('a week', async (inner) => {
    assert.deepEqual(await waits(inner, response(503, { 'retry-after': '604800' }), 1, 2), [3_600_000]);
  });
});

test('an empty table is noticed within 30 s: so often the registration is renewed, spread over gateways', async (context) => {
  await context.test('at the latest', async (inner) => {
    assert.deepEqual(await waits(inner, response(200), 1, 3), [25_000, 25_000]);
  });
  await context.test('at the soonest', async (inner) => {
    assert.deepEqual(await waits(inner, response(200), 0, 2), [22_000]);
  });
});

test('a short registration is renewed before it ends', async (context) => {
  const own = response(200, { contact: `${contact};expires=10` });
  const [wait = 0] = await waits(context, own, 1, 2);
  assert.ok(wait > 5_000 && wait <= 8_500, String(wait));
});

test('the back-off begins anew after a success; at the end the registration is taken back', async (context) => {
  const answers = [response(500), response(500), response(200), response(500), response(200)];
  const { loop, sent, next } = scene(context, answers, 1);
  loop.start();
  for (let index = 0; index < 5; index += 1) await next();
  assert.deepEqual(
    sent.slice(1).map(({ after }) => after),
    [1_000, 2_000, 25_000, 1_000],
  );
  assert.equal(loop.state, 'registered');
  await loop.stop();
  assert.equal(sent.at(-1)?.expires, 0);
  assert.equal(loop.state, 'stopped');
});
