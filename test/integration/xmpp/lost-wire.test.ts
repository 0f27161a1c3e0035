import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { payload } from '../../kit/xml.ts';
import type { XmppEntity } from '../../kit/xmpp-entity.ts';
import { answer } from './session.ts';
import { event, received, Stage, waitMs } from './stage.ts';
import { Wire } from './wire.ts';

describe('a connection to Prosody that is lost while Prosody lives', () => {
  const wire = new Wire();
  let stage: Stage;
  let alice: XmppEntity;
  let room: string;

  before(async () => {
    stage = await Stage.open({ by: (port) => wire.lay(port), timing: { quietMs: 300 } });
    room = stage.room('wire');
    await stage.focus.enter(room);
    alice = await stage.browser(room, 'alice001');
  });
  after(async () => {
    await stage.close();
    await wire.remove();
  });

  const back = () => once(stage.gateway, 'online', { signal: AbortSignal.timeout(waitMs) });

  it('brings the call back as somebody else, and its ghost leaves the room', async () => {
    const occupant = await stage.joined(room, { callId: 'aabbccdd' });
    occupant.on('offer', (offer) => occupant.accept(offer.sid, answer));
    await stage.focus.invite(occupant.occupantJid);
    occupant.setStatus('Connected');
    const old = occupant.occupantJid;
    const interrupted = event(occupant, 'interrupted');
    const ghostGone = received(alice, (s) => s.attrs.from === old && s.attrs.type === 'unavailable');
    const joined = event(occupant, 'joined');
    const asNew = received(
      alice,
      (s) => s.is('presence') && s.attrs.from !== old && s.getChild('status')?.getText() === 'Connected',
    );
    wire.cut();
    await interrupted;
    await ghostGone;
    await joined;
    const real = (await asNew).getChild('x')?.getChild('item')?.attrs.jid ?? '';
    assert.match(real, /^aabbccdd-[0-9a-f]{8}@callcontrol\.meet\.test\//);
    assert.equal(occupant.others, 1);
    const accept = await stage.focus.invite(occupant.occupantJid);
    assert.equal(payload(accept)?.attrs.responder, real);
    await occupant.leave();
  });

  it('says goodbye later for a call that ended meanwhile', async () => {
    const occupant = await stage.joined(room);
    const gone = received(
      alice,
      (s) => s.attrs.from === occupant.occupantJid && s.attrs.type === 'unavailable',
    );
    const interrupted = event(occupant, 'interrupted');
    const online = back();
    wire.cut();
    await interrupted;
    await occupant.leave('Disconnected');
    await online;
    assert.equal((await gone).getChild('status')?.getText(), 'Disconnected');
  });

  it('is noticed when nothing comes any more, not even an end', async () => {
    const offline = once(stage.gateway, 'offline', { signal: AbortSignal.timeout(waitMs) });
    const online = back();
    wire.freeze();
    await offline;
    wire.cut();
    wire.thaw();
    await online;
  });

  it('refuses a join at once while it lasts', async () => {
    const offline = once(stage.gateway, 'offline', { signal: AbortSignal.timeout(waitMs) });
    const online = back();
    wire.cut();
    await offline;
    const occupant = stage.occupant(room);
    const failed = event(occupant, 'failed');
    occupant.join();
    assert.equal((await failed)[0].code, 'xmpp-unreachable');
    await online;
  });

  it('does not end the process when a listener fails', async () => {
    const occupant = await stage.joined(room);
    occupant.once('others', () => {
      throw new Error('listener');
    });
    const second = event(occupant, 'others');
    await stage.browser(room, 'bob00001');
    await second;
    assert.ok(stage.lines.some((line) => line.level === 'error' && /listener/.test(line.message)));
    await occupant.leave();
  });
});
