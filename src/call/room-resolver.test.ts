import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveRoom } from './room-resolver.ts';

const ask = (headers: Record<string, string>, defaultRoom?: string) =>
  resolveRoom({
    header: (name) => headers[name.toLowerCase()],
    roomHeaders: ['Jitsi-Conference-Room', 'X-Room-Name'],
    defaultRoom,
    mucDomain: 'conference.meet.test',
  });

test('a bare name, a JID and a percent-encoded JID name the same room', () => {
  for (const value of [
    'Standup',
    'standup@conference.meet.test',
    'standup%40Conference.meet.test',
    ' standup ',
  ]) {
    assert.deepEqual(
      ask({ 'jitsi-conference-room': value }),
      { ok: true, value: 'standup@conference.meet.test' },
      value,
    );
  }
});

test('the first header wins over the second and over the default room', () => {
  const room = ask({ 'x-room-name': 'second', 'jitsi-conference-room': 'first' }, 'default');
  assert.deepEqual(room, { ok: true, value: 'first@conference.meet.test' });
  assert.deepEqual(ask({ 'x-room-name': 'second' }, 'default'), {
    ok: true,
    value: 'second@conference.meet.test',
  });
});

test('an empty header counts as none', () => {
  assert.deepEqual(ask({ 'jitsi-conference-room': '  ' }, 'lobby'), {
    ok: true,
    value: 'lobby@conference.meet.test',
  });
});

test('no header and no default room: 404 no-room', () => {
  const room = ask({});
  assert.equal(!room.ok && room.error.code, 'no-room');
});

test('rooms of other domains and hostile names are refused, never joined', () => {
  for (const value of [
    'a@evil.test',
    'a@b@c',
    'a b',
    'a\r\nX: 1',
    'a/b',
    '<a>',
    'x'.repeat(300),
    '@conference.meet.test',
  ]) {
    const room = ask({ 'jitsi-conference-room': value }, 'default');
    assert.equal(!room.ok && room.error.code, 'bad-room', JSON.stringify(value));
  }
});
