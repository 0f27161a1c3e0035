import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import type { Participant } from '../../kit/participant.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import { RawPhone } from '../../kit/raw-phone.ts';
import { until } from '../../kit/until.ts';

// A telephone that cannot be reached: the room reads why for five seconds, then the occupant leaves. Each test waits for that, so
// they run side by side; each number is a telephone of its own kind, and the name of its room.

let world: Constellation;
let second: RawPhone;
let third: RawPhone;

before(async () => {
  world = await Constellation.start({ env: { JIGASI_SIP_NO_ANSWER_SECONDS: '2' } });
  [second, third] = await Promise.all([RawPhone.start({ user: '200' }), RawPhone.start({ user: '300' })]);
});
after(async () => {
  second.stop();
  third.stop();
  await world.stop();
});

interface Dialled {
  readonly alice: Participant;
  readonly nick: string;
  readonly call: RawCall;
}

async function dial(number: string): Promise<Dialled> {
  const alice = await world.room(number).join('Alice');
  const answer = await alice.dial(number, world.componentDomain);
  assert.equal(answer?.attrs.type, 'result', answer?.toString());
  const { nick } = await world.occupant(alice);
  return { alice, nick, call: await world.phone.incoming(undefined, number) };
}

/** The room reads `status` while the occupant stays, and as it leaves. */
async function roomReads({ alice, nick, call }: Dialled, status: string, reason: string): Promise<void> {
  await world.occupant(alice, (seen) => seen.status === status);
  const port = Number(call.request?.message.body.match(/m=audio (\d+)/)?.[1]);
  assert.ok(port > 0);
  await until('its RTP port is free', () => !world.gateway.mediaPorts().includes(port));
  assert.ok(alice.others.has(nick), 'it has not left yet');
  const presence = await alice.waitForLeave(nick);
  assert.equal(presence.getChild('status')?.getText(), status);
  const ended = await world.callEnded(alice.room);
  assert.equal(ended.reason, reason);
}

const refusals = [
  [486, 'Busy Here', 'Busy', 'phone-busy'],
  [600, 'Busy Everywhere', 'Busy', 'phone-busy'],
  [603, 'Decline', 'Rejected', 'phone-rejected'],
  [403, 'Forbidden', 'Rejected', 'phone-rejected'],
  [404, 'Not Found', 'Not found', 'phone-not-found'],
  [480, 'Temporarily Unavailable', 'No answer', 'phone-no-answer'],
  [488, 'Not Acceptable Here', 'Codec mismatch', 'no-common-codec'],
  [500, 'Server Internal Error', 'Failed', 'phone-failed'],
  [503, 'Service Unavailable', 'PBX unreachable', 'phone-unreachable'],
] as const;

describe('a call that fails says why in the room', { concurrency: true }, () => {
  for (const [code, phrase, status, reason] of refusals) {
    test(`${code} ${phrase}: ${status}`, async () => {
      const dialled = await dial(`n${code}`);
      dialled.call.ring();
      dialled.call.reject(code, phrase);
      await roomReads(dialled, status, reason);
      assert.match(
        String((await world.callEnded(dialled.alice.room)).detail),
        new RegExp(`^${code} ${phrase}`),
      );
    });
  }

  test('nobody answers: the phone stops ringing', async () => {
    const dialled = await dial('rings');
    dialled.call.ring();
    assert.match((await dialled.call.ended()).startLine, /^CANCEL /);
    await roomReads(dialled, 'No answer', 'phone-no-answer');
  });

  for (const [code, header] of [
    [401, 'WWW-Authenticate'],
    [407, 'Proxy-Authenticate'],
  ] as const) {
    test(`${code} is answered with credentials once; when they are refused: Rejected`, async () => {
      const dialled = await dial(`n${code}`);
      const challenge = [[header, 'Digest realm="pbx", nonce="n1", algorithm=MD5, qop="auth"']] as const;
      dialled.call.reject(code, 'Unauthorized', challenge);
      const again = await world.phone.incoming(undefined, `n${code}`);
      const credentials = again.header(code === 401 ? 'Authorization' : 'Proxy-Authorization');
      assert.match(credentials ?? '', /^Digest username="gateway",.*nonce="n1"/);
      again.reject(code, 'Unauthorized', challenge);
      await roomReads(dialled, 'Rejected', 'phone-unauthorized');
    });
  }

  test('a redirect is followed once', async () => {
    const dialled = await dial('moved');
    dialled.call.reject(302, 'Moved Temporarily', [['Contact', `<sip:moved@127.0.0.1:${second.port}>`]]);
    const redirected = await second.incoming(undefined, 'moved');
    assert.equal(redirected.header('Jitsi-Conference-Room'), dialled.alice.room);
    redirected.answer();
    await world.occupant(dialled.alice, ({ status }) => status === 'Connected');
    const left = dialled.alice.waitForLeave(dialled.nick);
    await redirected.hangup();
    await left;
  });

  test('redirects that lead back to where the call was are not followed: Failed', async () => {
    const dialled = await dial('wandering');
    const to = (phone: RawPhone) => [['Contact', `<sip:wandering@127.0.0.1:${phone.port}>`]] as const;
    dialled.call.reject(302, 'Moved', to(second));
    (await second.incoming(undefined, 'wandering')).reject(302, 'Moved', to(third));
    (await third.incoming(undefined, 'wandering')).reject(302, 'Moved', to(second));
    await roomReads(dialled, 'Failed', 'phone-failed');
    const again = second.received.all.filter(({ message }) =>
      message.startLine.startsWith('INVITE sip:wandering@'),
    );
    assert.equal(again.length, 1);
  });
});
