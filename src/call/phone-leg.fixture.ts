import { EventEmitter } from 'node:events';
import { someAccount } from '../config/account.fixture.ts';
import { type Failure, ok, type Result } from '../errors.ts';
import { createLog } from '../log.ts';
import type { MediaCall, MediaCallEvents, PhoneMedia } from '../media/media-engine.ts';
import type { SipCall, SipCallEvents } from '../sip/engine.ts';
import type { CallEvent } from './call-state.ts';
import { PhoneLeg, type PhoneLegParts } from './phone-leg.ts';
import { PromptBook } from './prompt-book.ts';

/** For the tests of the phone leg: a peer and media by hand. */

/** The peer's side of a dialog, by hand. */
export class Dialog extends EventEmitter<SipCallEvents> {
  readonly callId = 'c1';
  readonly remote = { uri: 'sip:100@pbx.test', user: '100', displayName: undefined };
  readonly localAddress = '127.0.0.1';
  readonly direction: 'in' | 'out';
  readonly offer: string | undefined;
  takesEarlyMedia = true;
  readonly account = someAccount;
  readonly replaces = undefined;
  readonly ends: Failure[] = [];
  readonly answers: string[] = [];
  readonly earlyAnswers: string[] = [];

  constructor(direction: 'in' | 'out', offer?: string) {
    super();
    this.direction = direction;
    this.offer = offer;
  }

  header(): undefined {}
  ring(): void {}
  early(sdp: string): void {
    this.earlyAnswers.push(sdp);
  }
  answer(sdp: string): void {
    this.answers.push(sdp);
  }
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

export class Media extends EventEmitter<MediaCallEvents> {
  readonly agreed: PhoneMedia[] = [];
  openPhone = async () => ok({ rtpPort: 20_000, rtcpPort: 20_001 });
  connectPhone = async (phone: PhoneMedia): Promise<Result<void>> => {
    this.agreed.push(phone);
    return ok(undefined);
  };
}

export const sdp = (direction: string, port = 4000): string =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\na=${direction}\r\n`;

export function scene(dialog: Dialog, parts: Partial<Pick<PhoneLegParts, 'transfer' | 'profile'>> = {}) {
  const media = new Media();
  const leg = new PhoneLeg({
    media: media as unknown as MediaCall,
    profile: { codecs: ['PCMU'] },
    prompts: new PromptBook({ language: 'en', directory: undefined }),
    address: '127.0.0.1',
    log: createLog({ level: 'fatal', format: 'json' }),
    ...parts,
  });
  const events: CallEvent[] = [];
  leg.onEvent = (event) => events.push(event);
  return { media, leg, events, sip: dialog as unknown as SipCall };
}

export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
