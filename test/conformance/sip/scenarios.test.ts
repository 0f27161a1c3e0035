import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, type TestContext } from 'node:test';
import { type EndingCode, fail, ok, type Result } from '../../../src/errors.ts';
import type { LocalAudio } from '../../../src/sip/audio-session.ts';
import type { SipCall } from '../../../src/sip/engine.ts';
import { answerOffer, writeOffer } from '../../../src/sip/offer-answer.ts';
import { type Datagram, loseDatagrams, someDatagrams } from '../../kit/lost-datagrams.ts';
import { ended } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { type SippResult, startSipp } from '../../kit/sipp.ts';

/** One of scenarios/*.xml, which says what sipp does, and what we do about it. */
interface Scenario {
  readonly name: string;
  /** The section that asks for it. */
  readonly rfc: string;
  readonly file: string;
  readonly keys?: Readonly<Record<string, string>>;
  /** Sipp calls (`in`) or is called (`out`). */
  readonly direction: 'in' | 'out';
  /** Another sipp that our call gets to in the end. */
  readonly elsewhere?: string;
  /** What is lost on purpose, also in the clean run. */
  readonly loses?: (datagram: Datagram) => boolean;
  /** What chance does not lose: a script of sipp knows a repetition only of what it received last. */
  readonly spares?: RegExp;
  /** Default: an incoming call is answered, an outgoing one hung up as soon as it is answered. `invited`: its INVITE has left. */
  readonly act?: (call: SipCall, invited: Promise<void>) => Promise<void> | undefined;
  readonly ends?: EndingCode;
  /** It waits for one of our long timers. */
  readonly waits?: boolean;
  readonly only?: EngineKind;
}

const local: LocalAudio = {
  address: '127.0.0.1',
  rtpPort: 40_000,
  codecs: ['PCMU', 'PCMA'],
  sessionId: 7,
  version: 1,
};
const ourOffer = writeOffer(local);

function answerTo(offer: string | undefined): Result<string> {
  if (offer === undefined) return ok(ourOffer);
  const answer = answerOffer(offer, local);
  return answer.ok ? ok(answer.value.sdp) : fail('no-common-codec');
}

function answer(call: SipCall): undefined {
  const sdp = answerTo(call.offer);
  assert.ok(sdp.ok);
  call.on('reoffer', (offer, respond) => respond(answerTo(offer)));
  call.ring();
  call.answer(sdp.value);
}

function transfer(call: SipCall): undefined {
  answer(call);
  call.on('refer', (asked) => {
    assert.equal(asked.replaces, 'c1@x;to-tag=a;from-tag=b');
    asked.accept();
    asked.progress(200, 'OK');
  });
}

/** What happens to the call, or an error when it ends before. */
async function until(call: SipCall, event: 'answered' | 'ringing'): Promise<void> {
  const over = ended(call).then((why): never => assert.fail(`ended before ${event}: ${JSON.stringify(why)}`));
  await Promise.race([once(call, event), over]);
}

async function hangUp(call: SipCall): Promise<void> {
  await until(call, 'answered');
  call.end({ code: 'hangup' });
}

/** The peer ends it. */
function wait(): undefined {}

function firstOf(start: RegExp, cseq: RegExp, direction: 'in' | 'out') {
  let done = false;
  return (datagram: Datagram): boolean => {
    const { text } = datagram;
    if (done || datagram.direction !== direction || !start.test(text) || !cseq.test(text)) return false;
    done = true;
    return true;
  };
}

