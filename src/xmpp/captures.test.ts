import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readConference } from './conference-request.ts';
import { sessionAccept, sessionTerminate } from './jingle-build.ts';
import { parseInitiate, parseReason, parseTransportInfo } from './jingle-parse.ts';
import { JingleSession } from './jingle-session.ts';
import { parseSources } from './jingle-sources.ts';
import { joinFailure, readPresence } from './muc.ts';
import { parseDial } from './rayo.ts';
import { attribute, child, children, type Element, parseElement, serialise } from './stanza.ts';

const folder = join(import.meta.dirname, '../../test/fixtures/captures');

/** Stanzas that the gateway received or sent, of all captures or of one. */
function captured(direction: 'IN' | 'OUT', only?: string): Element[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.xml') && name.startsWith(only ?? ''));
  return files.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => new RegExp(`^<!-- ${direction} \\S+ \\S+ gateway -->`).test(line))
      .map((line) => parsed(line.slice(line.indexOf('-->') + 3).trim())),
  );
}

function parsed(text: string): Element {
  const element = parseElement(text);
  assert.ok(element.ok);
  return element.value;
}

function jingles(direction: 'IN' | 'OUT', action: string, only?: string): Element[] {
  return captured(direction, only)
    .filter((iq) => attribute(iq, 'type') === 'set')
    .flatMap((iq) => children(iq, 'jingle'))
    .filter((jingle) => attribute(jingle, 'action') === action);
}

