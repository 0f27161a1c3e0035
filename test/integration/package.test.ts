import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertTones, Constellation, phoneHears } from '../kit/constellation.ts';
import { tone } from '../kit/tone.ts';

// What `npm run build` makes is what people run: it must start its worker threads and carry a call like the sources do.

const repository = fileURLToPath(new URL('../..', import.meta.url));
let world: Constellation;

before(async () => {
  execFileSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: repository });
  world = await Constellation.start({ command: [process.execPath, `${repository}/dist/cli.js`] });
});
after(() => world.stop());

test('the compiled program carries a call', async () => {
  const alice = await world.room('built').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  const call = await world.dialIn('built');
  await call.answered();
  assertTones(await phoneHears(call), [440]);
  await call.hangup();
});
