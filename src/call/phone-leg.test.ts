import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { type EndingCode, type Failure, ok, type Result } from '../errors.ts';
import { createLog } from '../log.ts';
import type { MediaCall, MediaCallEvents, PhoneMedia } from '../media/media-engine.ts';
import type { SipCall, SipCallEvents } from '../sip/engine.ts';
import type { CallEvent } from './call-state.ts';
import { PhoneLeg } from './phone-leg.ts';
import { PromptBook } from './prompt-book.ts';

/** The peer's side of a dialog, by hand. */
class Dialog extends EventEmitter<SipCallEvents> {
  readonly callId = 'c1';
  readonly remote = { uri: 'sip:100@pbx.test', user: '100', displayName: undefined };
  readonly localAddress = '127.0.0.1';
  readonly direction: 'in' | 'out';
  readonly offer: string | undefined;
  readonly ends: Failure[] = [];

  constructor(direction: 'in' | 'out', offer?: string) {
    super();
    this.direction = direction;
    this.offer = offer;
  }

  header(): undefined {}
  ring(): void {}
  answer(): void {}
  reinvite = async (): Promise<Result<string>> => ok('');
  info = async (): Promise<Result<number>> => ok(200);

  end(why: Failure): void {
    this.ends.push(why);
  }

  /** A re-INVITE or UPDATE; what it is answered with. */
  reoffer(sdp: string | undefined): Promise<Result<string>> {
    return new Promise((resolve) => this.emit('reoffer', sdp, resolve));
  }
}

class Media extends EventEmitter<MediaCallEvents> {
  readonly agreed: PhoneMedia[] = [];
  openPhone = async () => ok({ rtpPort: 20_000, rtcpPort: 20_001 });
  connectPhone = async (phone: PhoneMedia): Promise<Result<void>> => {
    this.agreed.push(phone);
    return ok(undefined);
  };
}