const scenarios: readonly Scenario[] = [
  { name: 'a caller sends a digit by INFO and hangs up', rfc: '6086 §4.2', file: 'info', direction: 'in' },
  {
    name: 'the 200 to INVITE is lost once',
    rfc: '3261 §13.3.1.4',
    file: 'info',
    direction: 'in',
    loses: firstOf(/^SIP\/2.0 200/, /CSeq: \d+ INVITE/i, 'out'),
  },
  {
    name: 'the ACK is lost once',
    rfc: '3261 §13.3.1.4',
    file: 'info',
    direction: 'in',
    loses: firstOf(/^ACK/, /CSeq: 1 ACK/i, 'in'),
  },
  {
    name: 'the answer to INFO is lost: it comes again',
    rfc: '3261 §17.2.2',
    file: 'info',
    direction: 'in',
    loses: firstOf(/^SIP\/2.0 200/, /CSeq: \d+ INFO/i, 'out'),
  },
  {
    name: 'the answer to BYE is lost: it comes again',
    rfc: '3261 §17.2.2',
    file: 'info',
    direction: 'in',
    loses: firstOf(/^SIP\/2.0 200/, /CSeq: \d+ BYE/i, 'out'),
  },
  {
    name: 'a caller asks for a transfer, hears its outcome and hangs up',
    rfc: '3515 §2.4',
    file: 'transfer',
    direction: 'in',
    act: transfer,
    // Two NOTIFYs look alike to a script.
    spares: /CSeq: \d+ NOTIFY/i,
  },
  {
    name: 'the answer to REFER is lost: it comes again',
    rfc: '3261 §17.2.2',
    file: 'transfer',
    direction: 'in',
    act: transfer,
    loses: firstOf(/^SIP\/2.0 202/, /CSeq: \d+ REFER/i, 'out'),
    spares: /CSeq: \d+ NOTIFY/i,
  },
  {
    name: 'the answer is never acknowledged',
    rfc: '3261 §13.3.1.4',
    file: 'no-ack',
    waits: true,
    direction: 'in',
    ends: 'no-ack',
  },
  {
    name: 'hold with sendonly',
    rfc: '3264 §8.4',
    file: 'hold',
    keys: { held: 'sendonly', answer: 'recvonly' },
    direction: 'in',
  },
  {
    name: 'hold with inactive',
    rfc: '3264 §8.4',
    file: 'hold',
    keys: { held: 'inactive', answer: 'inactive' },
    direction: 'in',
  },
  {
    name: 'hold with the address 0.0.0.0',
    rfc: '3264 §8.4, 2543 §B.5',
    file: 'hold',
    keys: { held: 'nowhere', answer: 'recvonly|inactive' },
    direction: 'in',
  },
  { name: 'hold with a re-INVITE without offer', rfc: '3261 §14.2', file: 'hold-offerless', direction: 'in' },
  { name: 'a late offer', rfc: '3261 §13.2.1', file: 'late-offer', direction: 'in' },
  {
    name: 'an odd but legal offer, another codec and address later; video and fax are refused',
    rfc: '3264 §6, §8.3',
    file: 'odd-offer',
    direction: 'in',
  },
  { name: 'UPDATE as refresh and with an offer', rfc: '3311 §5.2', file: 'update', direction: 'in' },
  {
    name: 'a caller that requires 100rel acknowledges early media by PRACK',
    rfc: '3262 §3',
    file: 'prack',
    direction: 'in',
    only: 'embedded',
    act: (call) => {
      const sdp = answerTo(call.offer);
      assert.ok(sdp.ok);
      call.early(sdp.value);
      call.answer(sdp.value);
      return undefined;
    },
  },
  {
    name: 'a caller gives up while it rings',
    rfc: '3261 §9.2',
    file: 'cancel',
    direction: 'in',
    act: (call) => void call.ring(),
    ends: 'cancelled',
  },
  {
    name: 'CANCEL and 200 cross: the call is up',
    rfc: '3261 §9.2',
    file: 'cancel-answered',
    direction: 'in',
    only: 'embedded',
  },
  {
    name: 'two re-INVITEs cross (491)',
    rfc: '3261 §14.1',
    file: 'glare',
    spares: /^(INVITE|SIP\/2.0 491)/,
    direction: 'in',
    act: async (call) => {
      const acknowledged = until(call, 'answered');
      answer(call);
      await acknowledged;
      const reinvited = await call.reinvite(ourOffer);
      assert.ok(reinvited.ok, JSON.stringify(reinvited));
      call.end({ code: 'hangup' });
    },
  },
  {
    name: 'a session interval that is too small gets 422',
    rfc: '4028 §9',
    file: 'session-too-brief',
    direction: 'in',
    only: 'embedded',
  },
  {
    name: 'a caller that does not refresh the session is hung up',
    rfc: '4028 §10',
    file: 'session-expires',
    waits: true,
    direction: 'in',
    only: 'embedded',
    ends: 'session-expired',
  },
  { name: 'a PBX asks for credentials (407)', rfc: '3261 §22.3', file: 'challenge', direction: 'out' },
  {
    name: 'a phone picks up while we cancel',
    rfc: '3261 §9.1',
    file: 'answers-late',
    direction: 'out',
    act: async (call) => {
      await until(call, 'ringing');
      call.end({ code: 'hangup' });
    },
  },
  {
    name: 'we give up before the peer has said anything',
    rfc: '3261 §9.1',
    file: 'cancelled-early',
    direction: 'out',
    act: async (call, invited) => {
      await invited;
      call.end({ code: 'hangup' });
    },
  },
  {
    name: 'two phones pick up a forked call',
    rfc: '3261 §13.2.2.4',
    file: 'forked',
    direction: 'out',
    only: 'embedded',
    act: wait,
  },
  {
    name: 'a redirection (302) is followed',
    rfc: '3261 §8.1.3.4',
    file: 'moved',
    elsewhere: 'answer',
    direction: 'out',
  },
  {
    name: 'a server that cannot serve (503) is passed by',
    rfc: '3263 §4.3',
    file: 'unavailable',
    elsewhere: 'answer',
    direction: 'out',
  },
  {
    name: 'early media that is sent reliably gets PRACK',
    rfc: '3262 §4',
    file: 'reliable-progress',
    direction: 'out',
  },
  {
    name: 'a callee that wants a longer session (422) gets it',
    rfc: '4028 §7.3',
    file: 'session-longer',
    direction: 'out',
    only: 'embedded',
  },
  {
    name: 'we refresh the session by UPDATE',
    rfc: '4028 §10',
    file: 'session-refreshed',
    waits: true,
    direction: 'out',
    only: 'embedded',
    act: wait,
  },
  {
    name: 'a callee that does not refresh the session is hung up',
    rfc: '4028 §10',
    file: 'session-not-refreshed',
    waits: true,
    direction: 'out',
    only: 'embedded',
    act: wait,
    ends: 'session-expired',
  },
  {
    name: 'a PBX asks for credentials inside the dialog',
    rfc: '3261 §22.2',
    file: 'challenge-inside',
    direction: 'out',
    act: async (call) => {
      await until(call, 'answered');
      assert.deepEqual(await call.info('application/dtmf-relay', 'Signal=5'), ok(200));
      call.end({ code: 'hangup' });
    },
  },
];