describe('what a running Jitsi sent', () => {
  it('every session-initiate with audio can be answered', () => {
    const offers = jingles('IN', 'session-initiate').filter((jingle) => child(jingle, 'content'));
    assert.ok(offers.length >= 40, `${offers.length} offers`);
    for (const jingle of offers) {
      const initiate = parseInitiate(jingle);
      assert.ok(initiate.ok, serialise(jingle));
      assert.equal(initiate.value.offer.opusPayloadType, 111);
      assert.equal(initiate.value.offer.telephoneEventPayloadType, 126);
      assert.equal(initiate.value.offer.audioLevelId, 1);
      assert.equal(initiate.value.offer.transport.candidates[0]?.port, 10_100);
      assert.equal(initiate.value.offer.fingerprint.setup, 'actpass');
      assert.ok(initiate.value.bridgeSession);
    }
  });

  it('an offer without contents is refused, not answered with silence', () => {
    const empty = jingles('IN', 'session-initiate', '07').filter((jingle) => !child(jingle, 'content'));
    assert.equal(empty.length, 1);
    assert.ok(!parseInitiate(empty[0] as Element).ok);
  });

  it("the third participant is told of two sources, not of the bridge's own", () => {
    const sources = jingles('IN', 'session-initiate', '08').map((jingle) => parseSources(jingle));
    assert.deepEqual(
      sources.find((list) => list.length === 2),
      [
        { ssrc: 1615798814, owner: 'a8000001' },
        { ssrc: 66918918, owner: 'b8000002' },
      ],
    );
  });

  it('an owner comes back in lower case and its sources go when it leaves', () => {
    const offer = jingles('IN', 'session-initiate', '08')
      .map(parseInitiate)
      .find((initiate) => initiate.ok && initiate.value.sources.length === 2);
    assert.ok(offer?.ok);
    const session = new JingleSession(offer.value);
    assert.deepEqual(session.removeOwner('A8000001'), [1615798814]);
    assert.deepEqual(session.removeOwner('a8000001'), []);
    assert.deepEqual(session.remove([{ ssrc: 66918918, owner: 'b8000002' }]), [66918918]);
  });

  it('JSON sources are understood, although nobody asks for them', () => {
    const json = jingles('IN', 'source-add', '07').filter((jingle) => child(jingle, 'json-message'));
    assert.deepEqual(
      json.map((jingle) => parseSources(jingle).map(({ owner }) => owner)),
      [['ed000006'], ['ed000008']],
    );
  });

  it('start-muted is noticed', () => {
    const muted = jingles('IN', 'session-initiate', '09')
      .map(parseInitiate)
      .filter((initiate) => initiate.ok && initiate.value.offer.startMuted);
    assert.equal(muted.length, 1);
  });

  it('reasons of session-terminate read as Jicofo wrote them', () => {
    const reasons = new Set(jingles('IN', 'session-terminate').map(parseReason));
    assert.ok(reasons.has('expired: Idle session timeout'));
    assert.ok(reasons.has('success: moving'));
  });

  it('transport-info brings its candidate', () => {
    const found = jingles('IN', 'transport-info').map(parseTransportInfo);
    assert.ok(found.length > 0);
    for (const candidates of found) assert.equal(candidates[0]?.address, '10.99.99.1');
  });

  it('our session-accept has what the accepted ones had', () => {
    const offer = jingles('IN', 'session-initiate', '01').map(parseInitiate)[0];
    const model = jingles('OUT', 'session-accept', '01')[0] as Element;
    assert.ok(offer?.ok);
    const own = sessionAccept(
      offer.value,
      {
        ssrc: 2023630739,
        transport: {
          ufrag: '9044',
          pwd: 'bb1366cd36416ff141814c',
          candidates: [
            { foundation: '1', priority: 2116026367, address: '192.0.2.2', port: 47792, type: 'host' },
            { foundation: '2', priority: 2116026367, address: '10.99.99.1', port: 53009, type: 'host' },
          ],
        },
        fingerprint: { hash: 'sha-256', value: fingerprintOf(model), setup: 'active' },
      },
      { jid: 'call-2@callcontrol.meet.test/x', nick: 'bbbb0002' },
    );
    assert.deepEqual(comparable(own), comparable(model));
  });

  it('our session-terminate names the bridge session', () => {
    const offer = jingles('IN', 'session-initiate', '01').map(parseInitiate)[0];
    assert.ok(offer?.ok);
    const terminate = sessionTerminate(new JingleSession(offer.value).ids, 'success', true);
    const bridge = child(terminate, 'bridge-session');
    assert.equal(bridge?.attrs.id, '68ad15c0-4a68-461c-b012-435445e1a43a');
    assert.equal(bridge?.attrs.restart, 'true');
  });

  it('the conference result names the focus', () => {
    const result = captured('IN', '01').find((iq) => child(iq, 'conference'));
    assert.deepEqual(readConference(result as Element), {
      ok: true,
      value: { focusJid: 'focus@auth.meet.test' },
    });
  });

  it('a kick and refused joins are told apart', () => {
    const presences = captured('IN').filter((stanza) => stanza.getName() === 'presence');
    const kick = presences
      .map((presence) => readPresence(presence, 'room2@conference.meet.test'))
      .find((presence) => presence?.codes.has(307));
    assert.equal(kick?.nick, 'cccc0003');
    assert.equal(kick?.reason, 'kicked by bob');
    const refusals = presences
      .filter((presence) => attribute(presence, 'type') === 'error')
      .map((presence) => joinFailure(presence).code);
    for (const code of ['room-password', 'members-only', 'join-failed']) {
      assert.ok(refusals.includes(code as never), code);
    }
  });

  it('a dial that Jicofo forwards names its room and headers', () => {
    const dial = captured('IN', '06').flatMap((iq) => children(iq, 'dial'))[0];
    assert.deepEqual(parseDial(dial as Element, 'conference.meet.test'), {
      value: {
        to: '+4930123',
        room: 'room6@conference.meet.test',
        password: undefined,
        headers: [{ name: 'X-Custom', value: 'abc' }],
      },
    });
  });
});

function fingerprintOf(jingle: Element): string {
  const transport = child(child(jingle, 'content') as Element, 'transport') as Element;
  return String(child(transport, 'fingerprint')?.children[0]);
}

/** Names, attributes and text, without the order of attributes. */
function comparable(element: Element): unknown {
  const attributes = Object.entries(element.attrs).sort(([one], [other]) => (one < other ? -1 : 1));
  const inner = element.children.map((part) => (typeof part === 'string' ? part : comparable(part)));
  return [element.getName(), attributes, inner];
}
