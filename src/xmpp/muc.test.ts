import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoff } from './backoff.ts';
import { IqRequests } from './iq-requests.ts';
import { cleanText, presenceContent } from './muc.ts';
import { Roster } from './roster.ts';
import { type Element, element, serialise } from './stanza.ts';

describe('presence in a room', () => {
  it('shows a caller by a name that cannot pose as another', () => {
    assert.equal(cleanText('\u202eevil\u0007\r\n  ', 80), 'evil');
    assert.equal(cleanText('\u{1f600}'.repeat(100), 3), '\u{1f600}'.repeat(3));
    const shown = presenceContent({ displayName: '<b>&', audioMuted: true, status: undefined });
    assert.match(shown.map(serialise).join(''), /<nick [^>]*>&lt;b&gt;&amp;<\/nick>.*<audiomuted>true</);
  });
});

describe('the roster', () => {
  it('counts neither us nor the focus, and knows real JIDs', () => {
    const roster = new Roster();
    roster.enter('focus', 'focus@auth.a/focus');
    roster.enter('me', 'call@c/me');
    roster.enter('alice', 'Alice@a/web');
    assert.equal(roster.others('me'), 1);
    assert.ok(roster.hasRealJid('alice@a'));
    assert.ok(!roster.hasRealJid('alice@a/other'));
    assert.ok(!roster.hasRealJid(''));
    roster.leave('alice');
    assert.equal(roster.others('me'), 0);
  });
});

describe('IQ requests', () => {
  const request = {
    from: 'a@c/x',
    to: 'focus.a',
    type: 'set',
    payload: element('q'),
    timeoutMs: 5000,
  } as const;

  it('take a reply only from whom they asked', async () => {
    const sent: Element[] = [];
    const requests = new IqRequests((stanza) => sent.push(stanza) > 0);
    const answer = requests.request(request);
    const id = sent[0]?.attrs.id;
    const reply = (from: string, to = 'a@c/x') => element('iq', { type: 'result', id, from, to });
    assert.ok(!requests.settle(reply('mallory@a/y')));
    assert.ok(!requests.settle(reply('focus.a', 'b@c/x')));
    assert.ok(requests.settle(reply('Focus.A')));
    assert.ok((await answer).ok);
    assert.ok(!requests.settle(reply('focus.a')));
  });

  it('end when the stream ends, and when nobody answers', async () => {
    const requests = new IqRequests(() => true);
    const lost = requests.request(request);
    requests.abandon();
    assert.deepEqual(await lost, { ok: false, error: { condition: 'offline', text: 'the stream ended' } });
    const offline = await new IqRequests(() => false).request(request);
    assert.ok(!offline.ok && offline.error.condition === 'offline');
  });
});

describe('back-off', () => {
  it('grows, stays under its limit, and is never the same for all', () => {
    const delays = [...Array(40).keys()].map((attempt) => backoff(attempt, 250, 5000, () => 1));
    assert.deepEqual(delays.slice(0, 5), [250, 500, 1000, 2000, 4000]);
    assert.equal(Math.max(...delays), 5000);
    assert.equal(
      backoff(10, 250, 5000, () => 0),
      2500,
    );
  });
});
