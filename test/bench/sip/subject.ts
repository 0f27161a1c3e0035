import type { SipCall } from '../../../src/sip/engine.ts';
import { parseMessage } from '../../../src/sip/message-parser.ts';
import { seededRandom } from '../../kit/random.ts';
import { startEngine } from '../../kit/sip-engine.ts';
import { type AnyEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { answerSdp } from './call-texts.ts';

/** What is measured: something that takes every call on a UDP port. */
export interface Subject {
  readonly port: number;
  /** Calls that it was offered so far. */
  calls(): number;
  /** Transactions that it holds. */
  transactions(): number;
  counters(): Readonly<Record<string, number>>;
  /** Reads one message; false: refused it. */
  parse(bytes: Buffer): boolean;
  /** Places calls; undefined where that is not measured. */
  place?(order: CallOrder): Promise<PlacedCalls>;
  stop(): Promise<void>;
}

/** Calls to place, so many a second; each is hung up a little after its answer. */
export interface CallOrder {
  readonly port: number;
  readonly calls: number;
  readonly perSecond: number;
}

export interface PlacedCalls {
  readonly answered: number;
  readonly failed: number;
}

const unlimited = 1e9;
const admission = {
  messagesPerSecond: unlimited,
  strangerMessagesPerSecond: unlimited,
  strangerCallsPerSecond: unlimited,
};

const parse = (bytes: Buffer): boolean => parseMessage(bytes, { address: '127.0.0.1', port: 5060 }, 'udp').ok;

/** An engine of ours with the times of RFC 3261 and nothing that holds the load back. */
export async function startOurs(kind: 'embedded' | 'drachtio'): Promise<Subject> {
  const started: Omit<AnyEngine, 'kind'> =
    kind === 'embedded' ? await startEngine({ admission }) : await startEngineOf(kind, { admission });
  const { engine, account, port } = started;
  let calls = 0;
  // The kit's own listener would keep every call for a `nextCall` that never comes.
  engine.removeAllListeners('invite');
  engine.on('invite', (call) => {
    calls += 1;
    call.ring();
    call.answer(answerSdp);
  });
  return {
    port,
    calls: () => calls,
    transactions: () => engine.occupancy().transactions,
    counters: () => engine.counters(),
    parse,
    place: (order) =>
      placeCalls(order, () =>
        engine.invite(`sip:bench@127.0.0.1:${order.port}`, {
          account: { ...account, port: order.port },
          sdp: answerSdp,
          headers: [{ name: 'Jitsi-Conference-Room', value: 'standup' }],
          noAnswerSeconds: 60,
        }),
      ),
    stop: () => started.stop(),
  };
}

async function placeCalls({ calls, perSecond }: CallOrder, invite: () => SipCall): Promise<PlacedCalls> {
  const random = seededRandom(7);
  let answered = 0;
  const ends: Promise<void>[] = [];
  for (let begun = 0; begun < calls; begun += 1) {
    const call = invite();
    call.once('answered', () => {
      answered += 1;
      setTimeout(() => call.end({ code: 'hangup' }), 100 + random() * 100);
    });
    ends.push(new Promise((resolve) => call.once('ended', () => resolve())));
    await new Promise((resolve) => setTimeout(resolve, 1_000 / perSecond));
  }
  await Promise.all(ends);
  return { answered, failed: calls - answered };
}