/** RFC 3261 T1 of 100 ms; 50 ms where 64 of them, or a minute of RFC 4028, are waited for. */
const times = { t1: 100, t2: 800, t4: 1_000 };
const quickTimes = { t1: 50, t2: 400, t4: 500 };
/** With losses sipp stays on for a while, to answer what comes again. */
const linger = { clean: '0', lossy: '1500' };

// They mostly wait for sipp.
describe('sipp scenarios', { concurrency: 4 }, () => {
  for (const scenario of scenarios) {
    for (const wire of ['clean', 'lossy'] as const) {
      const name = `sipp: ${scenario.name}${wire === 'lossy' ? ', with 10 % loss' : ''}`;
      const options = { quick: true, rfc: scenario.rfc, ...(scenario.only && { only: scenario.only }) };
      onEachEngine(name, (context, kind) => run(context, kind, scenario, wire), options);
    }
  }
});

async function run(
  context: TestContext,
  kind: EngineKind,
  scenario: Scenario,
  wire: 'clean' | 'lossy',
): Promise<void> {
  const sipp = scenario.direction === 'out' ? await called(context, scenario, wire) : undefined;
  const account = sipp === undefined ? {} : { port: sipp.port, backupServers: sipp.backup };
  const gateway = await startEngineOf(kind, { times: scenario.waits === true ? quickTimes : times, account });
  context.after(() => gateway.stop());
  const chance = wire === 'lossy' ? someDatagrams(0.1, scenario.name.length) : () => false;
  const left = Promise.withResolvers<void>();
  const losses = loseDatagrams(gateway.port, (datagram) => {
    if (datagram.text.startsWith('INVITE')) left.resolve();
    // A script of sipp takes messages in one order only: what comes after the ACK must not come before it.
    const tooLate = datagram.direction === 'out' && datagram.text.startsWith('ACK');
    const spared = tooLate || scenario.spares?.test(datagram.text) === true;
    return scenario.loses?.(datagram) || (!spared && chance(datagram));
  });
  context.after(() => losses.stop());
  const result = sipp === undefined ? calling(gateway, scenario, wire) : sipp.result;
  const call = sipp === undefined ? await callFrom(gateway, result) : dial(gateway);
  const over = ended(call);
  const act = scenario.act ?? (sipp === undefined ? answer : hangUp);
  const trouble = await act(call, left.promise)?.catch((error: Error) => error.message);
  const { code, errors, messages } = await result;
  assert.equal(trouble, undefined, `${errors}\n${messages}`);
  assert.equal(code, 0, `${errors}\n${messages}`);
  assert.equal((await over).code, scenario.ends ?? 'hangup');
}

