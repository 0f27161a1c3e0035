import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Baresip, startBaresip } from '../../kit/baresip.ts';
import { assertTones, Constellation, roomHears } from '../../kit/constellation.ts';
import { status } from '../../kit/raw-sip.ts';
import { cut } from '../../kit/sound.ts';
import { tone } from '../../kit/tone.ts';

// Encrypted audio with the PBX (RFC 4568), with a real telephone and its libsrtp.

for (const [policy, encryption] of [
  ['optional', 'srtp'],
  ['required', 'srtp-mand'],
] as const) {
  test(`policy ${policy}: a telephone with ${encryption} hears and is heard, and no key is in the log`, async (t) => {
    const world = await Constellation.start({
      defaultRoom: 'secure',
      env: { JIGASI_SIP_SRTP: policy, JIGASI_LOG_LEVEL: 'trace' },
    });
    t.after(() => world.stop());
    t.after(() => world.report(t));
    const phone = await startBaresip({ user: 'bob', encryption, says: tone(1000, 8000, 1, -15) });
    t.after(() => phone.stop());
    const alice = await world.room('secure').join('Alice');
    alice.keepSpeaking(tone(440, 48_000, 1, -15));
    await phone.dial(world.uri());
    await phone.event('CALL_ESTABLISHED');
    const { nick } = await world.occupant(alice);
    assertTones(await roomHears(alice, nick, 2), [1000]);
    await phone.hangup();
    await world.callEnded('secure');
    assertTones(cut(phone.heard(), -1.5), [440]);
    const media = world.gateway.log.find(({ event }) => event === 'phone-media');
    assert.match(String(media?.srtp), /^AES_CM_128_HMAC_SHA1_(80|32)$/);
    assertNoKeys(phone, world);
  });
}

/** baresip prints every SIP message: both keys are there. */
function assertNoKeys(phone: Baresip, world: Constellation): void {
  const keys = [...phone.lines.join('\n').matchAll(/inline:([A-Za-z0-9+/=]{40})/g)].map(([, key]) => key);
  assert.ok(new Set(keys).size >= 2, `${keys.length} keys in the messages`);
  for (const key of keys) assert.ok(key && !world.gateway.text.includes(key), 'a key is in the log');
}

test('a phone without SRTP is refused when it is required', async (t) => {
  const world = await Constellation.start({ defaultRoom: 'secure', env: { JIGASI_SIP_SRTP: 'required' } });
  t.after(() => world.stop());
  const call = await world.phone.call(world.uri());
  await assert.rejects(call.answered(), /488/);
  assert.ok(call.responses.all.map((message) => status(message)).includes(488));
});
