import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Occupant } from '../../../src/xmpp/xmpp-side.ts';
import { errorTo, muteRequest, resultTo, sessionTerminate } from '../../kit/focus-stanzas.ts';
import { payload, type XmlElement, xml } from '../../kit/xml.ts';
import { initiate } from './scripted-focus.ts';
import { answer } from './session.ts';
import { event, received, Stage } from './stage.ts';

function condition(reply: XmlElement | undefined): string | undefined {
  return reply?.getChild('error')?.getChildElements()[0]?.name;
}

/** Joined and with a session that was accepted. */
async function inSession(stage: Stage, room: string): Promise<{ occupant: Occupant; sid: string }> {
  const occupant = await stage.joined(room);
  occupant.on('offer', (offer) => occupant.accept(offer.sid, answer));
  const accept = await stage.focus.invite(occupant.occupantJid);
  return { occupant, sid: payload(accept)?.attrs.sid ?? '' };
}

describe('a room leg that breaks', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.open();
  });
  after(() => stage.close());

  it('lets the focus end a session and takes the next one', async () => {
    const { occupant, sid } = await inSession(stage, stage.room('again'));
    const ended = event(occupant, 'session-ended');
    await stage.focus.client.request(
      sessionTerminate(occupant.occupantJid, sid, 'expired', 'Idle session timeout'),
    );
    assert.deepEqual(await ended, [sid, 'expired: Idle session timeout']);
    await stage.focus.invite(occupant.occupantJid);
    await occupant.leave();
  });

  it('takes a new session in the place of one that was never ended', async () => {
    const { occupant, sid } = await inSession(stage, stage.room('replace'));
    const accept = await stage.focus.invite(occupant.occupantJid);
    const late = await stage.focus.client.request(sessionTerminate(occupant.occupantJid, sid, 'success', ''));
    assert.equal(condition(late), 'item-not-found');
    assert.notEqual(payload(accept)?.attrs.sid, sid);
    await occupant.leave();
  });

  it('repeats the conference request until a focus that left is back', async () => {
    const room = stage.room('focusgone');
    const { occupant } = await inSession(stage, room);
    const bob = await stage.browser(room, 'bob00001');
    const interrupted = event(occupant, 'interrupted');
    const back = received(bob, (s) => s.attrs.from === `${room}/focus` && s.attrs.type === undefined);
    await stage.focus.leave(room);
    await interrupted;
    await back;
    await stage.focus.invite(occupant.occupantJid);
    await occupant.leave();
  });

  it('asks for a new session when it cannot keep the old one', async () => {
    const { occupant, sid } = await inSession(stage, stage.room('restart'));
    const terminated = stage.focus.action('session-terminate');
    occupant.terminate(sid, 'connectivity-error', true);
    const bridge = payload(await terminated)?.getChild('bridge-session');
    assert.equal(bridge?.attrs.restart, 'true');
    assert.equal(bridge?.attrs.id, 'bridge-1');
    await occupant.leave();
  });

  it('joins again as somebody else when the focus refuses to invite it once more', async () => {
    const { occupant, sid } = await inSession(stage, stage.room('refused'));
    const old = occupant.occupantJid;
    stage.focus.answer = (request) =>
      errorTo(request, { type: 'wait', condition: 'resource-constraint', text: 'rate-limited' });
    const joined = event(occupant, 'joined');
    occupant.terminate(sid, 'connectivity-error', true);
    await joined;
    assert.notEqual(occupant.occupantJid, old);
    stage.focus.answer = resultTo;
    await stage.focus.invite(occupant.occupantJid);
    await occupant.leave();
  });

  it('turns a moved bridge into a new session', async () => {
    const { occupant, sid } = await inSession(stage, stage.room('moved'));
    const ended = event(occupant, 'session-ended');
    const terminated = stage.focus.action('session-terminate');
    const move = initiate(occupant.occupantJid, stage.focus.client.jid, { sid, bridgeSession: 'bridge-2' });
    Object.assign(payload(move)?.attrs ?? {}, { action: 'transport-replace' });
    assert.equal((await stage.focus.client.request(move))?.attrs.type, 'result');
    assert.deepEqual(await ended, [sid, 'transport-replace']);
    const bridge = payload(await terminated)?.getChild('bridge-session');
    assert.equal(bridge?.attrs.id, 'bridge-2');
    assert.equal(bridge?.attrs.restart, 'true');
    await occupant.leave();
  });

  it('comes back under a new name after Prosody was restarted', async () => {
    const own = await Stage.open();
    try {
      const room = own.room('prosody');
      const { occupant } = await inSession(own, room);
      const old = occupant.occupantJid;
      const interrupted = event(occupant, 'interrupted');
      const joined = event(occupant, 'joined');
      await own.focus.stop();
      await own.prosody.restart();
      await interrupted;
      await own.focus.start();
      await joined;
      assert.notEqual(occupant.occupantJid, old);
      await own.focus.invite(occupant.occupantJid);
      await occupant.leave();
    } finally {
      await own.close();
    }
  });

  it('ends when a moderator removes it, and when the room is closed', async () => {
    const room = stage.room('kick');
    const focus = stage.focus.client;
    const kicked = await stage.joined(room);
    const nick = kicked.occupantJid.split('/')[1];
    const kick = xml('item', { nick, role: 'none' }, xml('reason', {}, 'go'));
    const failed = event(kicked, 'failed');
    await focus.request(admin(room, 'admin', kick));
    assert.deepEqual(await failed, [{ code: 'kicked', detail: 'go' }]);

    const last = await stage.joined(room);
    const over = event(last, 'failed');
    await focus.request(admin(room, 'owner', xml('destroy')));
    assert.equal((await over)[0].code, 'room-destroyed');
  });

  it('obeys the focus and nobody else', async () => {
    const room = stage.room('rights');
    const occupant = await stage.joined(room);
    const mallory = await stage.browser(room, 'mallory1');
    const offers: unknown[] = [];
    occupant.on('offer', (offer) => offers.push(offer));
    const forged = await mallory.request(initiate(occupant.occupantJid, 'x@y/z'));
    assert.equal(condition(forged), 'forbidden');
    const muted = await mallory.request(muteRequest(occupant.occupantJid, undefined, true));
    assert.equal(condition(muted), 'forbidden');
    // Somebody who takes the nick while the focus is away has another real JID.
    await stage.focus.leave(room);
    stage.focus.onConference = () => undefined;
    const posing = await stage.browser(room, 'focus');
    assert.equal(condition(await posing.request(initiate(occupant.occupantJid, 'x@y/z'))), 'forbidden');
    assert.deepEqual(offers, []);
    stage.focus.onConference = undefined;
    await occupant.leave();
  });

  it('falls silent when the focus says so, and shows it', async () => {
    const room = stage.room('mute');
    const occupant = await stage.joined(room);
    const bob = await stage.browser(room, 'bob00001');
    const mute = event(occupant, 'mute');
    const reply = await stage.focus.client.request(
      muteRequest(occupant.occupantJid, `${room}/bob00001`, true),
    );
    assert.equal(reply?.attrs.type, 'result');
    assert.deepEqual(await mute, [true]);
    const shown = received(bob, (s) => s.getChild('audiomuted')?.getText() === 'true');
    occupant.setAudioMuted(true);
    await shown;
    const status = received(bob, (s) => s.getChild('status')?.getText() === 'Connected');
    occupant.setStatus('Connected');
    assert.equal((await status).getChild('audiomuted')?.getText(), 'true');
    const gone = received(bob, (s) => s.attrs.type === 'unavailable');
    await occupant.leave('Busy');
    assert.equal((await gone).getChild('status')?.getText(), 'Busy');
  });

  it('refuses Jingle that it does not know without losing the session', async () => {
    const { occupant, sid } = await inSession(stage, stage.room('odd'));
    const jingle = (action: string, of = sid) =>
      xml(
        'iq',
        { type: 'set', to: occupant.occupantJid },
        xml('jingle', { xmlns: 'urn:xmpp:jingle:1', action, sid: of }),
      );
    const focus = stage.focus.client;
    assert.equal(condition(await focus.request(jingle('content-add'))), 'feature-not-implemented');
    assert.equal((await focus.request(jingle('session-info')))?.attrs.type, 'result');
    const unknown = await focus.request(jingle('source-add', 'other'));
    assert.ok(unknown?.getChild('error')?.getChild('unknown-session'));
    const broken = jingle('source-add');
    payload(broken)?.children.push(
      xml('json-message', { xmlns: 'http://jitsi.org/jitmeet' }, '{"sources":[1,{'),
    );
    assert.equal((await focus.request(broken))?.attrs.type, 'result');
    await occupant.leave();
  });
});

