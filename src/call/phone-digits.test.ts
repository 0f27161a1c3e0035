import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { ok, type Result } from '../errors.ts';
import { silentLog } from '../log.ts';
import type { MediaCall, MediaCallEvents, PhoneMedia } from '../media/media-engine.ts';
import type { SipCall, SipCallEvents } from '../sip/engine.ts';
import { PhoneLeg, type PhoneLegParts } from './phone-leg.ts';
import { PromptBook } from './prompt-book.ts';

const offer = [
  ...['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', 'm=audio 4000 RTP/AVP 0 101'],
  ...['a=rtpmap:101 telephone-event/8000', ''],
].join('\r\n');

/** A leg between a SIP call and media that only note what is asked of them. */
async function stage(profile: Partial<PhoneLegParts['profile']>) {
  const notes: string[] = [];
  const connected: PhoneMedia[] = [];
  const answers: ((status: Result<number>) => void)[] = [];
  const sip = Object.assign(new EventEmitter<SipCallEvents>(), {
    offer,
    info: (_type: string, body: string) => {
      notes.push(`info ${body.split('\r\n')[0]}`);
      return new Promise<Result<number>>((resolve) => answers.push(resolve));
    },
  });
  const media = Object.assign(new EventEmitter<MediaCallEvents>(), {
    openPhone: async () => ok({ rtpPort: 10_000, rtcpPort: 10_001 }),
    connectPhone: async (phone: PhoneMedia) => {
      connected.push(phone);
      return ok(undefined);
    },
    sendDtmf: (digits: string, leg: string) => notes.push(`dtmf ${digits} ${leg}`),
  });
  const leg = new PhoneLeg({
    media: media as unknown as MediaCall,
    profile: { codecs: ['PCMU'], ...profile },
    prompts: new PromptBook({ language: 'en', directory: undefined }),
    address: '127.0.0.1',
    log: silentLog,
  });
  const digits: string[] = [];
  leg.onDigit = (digit) => digits.push(digit);
  const received = await leg.receive(sip as unknown as SipCall);
  assert.ok(received.ok, JSON.stringify(received));
  return { leg, sip, media, notes, digits, connected, answers };
}

test('a key of the phone is one digit, by RTP or by INFO', async () => {
  const { sip, media, digits } = await stage({});
  media.emit('digit', { digit: '5', durationMs: 100 }, 'phone');
  sip.emit('info', 'application/dtmf-relay', 'Signal=#\r\nDuration=160\r\n');
  sip.emit('info', 'application/media_control+xml', '<x/>');
  media.emit('digit', { digit: '7', durationMs: 100 }, 'room');
  assert.deepEqual(digits, ['5', '#']);
});

test('with INFO configured, digits of the room go to the phone one after the other; the media knows', async () => {
  const { leg, media, notes, connected, answers } = await stage({ dtmf: 'info' });
  assert.equal(connected[0]?.digits, 'info');
  media.emit('digit', { digit: '1', durationMs: 200 }, 'room');
  leg.sendDigits('2,a');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(notes, ['info Signal=1'], 'the second waits for the answer to the first');
  for (const status of [200, 415, 200]) {
    answers.shift()?.(ok(status));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(notes, ['info Signal=1', 'info Signal=2', 'info Signal=A']);
});

test('without it the media sends them in its own way', async () => {
  for (const [dtmf, digits] of [
    ['auto', undefined],
    ['inband', 'inband'],
  ] as const) {
    const { leg, media, notes, connected } = await stage({ dtmf });
    assert.equal(connected[0]?.digits, digits);
    media.emit('digit', { digit: '1', durationMs: 200 }, 'room');
    leg.sendDigits('23');
    assert.deepEqual(notes, ['dtmf 23 phone']);
  }
});
