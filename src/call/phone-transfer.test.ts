import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Failure, fail, ok } from '../errors.ts';
import type { SipCall, TransferRequest } from '../sip/engine.ts';
import { Dialog, scene, sdp, settled } from './phone-leg.fixture.ts';

/** A REFER, and what the PBX was told about it. */
function refer() {
  const told: (string | number)[] = [];
  const request: TransferRequest = {
    target: 'sip:4712@pbx.test',
    replaces: undefined,
    referredBy: undefined,
    accept: () => told.push('accept'),
    refuse: (why) => told.push(why.code),
    progress: (status) => told.push(status),
  };
  return { told, request };
}

/** A caller in a call, whose PBX sends REFER. */
async function transferred(refused?: Failure) {
  const [old, next] = [new Dialog('in', sdp('sendrecv', 4000)), new Dialog('out')];
  const offers: string[] = [];
  const place = (offer: string): SipCall => {
    offers.push(offer);
    return next as unknown as SipCall;
  };
  const transfer = () => (refused === undefined ? ok(place) : fail(refused.code));
  const { leg, media, events, sip } = scene(old, { transfer });
  await leg.receive(sip);
  leg.answer();
  const { told, request } = refer();
  old.emit('refer', request);
  const ports = (): number[] => media.agreed.map(({ remote }) => remote.port);
  const steps = (): string[] =>
    events.map((event) => (event.type === 'phone-moving' ? event.how : event.type));
  const codes = (dialog: Dialog): string[] => dialog.ends.map(({ code }) => code);
  return { old, next, offers, leg, told, ports, steps, codes };
}

test('a blind transfer that the target answers: the target is heard, the PBX learns it, the old dialog ends', async () => {
  const { old, next, offers, leg, told, ports, steps, codes } = await transferred();
  assert.deepEqual(told, ['accept']);
  assert.match(offers[0] ?? '', /m=audio 20000 /);
  next.emit('ringing', undefined);
  next.emit('answered', sdp('sendrecv', 5000));
  await settled();
  assert.deepEqual(told, ['accept', 180, 200]);
  assert.deepEqual(ports(), [4000, 5000]);
  assert.deepEqual(codes(old), ['hangup']);
  old.emit('ended', { code: 'hangup' });
  assert.deepEqual(steps(), ['begun', 'ringing', 'over'], 'the call goes on');
  await next.reoffer(sdp('sendonly', 5000));
  assert.deepEqual(ports(), [4000, 5000, 5000]);
  leg.end({ code: 'kicked' });
  assert.deepEqual(codes(next), ['kicked']);
  next.emit('ended', { code: 'hangup' });
  assert.equal(steps().at(-1), 'phone-ended');
});

test('a target that is busy: the PBX learns it, and the old phone goes on with its media', async () => {
  const { old, next, told, ports, steps, codes } = await transferred();
  next.emit('ended', { code: 'phone-busy' });
  await settled();
  assert.deepEqual(told, ['accept', 486]);
  assert.deepEqual(codes(old), []);
  assert.deepEqual(ports(), [4000, 4000]);
  const again = refer();
  old.emit('refer', again.request);
  assert.deepEqual(again.told, ['accept'], 'the next try is taken');
  assert.deepEqual(steps(), ['begun', 'over', 'begun']);
});

test('a transfer that policy forbids is refused, and nobody is called', async () => {
  const { old, offers, told, steps, codes } = await transferred({ code: 'destination-refused' });
  assert.deepEqual([told, offers, steps(), codes(old)], [['destination-refused'], [], [], []]);
});

test('a second REFER during the first one calls nobody', async () => {
  const { old, offers } = await transferred();
  const second = refer();
  old.emit('refer', second.request);
  assert.deepEqual([second.told, offers.length], [['phone-busy'], 1]);
});

test('a PBX that hangs up right after its REFER does not end the call while the target rings', async () => {
  const { old, next, ports, steps, codes } = await transferred();
  old.emit('ended', { code: 'hangup' });
  next.emit('ringing', undefined);
  next.emit('answered', sdp('sendrecv', 5000));
  await settled();
  assert.deepEqual(steps(), ['begun', 'ringing', 'over']);
  assert.deepEqual([ports(), codes(old)], [[4000, 5000], []]);
});

