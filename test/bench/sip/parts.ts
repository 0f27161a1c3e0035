import { rounded } from '../percentiles.ts';
import { Answerer } from './answerer.ts';
import { Caller, type CallsReport } from './caller.ts';
import type { SubjectName } from './host.ts';
import { SubjectProcess } from './subject-process.ts';
import { udpDrops } from './udp-drops.ts';

/** Calls at one rate, and how busy both sides were. */
export interface RatePoint extends CallsReport {
  readonly wanted: number;
  readonly seconds: number;
  /** No retransmission, no failure. */
  readonly held: boolean;
  readonly cpuPercent: number;
  readonly loopP99Ms: number;
  /** Datagrams that found a full receive buffer, of the subject or of the generator. */
  readonly kernelDrops: number;
  readonly generatorCpuPercent: number;
  /** False: it is the generator that is not fast enough, so the point says nothing about the subject. */
  readonly generatorIsSound: boolean;
}

/** One series of calls from a caller of its own. */
export async function measureRate(
  subject: SubjectProcess,
  wanted: number,
  seconds: number,
): Promise<RatePoint> {
  const caller = await Caller.open({ target: subject.port, patienceMs: 3_000 });
  const before = await subject.state();
  const droppedBefore = udpDrops(subject.port);
  const [ownCpu, ownAt] = [process.cpuUsage(), performance.now()];
  const calls = await caller.run(Math.round(wanted * seconds), wanted);
  const own = process.cpuUsage(ownCpu);
  const elapsed = performance.now() - ownAt;
  const after = await subject.state();
  const kernelDrops = udpDrops(subject.port) - droppedBefore + udpDrops(caller.port);
  caller.close();
  const generatorCpuPercent = rounded((own.user + own.system) / 10 / elapsed);
  return {
    ...calls,
    answerP99Ms: rounded(calls.answerP99Ms),
    perSecond: rounded(calls.perSecond),
    wanted,
    seconds,
    held: calls.failed + calls.retransmitted + calls.repeated === 0 && calls.perSecond >= 0.98 * wanted,
    cpuPercent: rounded(((after.cpuSeconds - before.cpuSeconds) * 100_000) / elapsed),
    loopP99Ms: rounded(after.loopP99Ms),
    kernelDrops,
    generatorCpuPercent,
    generatorIsSound: calls.perSecond >= 0.98 * wanted,
  };
}

/**
 * Raises the rate until it is not held twice in a row (each rate that is not held gets a second try, in a fresh process), then holds
 * the highest for longer than a transaction lives, the next one below when it does not stand that. 0 when none did.
 */
export async function climb(
  name: SubjectName,
  rates: readonly number[],
  seconds: { readonly step: number; readonly sustained: number },
): Promise<{ setupsPerSecond: number; points: RatePoint[] }> {
  const points: RatePoint[] = [];
  const tried = async (rate: number, length: number, attempts: number): Promise<boolean> => {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const subject = await SubjectProcess.start(name);
      try {
        await measureRate(subject, Math.min(200, rate), 1); // warms it up
        const point = await measureRate(subject, rate, length);
        points.push(point);
        if (point.held) return true;
      } finally {
        subject.stop();
      }
    }
    return false;
  };
  let held: number[] = [];
  for (const rate of rates) {
    if (!(await tried(rate, seconds.step, 2))) break;
    held = [rate, ...held];
  }
  if (seconds.sustained === 0) return { setupsPerSecond: held[0] ?? 0, points };
  for (const rate of held)
    if (await tried(rate, seconds.sustained, 1)) return { setupsPerSecond: rate, points };
  return { setupsPerSecond: 0, points };
}

/** Lateness of the event loop at so many calls a second. */
export async function measureLoop(name: SubjectName, rate: number, seconds: number): Promise<RatePoint> {
  const subject = await SubjectProcess.start(name);
  try {
    await measureRate(subject, rate, 2);
    return await measureRate(subject, rate, seconds);
  } finally {
    subject.stop();
  }
}

/** Bytes of heap for each transaction that is kept for its 32 s, with what its call still holds: the growth over `calls` calls. */
export async function measureMemory(name: SubjectName, calls: number): Promise<number> {
  const subject = await SubjectProcess.start(name);
  const caller = await Caller.open({ target: subject.port });
  const perSecond = name === 'stock' ? 50 : 400;
  try {
    await caller.run(2 * perSecond, perSecond);
    const before = await subject.memory();
    await caller.run(calls, perSecond);
    const after = await subject.memory();
    return Math.round((after.heapBytes - before.heapBytes) / (after.transactions - before.transactions));
  } finally {
    caller.close();
    subject.stop();
  }
}

export async function measureParse(name: SubjectName, rounds: number): Promise<number> {
  const subject = await SubjectProcess.start(name);
  try {
    return rounded(await subject.parse(rounds), 2);
  } finally {
    subject.stop();
  }
}

export interface LossReport {
  /** Calls each way, those that failed, and datagrams sent again by the peer. */
  readonly incoming: number;
  readonly incomingFailed: number;
  readonly outgoing: number;
  readonly outgoingFailed: number;
}

/** Calls both ways while each datagram is lost with 10 %, in each direction. Succeeded: answered, and the BYE too. */
export async function measureLoss(name: SubjectName, calls: number, patienceMs: number): Promise<LossReport> {
  const perSecond = 25;
  const loss = 0.1;
  const subject = await SubjectProcess.start(name);
  const caller = await Caller.open({ target: subject.port, loss, talkMs: 150, patienceMs });
  const answerer = await Answerer.open(loss);
  const outgoing = name === 'stock' ? 0 : Math.floor(calls / 2);
  try {
    const incoming = caller.run(calls - outgoing, perSecond);
    const placed =
      outgoing === 0
        ? { answered: 0, failed: 0 }
        : await subject.place({ port: answerer.port, calls: outgoing, perSecond });
    const taken = await incoming;
    return {
      incoming: taken.begun,
      incomingFailed: taken.failed,
      outgoing,
      outgoingFailed: placed.failed,
    };
  } finally {
    caller.close();
    answerer.close();
    subject.stop();
  }
}
