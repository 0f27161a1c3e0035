import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import type { DialRequest } from '../../../src/xmpp/xmpp-side.ts';
import { forwardedDial } from '../../kit/focus-stanzas.ts';
import { payload, type XmlElement, xml } from '../../kit/xml.ts';
import type { XmppEntity } from '../../kit/xmpp-entity.ts';
import { breweryRoom, event, logged, received, Stage, verbatim, waitMs } from './stage.ts';

const component = 'callcontrol.meet.test';

function dial(to: string, headers: Readonly<Record<string, string>>): XmlElement {
  const list = Object.entries(headers).map(([name, value]) => xml('header', { name, value }));
  return xml('dial', { xmlns: 'urn:xmpp:rayo:1', from: 'fromnumber', to }, ...list);
}

function iq(to: string, child: XmlElement): XmlElement {
  return xml('iq', { type: 'set', to }, child);
}

function condition(answer: XmlElement | undefined): string | undefined {
  return answer?.getChild('error')?.getChildElements()[0]?.name;
}

const hangup = (): XmlElement => xml('hangup', { xmlns: 'urn:xmpp:rayo:1' });

describe('dialling', () => {
  let stage: Stage;
  let alice: XmppEntity;
  let room: string;
  /** Our nick in the brewery, as Jicofo sees it. */
  let instance: string;

  before(async () => {
    stage = await Stage.open({ brewery: true });
    room = stage.room('dial');
    await stage.focus.enter(room);
    alice = await stage.browser(room, 'alice001');
    instance = await published(stage.focus.client, () => stage.gateway.publish(load(1)), '1');
  });
  after(() => stage.close());

  async function dialled(
    start: () => Promise<XmlElement | undefined>,
  ): Promise<[DialRequest, Promise<unknown>]> {
    const asked = once(stage.gateway, 'dial', { signal: AbortSignal.timeout(waitMs) });
    const answer = start();
    return [(await asked)[0] as DialRequest, answer];
  }

  it('by way of the brewery reaches the gateway and answers with a ref', async () => {
    const [request, answer] = await dialled(() =>
      stage.focus.client.request(
        forwardedDial(instance, dial('+4930123', { JvbRoomName: room, JvbRoomPassword: 'x y', 'X-A': 'b' })),
      ),
    );
    assert.equal(request.via, 'brewery');
    assert.equal(request.to, '+4930123');
    assert.equal(request.room, room);
    assert.equal(request.password, 'x y');
    assert.deepEqual(request.headers, [{ name: 'X-A', value: 'b' }]);
    request.accept(`${room}/c94c6f72`);
    const result = (await answer) as XmlElement;
    assert.equal(payload(result)?.attrs.uri, `xmpp:${room}/c94c6f72`);
  });

  it('straight to the component tells who dialled, and a refusal in the words of XMPP', async () => {
    const [request, answer] = await dialled(() =>
      alice.request(iq(component, dial('123', { jvbroomname: room }))),
    );
    assert.equal(request.via, 'direct');
    assert.equal(request.dialler, alice.jid);
    request.refuse({ code: 'over-capacity' });
    const error = ((await answer) as XmlElement).getChild('error');
    assert.equal(error?.attrs.type, 'wait');
    assert.ok(error?.getChild('resource-constraint'));
  });

  it('with a line end in the number or in a header is refused before anyone sees it', async () => {
    const seen: unknown[] = [];
    const rawDial = (to: string, header: string): XmlElement =>
      verbatim(
        `<dial xmlns="urn:xmpp:rayo:1" to="${to}"><header name="JvbRoomName" value="${room}"/>${header}</dial>`,
      );
    stage.gateway.once('dial', (request) => seen.push(request));
    const bad = [
      rawDial('+1555&#13;&#10;X-Evil: 1', ''),
      rawDial('1', '<header name="X-A&#13;&#10;Route" value="sip:evil"/>'),
      rawDial('1', '<header name="X-A" value="a&#10;b"/>'),
      rawDial('1', '<header name="X-A" value="a&#x2028;b"/>'),
      dial('1', Object.fromEntries([...Array(21).keys()].map((n) => [`X-${n}`, 'a']))),
      dial('', { JvbRoomName: room }),
      dial('1', {}),
      dial('1', { JvbRoomName: 'room@elsewhere.example' }),
      dial('1', { JvbRoomName: `${room}/focus` }),
    ];
    for (const request of bad) {
      assert.equal(condition(await alice.request(iq(component, request))), 'bad-request');
    }
    assert.deepEqual(seen, []);
    stage.gateway.removeAllListeners('dial');
  });

  it('is taken in the brewery from the focus only', async () => {
    const mallory = await stage.browser(breweryRoom(stage.prosody), 'mallory1');
    const answer = await mallory.request(iq(instance, dial('1', { JvbRoomName: room })));
    assert.equal(condition(answer), 'forbidden');
    await mallory.close();
  });

  it('shows its load to Jicofo as it changes', async () => {
    const presence = received(
      stage.focus.client,
      (s) => s.attrs.from === instance && stat(s, 'graceful_shutdown') === 'true',
    );
    for (const participants of [2, 3, 4]) stage.gateway.publish(load(participants));
    stage.gateway.publish({ ...load(5), draining: true });
    const stats = await presence;
    assert.equal(stat(stats, 'participants'), '5');
    assert.equal(stat(stats, 'supports_sip'), 'true');
    assert.equal(stat(stats, 'region'), 'eu');
  });

  it('ends when somebody in the room hangs up the ref', async () => {
    const occupant = await stage.joined(room);
    const hung = event(occupant, 'hangup');
    const answer = await alice.request(iq(occupant.occupantJid, hangup()));
    assert.equal(answer?.attrs.type, 'result');
    assert.deepEqual(await hung, [`${room}/alice001`]);
    await occupant.leave();
  });

  it('ends at the JID of the call too, but not by a stranger', async () => {
    const callId = 'ff00ff00';
    const occupant = await stage.joined(room, { callId });
    const stranger = await stage.browser(stage.room('dial'), 'bob00001');
    stranger.send(xml('presence', { to: `${room}/bob00001`, type: 'unavailable' }));
    await event(occupant, 'others');
    const refused = await stranger.request(iq(`${callId}@${component}`, hangup()));
    assert.equal(condition(refused), 'forbidden');
    const hung = event(occupant, 'hangup');
    assert.equal((await alice.request(iq(`${callId}@${component}`, hangup())))?.attrs.type, 'result');
    assert.deepEqual(await hung, [alice.jid]);
    await occupant.leave();
    const late = await alice.request(iq(`${callId}@${component}`, hangup()));
    assert.equal(condition(late), 'item-not-found');
  });
});