describe('a join that does not work', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.open({ timing: { joinMs: 1500, conferenceMs: 300, retryMs: 100 } });
  });
  after(() => stage.close());

  async function failure(room: string, password?: string): Promise<string> {
    const occupant = stage.occupant(room, { password });
    const failed = event(occupant, 'failed');
    occupant.join();
    return (await failed)[0].code;
  }

  it('says that the focus is not there', async () => {
    stage.focus.onConference = () => undefined;
    assert.equal(await failure(stage.room('nofocus')), 'focus-unreachable');
    stage.focus.onConference = (request) =>
      errorTo(request, { type: 'cancel', condition: 'recipient-unavailable' });
    assert.equal(await failure(stage.room('nofocus')), 'focus-unreachable');
    stage.focus.onConference = undefined;
  });

  it('says that the password is wrong, and joins with the right one', async () => {
    const room = stage.room('secret');
    await stage.focus.enter(room);
    await configure(stage, room, 'muc#roomconfig_roomsecret', 's3same');
    assert.equal(await failure(room), 'room-password');
    assert.equal(await failure(room, 'wrong'), 'room-password');
    const occupant = await stage.joined(room, { password: 's3same' });
    await occupant.leave();
  });

  it('says that only members may enter', async () => {
    const room = stage.room('members');
    await stage.focus.enter(room);
    await configure(stage, room, 'muc#roomconfig_membersonly', '1');
    assert.equal(await failure(room), 'members-only');
  });

  it('tries again when the room is not there yet', async () => {
    const room = stage.room('early');
    let asked = 0;
    stage.focus.onConference = (request) => {
      asked += 1;
      if (asked > 1) stage.focus.onConference = undefined;
      const ready = xml('conference', { xmlns: 'http://jitsi.org/protocol/focus', room, ready: 'true' });
      return resultTo(request, ready);
    };
    const occupant = await stage.joined(room);
    await occupant.leave();
  });

  it('leaves no trace when it is called off before the join', async () => {
    const room = stage.room('off');
    const asked = new Promise<void>((resolve) => {
      stage.focus.onConference = () => {
        resolve();
        return undefined;
      };
    });
    const occupant = stage.occupant(room);
    occupant.join();
    await asked;
    await occupant.leave();
    stage.focus.onConference = undefined;
  });
});

function admin(room: string, kind: 'admin' | 'owner', content: XmlElement): XmlElement {
  const query = xml('query', { xmlns: `http://jabber.org/protocol/muc#${kind}` }, content);
  return xml('iq', { type: 'set', to: room }, query);
}

async function configure(stage: Stage, room: string, name: string, value: string): Promise<void> {
  const field = (of: string, is: string) => xml('field', { var: of }, xml('value', {}, is));
  const form = xml(
    'x',
    { xmlns: 'jabber:x:data', type: 'submit' },
    field('FORM_TYPE', 'http://jabber.org/protocol/muc#roomconfig'),
    field(name, value),
  );
  const reply = await stage.focus.client.request(admin(room, 'owner', form));
  assert.equal(reply?.attrs.type, 'result');
}