test('a PBX that has hung up when the target does not answer: the call ends', async () => {
  const { old, next, leg, steps } = await transferred();
  old.emit('ended', { code: 'hangup' });
  next.emit('ended', { code: 'phone-no-answer' });
  assert.deepEqual(steps(), ['begun', 'phone-ended']);
  assert.deepEqual(leg.ended, { code: 'hangup' });
});

test('a hang-up of the room ends both dialogs, and the phone is gone when both are', async () => {
  const { old, next, leg, told, steps, codes } = await transferred();
  leg.end({ code: 'kicked' });
  assert.deepEqual([codes(old), codes(next)], [['kicked'], ['kicked']]);
  assert.deepEqual(told, ['accept', 487]);
  next.emit('answered', sdp('sendrecv', 5000));
  await settled();
  old.emit('ended', { code: 'hangup' });
  assert.deepEqual(steps(), ['begun'], 'the new dialog is still there');
  next.emit('ended', { code: 'cancelled' });
  assert.deepEqual(steps(), ['begun', 'phone-ended']);
});

test('an answer without common codec is no answer: the old phone goes on', async () => {
  const { old, next, told, codes } = await transferred();
  next.emit('answered', 'v=0');
  await settled();
  assert.equal(codes(next).length, 1);
  next.emit('ended', { code: 'no-common-codec' });
  assert.deepEqual([told, codes(old)], [['accept', 488], []]);
});

/** A caller in a call, in whose place another phone is put. */
async function replacing(offer: string | undefined) {
  const [old, next] = [new Dialog('in', sdp('sendrecv', 4000)), new Dialog('in', offer)];
  const { leg, media, events, sip } = scene(old);
  await leg.receive(sip);
  leg.answer();
  const ports = (): number[] => media.agreed.map(({ remote }) => remote.port);
  return { old, next, leg, events, ports, taking: leg.takeOver(next as unknown as SipCall) };
}

test('an INVITE with Replaces takes the call over: it is answered with the same media, then the old dialog ends', async () => {
  const { old, next, leg, events, ports, taking } = await replacing(sdp('sendrecv', 6000));
  assert.ok((await taking).ok);
  assert.match(next.answers[0] ?? '', /m=audio 20000 /);
  assert.deepEqual(ports(), [4000, 6000]);
  assert.equal(old.ends.length, 1);
  old.emit('ended', { code: 'hangup' });
  assert.deepEqual(events, [], 'the call goes on');
  assert.ok(leg.isOn(next as unknown as SipCall));
  next.emit('ended', { code: 'hangup' });
  assert.deepEqual(events, [{ type: 'phone-ended', why: { code: 'hangup' } }]);
});

test('a takeover without offer gets ours, and its ACK says where the phone is', async () => {
  const { next, ports, taking } = await replacing(undefined);
  assert.ok((await taking).ok);
  next.emit('answered', sdp('sendrecv', 6000));
  await settled();
  assert.deepEqual(ports(), [4000, 6000]);
});

test('a takeover that cannot be spoken with, was given up, or comes too late leaves the call as it was', async () => {
  const mute = await replacing('v=0');
  assert.equal((await mute.taking).ok, false);
  const givenUp = await replacing(sdp('sendrecv', 6000));
  givenUp.next.emit('ended', { code: 'cancelled' });
  assert.equal((await givenUp.taking).ok, false);
  assert.equal(givenUp.ports().at(-1), 4000);
  const late = await replacing(sdp('sendrecv', 6000));
  late.leg.end({ code: 'hangup' });
  assert.equal((await late.taking).ok, false);
  for (const { old, next } of [mute, givenUp]) assert.deepEqual([old.ends, next.answers], [[], []]);
});

test('an INVITE with Replaces picks up a phone that rings: the call is answered, the other one stops', async () => {
  const [ringing, next] = [new Dialog('out'), new Dialog('in', sdp('sendrecv', 6000))];
  const { leg, events, media, sip } = scene(ringing);
  await leg.prepare(() => sip);
  leg.invite();
  ringing.emit('ringing', undefined);
  assert.ok((await leg.takeOver(next as unknown as SipCall)).ok);
  assert.equal(ringing.ends.length, 1);
  ringing.emit('ended', { code: 'cancelled' });
  next.emit('answered', undefined);
  await settled();
  assert.deepEqual(events, [{ type: 'phone-ringing' }, { type: 'phone-answered' }]);
  assert.deepEqual(
    media.agreed.map(({ remote }) => remote.port),
    [6000],
  );
});