const sdp = (direction: string, port = 4000): string =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\na=${direction}\r\n`;

function scene(dialog: Dialog) {
  const media = new Media();
  const leg = new PhoneLeg({
    media: media as unknown as MediaCall,
    profile: { codecs: ['PCMU'] },
    prompts: new PromptBook({ language: 'en', directory: undefined }),
    address: '127.0.0.1',
    log: createLog({ level: 'fatal', format: 'json' }),
  });
  const events: CallEvent[] = [];
  leg.onEvent = (event) => events.push(event);
  return { media, leg, events, sip: dialog as unknown as SipCall };
}

const versionOf = (answer: Result<string>): number => {
  assert.ok(answer.ok);
  return Number(/^o=\S+ \d+ (\d+)/m.exec(answer.value)?.[1]);
};

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a phone that we called may hold and resume: the ACK of an answer of ours carries nothing', async () => {
  const dialog = new Dialog('out');
  const { leg, media, events, sip } = scene(dialog);
  await leg.prepare(() => sip);
  leg.invite();
  dialog.emit('answered', sdp('sendrecv'));
  await settled();
  const held = await dialog.reoffer(sdp('sendonly'));
  dialog.emit('reanswered', undefined);
  const resumed = await dialog.reoffer(sdp('sendrecv'));
  dialog.emit('reanswered', undefined);
  await settled();
  assert.deepEqual(dialog.ends, []);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['phone-answered'],
  );
  assert.deepEqual(
    media.agreed.map(({ direction }) => direction),
    ['sendrecv', 'recvonly', 'sendrecv'],
  );
  assert.equal(versionOf(resumed), versionOf(held) + 1);
});

test('a caller who sent no offer may hold later', async () => {
  const dialog = new Dialog('in');
  const { leg, sip } = scene(dialog);
  await leg.receive(sip);
  leg.answer();
  dialog.emit('answered', sdp('sendrecv'));
  await settled();
  await dialog.reoffer(sdp('sendonly'));
  dialog.emit('reanswered', undefined);
  await settled();
  assert.deepEqual(dialog.ends, []);
});

test('an offer of ours that is never answered ends the call', async () => {
  const dialog = new Dialog('in', sdp('sendrecv'));
  const { leg, sip } = scene(dialog);
  await leg.receive(sip);
  leg.answer();
  dialog.emit('answered', undefined);
  await settled();
  assert.deepEqual(dialog.ends, [], 'the offer was theirs');
  await dialog.reoffer(undefined);
  dialog.emit('reanswered', undefined);
  await settled();
  assert.deepEqual(
    dialog.ends.map(({ code }) => code),
    ['no-common-codec'],
  );
});

test('a re-INVITE that is refused takes no version of the session', async () => {
  const dialog = new Dialog('in', sdp('sendrecv'));
  const { leg, sip } = scene(dialog);
  await leg.receive(sip);
  const before = versionOf(await dialog.reoffer(sdp('sendrecv')));
  assert.equal((await dialog.reoffer('v=0')).ok, false);
  assert.equal(versionOf(await dialog.reoffer(sdp('sendrecv'))), before + 1);
});

/** An outgoing call whose first line fails with `code`, and what becomes of it. */
async function failing(code: EndingCode, act: (dialog: Dialog, leg: PhoneLeg) => void = () => {}) {
  const [first, second] = [new Dialog('out'), new Dialog('out')];
  const { leg, events, sip } = scene(first);
  const offers: string[] = [];
  const another = async () =>
    ok({
      profile: { codecs: ['PCMA' as const] },
      address: '127.0.0.9',
      place: (offer: string) => {
        offers.push(offer);
        return second as unknown as SipCall;
      },
    });
  await leg.prepare(() => sip, another);
  leg.invite();
  act(first, leg);
  first.emit('ended', { code });
  await settled();
  return { leg, second, offers, types: events.map(({ type }) => type), events };
}

test('a call that nobody took goes by the next account, with what that one is configured for', async () => {
  const { second, offers, events } = await failing('phone-unreachable');
  assert.equal(offers.length, 1);
  assert.match(offers[0] ?? '', /c=IN IP4 127\.0\.0\.9\r\n/);
  assert.match(offers[0] ?? '', /m=audio \d+ RTP\/AVP 8 /);
  assert.deepEqual(events, [], 'the room hears nothing of it');
  second.emit('ringing', undefined);
  second.emit('ended', { code: 'phone-unreachable' });
  await settled();
  assert.deepEqual(
    events.map(({ type }) => type),
    ['phone-ringing', 'phone-ended'],
  );
});

test('an answer of the one who was called is never answered with another try', async () => {
  for (const code of ['phone-busy', 'phone-rejected', 'phone-no-answer'] as const) {
    const { offers, types } = await failing(code);
    assert.deepEqual([offers, types], [[], ['phone-ended']], code);
  }
  const rung = await failing('phone-unreachable', (dialog) => dialog.emit('ringing', undefined));
  assert.deepEqual([rung.offers, rung.types], [[], ['phone-ringing', 'phone-ended']]);
});

test('a call that the room ends meanwhile goes nowhere', async () => {
  const ended = await failing('phone-unreachable', (_dialog, leg) => leg.end({ code: 'hangup' }));
  assert.deepEqual([ended.offers, ended.types], [[], ['phone-ended']]);
  const dialog = new Dialog('out');
  const { leg, events, sip } = scene(dialog);
  const { promise, resolve } = Promise.withResolvers<void>();
  await leg.prepare(
    () => sip,
    async () => {
      await promise;
      return ok({ profile: { codecs: [] }, address: '', place: () => assert.fail('it was dialled again') });
    },
  );
  leg.invite();
  dialog.emit('ended', { code: 'phone-unreachable' });
  leg.end({ code: 'hangup' });
  resolve();
  await settled();
  assert.deepEqual(events, [{ type: 'phone-ended', why: { code: 'hangup' } }]);
});
