import type { FocusConference } from './focus-conference.ts';
import type { FocusParticipant } from './focus-participant.ts';
import { errorTo, muteRequest, resultTo } from './focus-stanzas.ts';
import type { XmlElement } from './xml.ts';

/** A mute request from an occupant: moderators mute others, everybody mutes himself; nobody unmutes others. */
export function answerMute(
  conference: FocusConference,
  asking: FocusParticipant,
  stanza: XmlElement,
  mute: XmlElement,
): void {
  const on = mute.getText() === 'true';
  const target = [...conference.participants.values()].find((other) => other.occupantJid === mute.attrs.jid);
  const allowed =
    target === asking ? on || asking.moderator || !conference.moderated : on && asking.moderator;
  if (target === undefined || !allowed) {
    conference.entity.send(errorTo(stanza, { type: 'cancel', condition: 'not-allowed' }));
    return;
  }
  if (target !== asking) {
    void conference.entity.request(muteRequest(target.occupantJid, asking.occupantJid, on));
  }
  conference.entity.send(resultTo(stanza));
}