/** The call that sipp makes, or what sipp says why there is none. */
function callFrom(gateway: AnyEngine, result: Promise<SippResult>): Promise<SipCall> {
  const failed = result.then(({ errors }): never => assert.fail(`sipp ended first: ${errors}`));
  failed.catch(() => {});
  return Promise.race([gateway.nextCall(), failed]);
}

function dial({ engine, account }: AnyEngine): SipCall {
  return engine.invite('sip:4711@pbx.test', {
    account,
    sdp: ourOffer,
    headers: [],
    noAnswerSeconds: 30,
    mayFollow: () => true,
  });
}

async function calling(gateway: AnyEngine, scenario: Scenario, wire: 'clean' | 'lossy'): Promise<SippResult> {
  const target = { host: '127.0.0.1', port: gateway.port };
  const sipp = await startSipp({ ...sippOptions(scenario, scenario.file, wire), target });
  return sipp.result;
}

interface Called {
  readonly port: number;
  readonly backup: readonly { readonly host: string; readonly port: number }[];
  readonly result: Promise<SippResult>;
}

/** Starts the sipp that our call goes to, and the one that it gets to then. */
async function called(context: TestContext, scenario: Scenario, wire: 'clean' | 'lossy'): Promise<Called> {
  const { elsewhere, file } = scenario;
  if (elsewhere === undefined) {
    const { port, result } = await startSipp(sippOptions(scenario, file, wire));
    return { port, result, backup: [] };
  }
  const second = await startSipp(sippOptions(scenario, elsewhere, wire));
  const keyed = { ...scenario, keys: { elsewhere: String(second.port) } };
  const first = await startSipp(sippOptions(keyed, file, wire));
  context.after(() => first.stop());
  return { port: first.port, backup: [{ host: '127.0.0.1', port: second.port }], result: second.result };
}

function sippOptions(scenario: Scenario, file: string, wire: 'clean' | 'lossy') {
  return {
    scenario: new URL(`scenarios/${file}.xml`, import.meta.url),
    keys: { ...scenario.keys, linger: linger[wire] },
    echo: false,
    tolerant: true,
    timeoutSeconds: 20,
  };
}
