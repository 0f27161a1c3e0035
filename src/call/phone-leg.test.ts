import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EndingCode, ok, type Result } from '../errors.ts';
import type { SipCall } from '../sip/engine.ts';
import { Dialog, scene, sdp, settled } from './phone-leg.fixture.ts';
import type { PhoneLeg } from './phone-leg.ts';

const versionOf = (answer: Result<string>): number => {
  assert.ok(answer.ok);
  return Number(/^o=\S+ \d+ (\d+)/m.exec(answer.value)?.[1]);
};

test('a phone that we called may hold and resume: the ACK of an answer of ours carries nothing', async () => {
  const dialog = new Dialog('out');
  const { leg, media, events, sip } = scene(dialog);
  await leg.prepare(() => sip);
  leg.invite();
  dialog.emit('answered', sdp('sendrecv'));
  await settled();
  const held = await dialog.reoffer(sdp('sendonly'));
  dialog.emit('reanswered', undefined);
  const resumed = await dialog.reoffer(sdp('sendrecv'));
  dialog.emit('reanswered', undefined);
  await settled();
  assert.deepEqual(dialog.ends, []);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['phone-answered'],
  );
  assert.deepEqual(
    media.agreed.map(({ direction }) => direction),
    ['sendrecv', 'recvonly', 'sendrecv'],
  );
  assert.equal(versionOf(resumed), versionOf(held) + 1);
});

test('music is for a phone that holds with sendonly, of an account that has some', async () => {
  const nowhere = sdp('sendrecv').replace('c=IN IP4 127.0.0.1', 'c=IN IP4 0.0.0.0');
  for (const [holdMusic, offer, expected] of [
    ['off', sdp('sendonly'), undefined],
    ['/music.wav', sdp('sendonly'), '/music.wav'],
    ['/music.wav', nowhere, undefined],
  ] as const) {
    const dialog = new Dialog('in', sdp('sendrecv'));
    const { leg, media, sip } = scene(dialog, { profile: { codecs: ['PCMU'], holdMusic } });
    await leg.receive(sip);
    await dialog.reoffer(offer);
    assert.partialDeepStrictEqual(media.agreed.at(-1), { direction: 'recvonly' });
    assert.equal(media.agreed.at(-1)?.holdMusic, expected);
  }
});

test('a caller who sent no offer may hold later', async () => {
  const dialog = new Dialog('in');
  const { leg, sip } = scene(dialog);
  await leg.receive(sip);
  leg.answer();
  dialog.emit('answered', sdp('sendrecv'));
  await settled();
  await dialog.reoffer(sdp('sendonly'));
  dialog.emit('reanswered', undefined);
  await settled();
  assert.deepEqual(dialog.ends, []);
});

test('an offer of ours that is never answered ends the call', async () => {
  const dialog = new Dialog('in', sdp('sendrecv'));
  const { leg, sip } = scene(dialog);
  await leg.receive(sip);
  leg.answer();
  dialog.emit('answered', undefined);
  await settled();
  assert.deepEqual(dialog.ends, [], 'the offer was theirs');
  await dialog.reoffer(undefined);
  dialog.emit('reanswered', undefined);
  await settled();
  assert.deepEqual(
    dialog.ends.map(({ code }) => code),
    ['no-common-codec'],
  );
});

test('a re-INVITE that is refused takes no version of the session', async () => {
  const dialog = new Dialog('in', sdp('sendrecv'));
  const { leg, sip } = scene(dialog);
  await leg.receive(sip);
  const before = versionOf(await dialog.reoffer(sdp('sendrecv')));
  assert.equal((await dialog.reoffer('v=0')).ok, false);
  assert.equal(versionOf(await dialog.reoffer(sdp('sendrecv'))), before + 1);
});

/** An outgoing call whose first line fails with `code`, and what becomes of it. */
async function failing(code: EndingCode, act: (dialog: Dialog, leg: PhoneLeg) => void = () => {}) {
  const [first, second] = [new Dialog('out'), new Dialog('out')];
  const { leg, events, sip } = scene(first);
  const offers: string[] = [];
  const another = async () =>
    ok({
      profile: { codecs: ['PCMA' as const] },
      address: '127.0.0.9',
      place: (offer: string) => {
        offers.push(offer);
        return second as unknown as SipCall;
      },
    });
  await leg.prepare(() => sip, another);
  leg.invite();
  act(first, leg);
  first.emit('ended', { code });
  await settled();
  return { leg, second, offers, types: events.map(({ type }) => type), events };
}

test('a call that nobody took goes by the next account, with what that one is configured for', async () => {
  const { second, offers, events } = await failing('phone-unreachable');
  assert.equal(offers.length, 1);
  assert.match(offers[0] ?? '', /c=IN IP4 127\.0\.0\.9\r\n/);
  assert.match(offers[0] ?? '', /m=audio \d+ RTP\/AVP 8 /);
  assert.deepEqual(events, [], 'the room hears nothing of it');
  second.emit('ringing', undefined);
  second.emit('ended', { code: 'phone-unreachable' });
  await settled();
  assert.deepEqual(
    events.map(({ type }) => type),
    ['phone-ringing', 'phone-ended'],
  );
});

test('an answer of the one who was called is never answered with another try', async () => {
  for (const code of ['phone-busy', 'phone-rejected', 'phone-no-answer'] as const) {
    const { offers, types } = await failing(code);
    assert.deepEqual([offers, types], [[], ['phone-ended']], code);
  }
  const rung = await failing('phone-unreachable', (dialog) => dialog.emit('ringing', undefined));
  assert.deepEqual([rung.offers, rung.types], [[], ['phone-ringing', 'phone-ended']]);
});

test('a call that the room ends meanwhile goes nowhere', async () => {
  const ended = await failing('phone-unreachable', (_dialog, leg) => leg.end({ code: 'hangup' }));
  assert.deepEqual([ended.offers, ended.types], [[], ['phone-ended']]);
  const dialog = new Dialog('out');
  const { leg, events, sip } = scene(dialog);
  const { promise, resolve } = Promise.withResolvers<void>();
  await leg.prepare(
    () => sip,
    async () => {
      await promise;
      return ok({ profile: { codecs: [] }, address: '', place: () => assert.fail('it was dialled again') });
    },
  );
  leg.invite();
  dialog.emit('ended', { code: 'phone-unreachable' });
  leg.end({ code: 'hangup' });
  resolve();
  await settled();
  assert.deepEqual(events, [{ type: 'phone-ended', why: { code: 'hangup' } }]);
});

test('early media needs an account that wants it and a caller that takes it; the answer says the same again', async () => {
  for (const [earlyMedia, takes] of [
    [true, true],
    [false, true],
    [true, false],
  ] as const) {
    const dialog = new Dialog('in', sdp('sendrecv'));
    dialog.takesEarlyMedia = takes;
    const { leg, sip } = scene(dialog, { profile: { codecs: ['PCMU'], earlyMedia } });
    assert.ok((await leg.receive(sip)).ok);
    assert.equal(leg.takesEarlyMedia, earlyMedia && takes);
    leg.early();
    leg.answer();
    assert.equal(dialog.earlyAnswers.length, 1);
    assert.deepEqual(dialog.answers, dialog.earlyAnswers);
  }
});
