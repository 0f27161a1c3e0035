import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Log } from '../log.ts';
import type { LegStatistics, MediaStatistics } from '../media/media-engine.ts';
import { SoundWatch } from './sound-watch.ts';

const leg = { packetsSent: 0, packetsReceived: 0, packetsLost: 0, jitterMs: 4, mos: 4.1, dropped: {} };

interface Scene {
  readonly watch: SoundWatch;
  /** Events of the log, with the leg. */
  readonly said: string[];
  /** Five seconds in which the phone's packets do so. */
  pass(received: number, lost: number): Promise<void>;
}

function scene(context: TestContext): Scene {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const said: string[] = [];
  const note = ({ event, leg: which }: { event: string; leg?: string }): void => {
    said.push(which === undefined ? event : `${event} ${which}`);
  };
  const log = { info: note, warn: note } as unknown as Log;
  let phone: LegStatistics = leg;
  const statistics = async (): Promise<MediaStatistics> => ({ phone, bridge: leg, sources: [] });
  const watch = new SoundWatch({ statistics }, log);
  return {
    watch,
    said,
    async pass(received, lost) {
      const { packetsReceived, packetsLost } = phone;
      phone = { ...phone, packetsReceived: packetsReceived + received, packetsLost: packetsLost + lost };
      context.mock.timers.tick(5000);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('a phone that loses packets for ten seconds is told of once, and again when it is over', async (context) => {
  const { said, pass } = scene(context);
  await pass(250, 0);
  for (let readings = 0; readings < 4; readings += 1) await pass(220, 30);
  await pass(250, 0);
  assert.deepEqual(said, ['sound-poor phone', 'sound-recovered phone']);
});

test('one bad reading, a little loss, packets that came after all, and silence are no news', async (context) => {
  const { said, pass } = scene(context);
  for (const [received, lost] of [
    [150, 100],
    [350, -100],
    [245, 5],
    [0, 0],
  ] as const) {
    await pass(received, lost);
  }
  assert.deepEqual(said, []);
});

test('at the end the log says what became of the audio, when there was any; then nothing is read any more', async (context) => {
  const silent = scene(context);
  await silent.watch.end();
  assert.deepEqual(silent.said, []);
  context.mock.timers.reset();
  const { watch, said, pass } = scene(context);
  await pass(250, 0);
  await watch.end();
  assert.deepEqual(said, ['call-sound']);
  for (let readings = 0; readings < 4; readings += 1) await pass(100, 100);
  assert.deepEqual(said, ['call-sound']);
});
