import { after, afterEach, before, test } from 'node:test';
import { Constellation, phoneHearsTones, roomHearsTones } from '../../kit/constellation.ts';
import { DrachtioStandIn } from '../../kit/drachtio-server.ts';
import { tone } from '../../kit/tone.ts';

// The gateway behind a drachtio-server, chosen by its settings.

let server: DrachtioStandIn;
let world: Constellation;

before(async () => {
  server = await DrachtioStandIn.start();
  world = await Constellation.start({
    env: {
      JIGASI_SIP_ENGINE: 'drachtio',
      JIGASI_DRACHTIO_PORT: String(server.adminPort),
      JIGASI_DRACHTIO_SECRET: 'cymru',
    },
  });
});
afterEach((t) => world.report(t));
after(async () => {
  await world.stop();
  await server.stop();
});

test('a call through drachtio is heard on both sides, and its end is seen', async () => {
  const alice = await world.room('demo').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  const call = await world.phone.call(`sip:room@127.0.0.1:${server.port}`, {
    headers: [['Jitsi-Conference-Room', 'demo']],
  });
  await call.answered();
  call.audio.say(tone(1000, 8000, 1, -15));
  const { nick } = await world.occupant(alice, (seen) => seen.status === 'Connected');
  await Promise.all([phoneHearsTones(call, [440]), roomHearsTones(alice, nick, [1000])]);
  const left = alice.waitForLeave(nick);
  await call.hangup();
  await left;
});
