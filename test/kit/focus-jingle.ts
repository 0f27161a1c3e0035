import type { FocusConference } from './focus-conference.ts';
import { inviteAll } from './focus-invitation.ts';
import type { FocusParticipant } from './focus-participant.ts';
import type { FocusSession } from './focus-session.ts';
import { readAnswer, readSources, refusal } from './focus-sources.ts';
import { errorTo, type IqError, ns, resultTo } from './focus-stanzas.ts';
import type { XmlElement } from './xml.ts';

interface Request {
  readonly conference: FocusConference;
  readonly participant: FocusParticipant;
  readonly session: FocusSession;
  readonly stanza: XmlElement;
  readonly jingle: XmlElement;
}

/** What an occupant's Jingle does to its session (Jicofo's JingleSession.doProcessIq). Sessions are found by sid only. */
export function answerJingle(
  conference: FocusConference,
  participant: FocusParticipant,
  stanza: XmlElement,
  jingle: XmlElement,
): void {
  const session = participant.session;
  if (session === undefined || session.sid !== jingle.attrs.sid) {
    const known = participant.pastSids.has(jingle.attrs.sid ?? '');
    const error: IqError = known ? gone : { type: 'modify', condition: 'bad-request' };
    conference.entity.send(errorTo(stanza, error));
    conference.emit('refused', participant.nick, jingle, error.condition);
    return;
  }
  const request = { conference, participant, session, stanza, jingle };
  const action = jingle.attrs.action ?? '';
  if (session.state === 'ended') refuse(request, gone);
  else if (action === 'session-accept') accept(request);
  else if (action === 'session-terminate') terminate(request);
  else if (action === 'session-info') info(request);
  else if (action === 'source-add' || action === 'source-remove') changeSources(request, action);
  else if (action.startsWith('transport-')) succeed(request);
  else refuse(request, { type: 'cancel', condition: 'feature-not-implemented' });
}

const gone: IqError = { type: 'cancel', condition: 'gone', inside: 'session ended' };

function succeed({ conference, stanza }: Request): void {
  conference.entity.send(resultTo(stanza));
}

function refuse({ conference, participant, stanza, jingle }: Request, error: IqError): void {
  conference.entity.send(errorTo(stanza, error));
  conference.emit('refused', participant.nick, jingle, error.condition);
}

function accept(request: Request): void {
  const { conference, participant, session, jingle } = request;
  const { nick } = participant;
  const sources = readSources(jingle, nick);
  const answer = readAnswer(
    jingle,
    sources.map((source) => source.ssrc),
  );
  const why = answer === undefined ? 'No transport' : refusal(sources, conference.sourcesBeside(nick));
  if (answer === undefined || why !== undefined) {
    session.end();
    refuse(request, {
      type: 'modify',
      condition: 'bad-request',
      ...(why === undefined ? {} : { text: why }),
    });
    return;
  }
  participant.sources = sources;
  session.endpoint.accept(answer);
  conference.tellOthers(nick, 'source-add', sources);
  session.activate();
  succeed(request);
  conference.emit('accepted', nick, jingle);
}

function terminate(request: Request): void {
  const { conference, participant, session, jingle } = request;
  const mark = jingle.getChild('bridge-session', ns.focus);
  if (mark === undefined || mark.attrs.id !== conference.bridgeSession) {
    // The session is dead, but the bridge goes on forwarding both ways until the occupant leaves.
    session.state = 'ended';
    const text = `${mark?.attrs.id ?? 'null'} is not a currently active session`;
    refuse(request, { type: 'cancel', condition: 'item-not-found', text });
    return;
  }
  const restart = mark.attrs.restart === 'true';
  const limited = restart && Date.now() - participant.lastRestart < conference.options.restartIntervalMs;
  conference.tellOthers(participant.nick, 'source-remove', participant.sources.splice(0));
  session.end();
  if (limited) {
    refuse(request, { type: 'wait', condition: 'resource-constraint', text: 'rate-limited' });
    return;
  }
  participant.pastSids.add(session.sid);
  participant.session = undefined;
  participant.done = !restart;
  succeed(request);
  conference.emit('terminated', participant.nick, jingle);
  if (restart) {
    participant.lastRestart = Date.now();
    inviteAll(conference);
  }
}

/** `ice-state failed` is a dead end in this Jicofo: session-terminate "moving", and never a new offer. */
function info(request: Request): void {
  const { conference, participant, jingle } = request;
  const failed = jingle.getChild('ice-state', ns.focus)?.getText() === 'failed';
  const current = jingle.getChild('bridge-session', ns.focus)?.attrs.id === conference.bridgeSession;
  if (failed && current) {
    conference.terminate(participant, 'success', 'moving');
    participant.done = true;
  }
  succeed(request);
}

function changeSources(request: Request, action: 'source-add' | 'source-remove'): void {
  const { conference, participant, session, jingle } = request;
  const named = readSources(jingle, participant.nick);
  const ssrcs = new Set(named.map((source) => source.ssrc));
  if (action === 'source-add') {
    const why = refusal(named, [...conference.sourcesBeside(participant.nick), ...participant.sources]);
    if (why !== undefined) {
      refuse(request, { type: 'modify', condition: 'bad-request', text: why });
      return;
    }
    participant.sources.push(...named);
    conference.tellOthers(participant.nick, action, named);
  } else {
    // Others are told of the source as it was added, whatever msid the removal names.
    const removed = participant.sources.filter((source) => ssrcs.has(source.ssrc));
    participant.sources = participant.sources.filter((source) => !ssrcs.has(source.ssrc));
    conference.tellOthers(participant.nick, action, removed);
  }
  session.endpoint.sources(participant.sources.map((source) => source.ssrc));
  succeed(request);
}
