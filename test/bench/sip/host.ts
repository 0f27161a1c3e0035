import { processLoad } from '../../kit/process-load.ts';
import { inviteText } from './call-texts.ts';
import { startStock } from './stock-sip-js.ts';
import { type CallOrder, startOurs } from './subject.ts';

// One subject as a process of its own on the gateway's core. Run with --expose-gc and the name of the subject.

export type SubjectName = 'embedded' | 'drachtio' | 'stock';

export interface HostState {
  readonly at: number;
  readonly cpuSeconds: number;
  /** Lateness of its event loop since the last question, milliseconds. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly calls: number;
  readonly transactions: number;
  readonly counters: Readonly<Record<string, number>>;
}

export interface HeldMemory {
  /** After forced collections. */
  readonly heapBytes: number;
  readonly transactions: number;
}

export type HostVerb =
  | { readonly verb: 'state' }
  | { readonly verb: 'memory' }
  | { readonly verb: 'parse'; readonly rounds: number }
  | { readonly verb: 'place'; readonly order: CallOrder };

const name = process.argv[2] as SubjectName;
const subject = name === 'stock' ? await startStock() : await startOurs(name);

function state(): HostState {
  const { now, loopDelay, cpuSeconds } = processLoad();
  return {
    at: now,
    cpuSeconds,
    loopP99Ms: loopDelay.p99,
    loopMaxMs: loopDelay.max,
    calls: subject.calls(),
    transactions: subject.transactions(),
    counters: subject.counters(),
  };
}

async function memory(): Promise<HeldMemory> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { heapBytes: process.memoryUsage().heapUsed, transactions: subject.transactions() };
}

/** Microseconds for one INVITE: median of blocks of a hundred, after as many to warm up. */
function parse(rounds: number): number {
  const invites = Array.from({ length: 100 }, (_, index) =>
    Buffer.from(inviteText({ port: 5060, target: 5060, callId: `parse${index}@bench` }, `parse${index}`)),
  );
  const block = (): number => {
    const start = process.hrtime.bigint();
    for (const bytes of invites) if (!subject.parse(bytes)) throw new Error('the INVITE was refused');
    return Number(process.hrtime.bigint() - start) / 1_000 / invites.length;
  };
  const blocks = Math.ceil(rounds / invites.length);
  for (let index = 0; index < blocks; index += 1) block();
  const times = Array.from({ length: blocks }, block).sort((a, b) => a - b);
  return times[Math.floor(blocks / 2)] ?? Number.NaN;
}

async function answer(request: HostVerb): Promise<unknown> {
  if (request.verb === 'state') return state();
  if (request.verb === 'memory') return memory();
  if (request.verb === 'parse') return parse(request.rounds);
  if (subject.place === undefined) throw new Error(`${name} places no calls here`);
  return subject.place(request.order);
}

process.on('message', (request: HostVerb & { readonly id: number }) => {
  answer(request).then(
    (result) => process.send?.({ id: request.id, result }),
    (error: Error) => process.send?.({ id: request.id, error: error.message }),
  );
});
process.on('disconnect', () => process.exit(0));
processLoad();
process.send?.({ id: 0, result: subject.port });
