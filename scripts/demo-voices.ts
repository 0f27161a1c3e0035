import { join, type Sound, seconds, silence } from '../test/kit/sound.ts';
import { speech, tone } from '../test/kit/tone.ts';
import type { Said } from './demo-hearing.ts';

/** The tones by which they are told apart in the measurement. */
export const tones = {
  phone: { who: 'the phone', hz: 1000, dbfs: -15 },
  alice: { who: 'Alice', hz: 440, dbfs: -15 },
  bob: { who: 'Bob', hz: 700, dbfs: -15 },
} as const satisfies Record<string, Said>;

const rate = 48_000;
/** The telephone plays one file from the moment of the answer: so long it speaks, then its tone begins. */
export const phoneSpeaksSeconds = 4;

export function phoneSays(): Sound {
  const words = speech('Hello, this is the telephone. Who is in the room?', 16_000);
  const pause = silence(16_000, Math.max(0, phoneSpeaksSeconds - seconds(words)));
  return join(words, pause, tone(tones.phone.hz, 16_000, 300 - phoneSpeaksSeconds, tones.phone.dbfs));
}

export const aliceSays = (): Sound => speech('Hello telephone, here is Alice.', rate, 'en+f3');
export const bobSays = (): Sound => speech('And I am Bob. We can hear you.', rate, 'en+m3');

export const steady = ({ hz, dbfs }: Said): Sound => tone(hz, rate, 1, dbfs);

/** What the two say again and again to whoever calls in by himself: never at the same time. */
export function smallTalk(): { readonly alice: Sound; readonly bob: Sound } {
  const alice = speech('Hello, here is Alice. You are in the room demo. Say something!', rate, 'en+f3');
  const bob = speech('And here is Bob. We are only a demonstration, but you can hear us.', rate, 'en+m3');
  const quiet = (seconds: number) => silence(rate, seconds);
  return {
    alice: join(alice, quiet(seconds(bob) + 4)),
    bob: join(quiet(seconds(alice) + 1), bob, quiet(3)),
  };
}
