import { setTimeout as delay } from 'node:timers/promises';
import type { Participant, Seen } from '../test/kit/participant.ts';
import { cut, type Sound, seconds } from '../test/kit/sound.ts';
import { payload } from '../test/kit/xml.ts';
import type { Hearing } from './demo-hearing.ts';
import { listen } from './demo-hearing.ts';
import { accounts, roomName, type Stage } from './demo-stage.ts';
import type { Story } from './demo-story.ts';
import { aliceSays, bobSays, phoneSpeaksSeconds, steady, tones } from './demo-voices.ts';

/** One call of the telephone, as it was heard at both ends. */
export interface Take {
  /** From dialling to the answer, as the telephone (dial-in) or Alice (dial-out) saw it. */
  readonly setupMs: number;
  readonly phone: Sound;
  readonly room: Sound;
  readonly phoneHears: Hearing;
  readonly roomHears: Hearing;
}

/** So long everybody says his tone; the last of it is measured. */
const toneSeconds = 5;
const measuredSeconds = 4;

/** The telephone calls the room by its number at the PBX, and hangs up. */
export async function dialIn(stage: Stage, story: Story): Promise<Take> {
  const { phone, pbx, alice } = stage;
  const number = `room-${roomName}`;
  story.tell(
    `DIAL-IN: the telephone calls ${number}; the PBX adds "Jitsi-Conference-Room: ${roomName}" and calls the gateway`,
  );
  const line = offHook(stage);
  const newcomer = nextPhone(alice);
  const began = performance.now();
  await phone.dial(`sip:${number}@${pbx.domain}`);
  await line.established;
  const setupMs = performance.now() - began;
  const seen = await newcomer();
  story.tell(
    `the gateway has answered after ${Math.round(setupMs)} ms; Alice sees "${seen.displayName}" in the room`,
  );
  const take = await converse(stage, story, seen.nick, async () => {
    await phone.hangup();
    await line.closed;
    story.tell('the telephone has hung up, and left the room');
  });
  return { setupMs, ...take };
}

/** Alice calls the telephone's number as the web page does, through the focus and the brewery, and hangs up. */
export async function dialOut(stage: Stage, story: Story): Promise<Take> {
  const { alice } = stage;
  const number = accounts.phone.user;
  story.tell(`DIAL-OUT: Alice invites the number ${number}; the focus asks a gateway of the brewery`);
  await alice.becomesModerator();
  const line = offHook(stage);
  const newcomer = nextPhone(alice);
  const tile = watchTile(alice, story);
  const began = performance.now();
  const ref = await dial(alice, number);
  await line.established;
  const setupMs = performance.now() - began;
  story.tell(`the telephone has rung and answered by itself after ${Math.round(setupMs)} ms`);
  const { nick } = await newcomer();
  const take = await converse(stage, story, nick, async () => {
    await alice.hangup(ref);
    await line.closed;
    story.tell('Alice has hung up; the telephone was told so (BYE)');
  });
  tile.close();
  return { setupMs, ...take };
}

/** Resolves with the address of the call, for its hang-up. */
export async function dial(alice: Participant, number: string): Promise<string> {
  const answer = await alice.dial(number);
  const ref = answer?.attrs.type === 'result' ? payload(answer)?.attrs.uri : undefined;
  if (ref === undefined) throw new Error(`the dial to ${number} was refused: ${answer ?? 'no answer'}`);
  return ref;
}

/** Whether there is a telephone behind this occupant. */
export const isPhone = ({ realJid }: Seen): boolean => realJid.includes('@callcontrol.');

/** Waits, when it is called, for a telephone that was not in the room at first: a failed call may have left one. */
export function nextPhone(alice: Participant): () => Promise<Seen> {
  const before = new Set(alice.others.keys());
  return () => alice.waitFor((seen) => isPhone(seen) && !before.has(seen.nick));
}

/** The next call of the telephone: `established` fails when it ends before the answer. */
function offHook({ phone }: Stage): { established: Promise<void>; closed: Promise<unknown> } {
  const closed = phone.event('CALL_CLOSED', 120_000);
  const failed = closed.then(({ param }) => Promise.reject(new Error(`the call has failed: ${param}`)));
  closed.catch(() => {});
  failed.catch(() => {});
  const answered = phone.event('CALL_ESTABLISHED').then(() => {});
  return { established: Promise.race([answered, failed]), closed };
}

function watchTile(alice: Participant, story: Story): { close(): void } {
  let last: string | undefined;
  const listener = (seen: Seen): void => {
    if (!isPhone(seen) || seen.status === undefined || seen.status === last) return;
    last = seen.status;
    story.tell(`Alice sees the telephone's tile: "${last}"`);
  };
  alice.on('seen', listener);
  return { close: () => alice.off('seen', listener) };
}

/** They greet each other, say their tones, and hang up: what each end has recorded, and what is to be heard in it. */
async function converse(
  { alice, bob, phone }: Stage,
  story: Story,
  nick: string,
  hangUp: () => Promise<void>,
): Promise<Omit<Take, 'setupMs'>> {
  const began = performance.now();
  const left = alice.waitForLeave(nick, 120_000);
  left.catch(() => {});
  story.tell('the telephone greets, then Alice, then Bob …');
  await delay(phoneSpeaksSeconds * 1000);
  await alice.speak(aliceSays());
  await bob.speak(bobSays());
  const all = Object.values(tones).map(({ who, hz }) => `${who} ${hz} Hz`);
  story.tell(`… now all say their tones at once for ${toneSeconds} s: ${all.join(', ')}`);
  alice.keepSpeaking(steady(tones.alice));
  bob.keepSpeaking(steady(tones.bob));
  await delay(toneSeconds * 1000);
  const room = await alice.heard(nick);
  const talkSeconds = (performance.now() - began) / 1000;
  const told = [alice, bob].filter(({ sources }) => [...sources.values()].includes(nick));
  await hangUp();
  await left;
  for (const participant of [alice, bob]) participant.silent();
  const heard = phone.heard();
  // The telephone's recording goes on to the hang-up, which takes a moment; the room's was read just before it.
  const phoneHears = listen('the phone', tail(heard, 0.2), [tones.alice, tones.bob]);
  const roomHears = listen('the room', tail(room, 0), [tones.phone]);
  const untold = told.length === 2 ? [] : ['the focus did not tell Alice and Bob of the phone’s audio'];
  return {
    phone: heard,
    room,
    phoneHears: withProblems(phoneHears, shortfall(heard, talkSeconds)),
    roomHears: withProblems(roomHears, untold),
  };
}

function withProblems(hearing: Hearing, more: readonly string[]): Hearing {
  return { ...hearing, problems: [...hearing.problems, ...more] };
}

/** The gateway sends to the telephone all the time; packets that do not come leave no pause in baresip's recording, it is shorter. */
function shortfall(heard: Sound, talkSeconds: number): string[] {
  const missing = talkSeconds - seconds(heard);
  return missing > 0.5 ? [`the phone got no audio at all for ${missing.toFixed(1)} s of the call`] : [];
}

function tail(sound: Sound, withoutSeconds: number): Sound {
  const end = Math.max(0, seconds(sound) - withoutSeconds);
  return cut(sound, Math.max(0, end - measuredSeconds), end);
}
