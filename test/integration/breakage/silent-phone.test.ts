import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import { value } from '../../kit/raw-sip.ts';
import { tone } from '../../kit/tone.ts';
import { dial, finish, isPhone, speaker } from './talk.ts';

/** RFC 3261 §13.3.1.4 gives the ACK 32 s, and the phone has 30 s for its first packet: they wait at the same time. */
describe('a phone that is not there any more', { concurrency: true }, () => {
  let stage: Constellation;
  before(async () => {
    stage = await Constellation.start();
  });
  after(() => finish(stage));

  test('a 200 that is never acknowledged ends in BYE, and the phone leaves the room', async () => {
    const alice = await speaker(stage.room('no-ack'));
    const call = await dial(stage, 'no-ack');
    call.acknowledges = false;
    await call.answered();
    call.audio.say(tone(1000, 8000, 1));
    const { nick } = await alice.waitFor(isPhone);
    // The 200 is repeated: it might be the ACK that was lost.
    await call.response(200);
    await call.response(200);
    const bye = await call.ended(40_000);
    assert.match(value(bye, 'Reason') ?? '', /SIP;cause=408;text="The answer was never acknowledged"/);
    if (alice.others.has(nick)) await alice.waitForLeave(nick);
    assert.equal((await stage.callEnded('no-ack')).reason, 'no-ack');
  });

  test('a phone that sends no RTP is hung up on after 30 s, with the reason', async () => {
    const alice = await speaker(stage.room('mute'));
    const call = await dial(stage, 'mute');
    await call.answered();
    const { nick } = await alice.waitFor(isPhone);
    const bye = await call.ended(40_000);
    assert.match(value(bye, 'Reason') ?? '', /SIP;cause=408;text="No media from the phone"/);
    if (alice.others.has(nick)) await alice.waitForLeave(nick);
    assert.equal((await stage.callEnded('mute')).reason, 'phone-silent');
  });
});
