import type { Participant } from '../test/kit/participant.ts';
import { isPhone } from './demo-calls.ts';
import { accounts, roomName, type Stage } from './demo-stage.ts';
import type { Story } from './demo-story.ts';
import { smallTalk } from './demo-voices.ts';

/** Tells how to call in, and who comes and goes, until the demonstration is interrupted. */
export async function keepOpen(stage: Stage, story: Story): Promise<never> {
  const { alice, bob, guest } = stage;
  // The account is the softphone's from now on.
  await guest.register(0);
  const talk = smallTalk();
  alice.keepSpeaking(talk.alice);
  bob.keepSpeaking(talk.bob);
  console.log(`\n${invitation(stage)}\n`);
  announce(alice, story);
  // The timer keeps the process; the signal ends it.
  return new Promise(() => setInterval(() => {}, 60_000));
}

function invitation({ pbx }: Stage): string {
  const { user, password } = accounts.guest;
  return `Everything keeps running. Call in with your own softphone, on this machine:

  SIP address   ${user}@${pbx.host}:${pbx.port}   (UDP or TCP; no encryption, no STUN)
  user          ${user}
  password      ${password}
  number        room-${roomName} for the room "${roomName}" (or just ${accounts.gateway.user}, whose default room it is),
                e.g. sip:room-${roomName}@${pbx.host}:${pbx.port}

Alice and Bob take turns to greet you. Ctrl-C ends everything.`;
}

function announce(alice: Participant, story: Story): void {
  const here = new Map<string, string>();
  alice.on('seen', (seen) => {
    if (!isPhone(seen) || here.has(seen.nick)) return;
    here.set(seen.nick, seen.displayName ?? 'a telephone');
    story.tell(`${here.get(seen.nick)} has come into the room`);
  });
  alice.on('gone', (nick) => {
    const who = here.get(nick);
    if (here.delete(nick)) story.tell(`${who} has left the room`);
  });
}