describe('a brewery that does not let the gateway in', () => {
  it('makes the gateway say which setting is missing', async () => {
    const stage = await Stage.open({ brewery: true, prosody: { breweryWhitelist: ['auth.meet.test'] } });
    try {
      await logged(stage.lines, /muc_filter_whitelist of Component "internal.auth.meet.test"/);
      assert.ok(stage.gateway.online);
    } finally {
      await stage.close();
    }
  });

  it('is entered again when the gateway was removed from it', async () => {
    const stage = await Stage.open({ brewery: true, timing: { retryLimitMs: 100 } });
    try {
      const focus = stage.focus.client;
      const instance = await published(focus, () => stage.gateway.publish(load(7)), '7');
      const nick = instance.split('/')[1] ?? '';
      const item = xml('item', { nick, role: 'none' });
      const query = xml('query', { xmlns: 'http://jabber.org/protocol/muc#admin' }, item);
      const gone = received(focus, (s) => s.attrs.from === instance && s.attrs.type === 'unavailable');
      const back = received(focus, (s) => s.attrs.from === instance && s.attrs.type === undefined);
      await focus.request(iq(breweryRoom(stage.prosody), query));
      await gone;
      assert.equal(stat(await back, 'participants'), '7');
    } finally {
      await stage.close();
    }
  });
});

function load(participants: number) {
  return { conferences: 1, participants, draining: false, stress: 0.1 };
}

function stat(presence: XmlElement, name: string): string | undefined {
  const stats = presence.getChild('stats')?.getChildren('stat') ?? [];
  return stats.find((found) => found.attrs.name === name)?.attrs.value;
}

/** Where in the brewery the presence with so many participants comes from. */
async function published(focus: XmppEntity, publish: () => void, participants: string): Promise<string> {
  const seen = received(focus, (s) => stat(s, 'participants') === participants);
  publish();
  return (await seen).attrs.from ?? '';
}
