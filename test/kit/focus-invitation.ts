import { randomUUID } from 'node:crypto';
import type { FocusConference } from './focus-conference.ts';
import { type FocusParticipant, hasAudio } from './focus-participant.ts';
import { FocusSession } from './focus-session.ts';
import { sessionInitiate } from './focus-stanzas.ts';
import type { BridgeEndpoint } from './media-bridge.ts';
import type { XmlElement } from './xml.ts';

/** Invites everybody who is known well enough and has no session, once there are enough participants. */
export function inviteAll(conference: FocusConference): void {
  const { participants, options } = conference;
  if (conference.over || conference.bridgeMissing || participants.size < options.minParticipants) return;
  for (const participant of participants.values()) {
    const ready = participant.features !== undefined && participant.session === undefined;
    if (ready && !participant.done && !participant.inviting) void invite(conference, participant);
  }
}

/** Sends a session-initiate with a new sid. Resolves when the occupant acknowledged it. */
export async function invite(conference: FocusConference, participant: FocusParticipant): Promise<void> {
  participant.inviting = true;
  participant.done = false;
  const { nick, realJid, occupantJid } = participant;
  const endpoint = await conference.options.bridge.allocate(conference.room, nick, realJid);
  participant.inviting = false;
  if (conference.over || conference.participants.get(nick) !== participant) {
    endpoint.close();
    return;
  }
  if (conference.bridgeSession === undefined) {
    conference.bridgeSession = randomUUID();
    conference.publish();
  }
  const session = new FocusSession(occupantJid, endpoint, conference.sourcesBeside(nick), (stanza) => {
    void conference.entity.request(stanza);
  });
  participant.session = session;
  const answered = conference.entity.request(offerTo(conference, participant, session, endpoint));
  conference.emit('invited', nick, session.sid);
  const answer = await answered;
  conference.emit('acknowledged', nick, answer);
  if (answer?.attrs.type === 'error' && participant.session === session) {
    session.end();
    participant.session = undefined;
    participant.done = true;
  }
}

function offerTo(
  conference: FocusConference,
  participant: FocusParticipant,
  session: FocusSession,
  endpoint: BridgeEndpoint,
): XmlElement {
  const place = [...conference.participants.keys()].indexOf(participant.nick);
  return sessionInitiate(participant.occupantJid, {
    sid: session.sid,
    initiator: conference.entity.jid,
    bridgeSession: conference.bridgeSession ?? '',
    transport: endpoint.transport,
    sources: session.signalled,
    startMuted: place >= conference.startMutedAfter,
    withAudio: hasAudio(participant),
    payloadTypes: conference.options.payloadTypes,
  });
}
