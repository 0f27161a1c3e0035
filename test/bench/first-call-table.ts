import type { FirstCallReport } from './first-call.ts';
import type { GeneratorLoad } from './generator-watch.ts';
import type { LoadPoint, ManyCallsReport, SideFigures } from './many-calls.ts';
import type { Distribution } from './percentiles.ts';
import type { SingleCallsReport } from './single-calls.ts';
import type { SteadyReport } from './steady.ts';

/** The report for people. */
export function firstCallTable(report: FirstCallReport): string {
  const { machine, singleCalls, withoutNagle, manyCalls, steady } = report;
  const pinning = machine.pinned
    ? 'gateway on core 1, load generator on core 0'
    : 'NOT PINNED: one core only, the generator disturbs the gateway';
  return [
    `first-call${report.quick ? ' (quick)' : ''}: ${machine.cpus} CPUs (${machine.model}), Node ${machine.node}, ${pinning}`,
    `load average ${report.loadBefore.toFixed(1)} before, ${report.loadAfter.toFixed(1)} after`,
    `reference: libopus alone, one frame each way: ${report.opusPairMicroseconds} µs, so ${codecMs(report)} ms for a call and second`,
    '',
    ...(singleCalls === undefined ? [] : singleLines(singleCalls)),
    ...(withoutNagle === undefined ? [] : eagerLines(withoutNagle)),
    ...(manyCalls === undefined ? [] : manyLines(manyCalls, codecMs(report))),
    ...(steady === undefined ? [] : steadyLines(steady)),
    ...rows([
      ['goal', 'wanted', 'measured', ''],
      ...report.goals.map(({ name, goal, value, met }) => [name, goal, value, met ? 'met' : 'MISSED']),
    ]),
  ].join('\n');
}

function codecMs({ opusPairMicroseconds }: FirstCallReport): number {
  return Number((opusPairMicroseconds / 20).toFixed(2));
}

function row(name: string, { count, p50, p95, max }: Distribution): (string | number)[] {
  return [name, count, p50, p95, max];
}

function stepsLine({ steps }: SingleCallsReport['setup']): string {
  const texts = Object.entries(steps).map(([step, ms]) => `${step} ${ms}`);
  return `median ms since the INVITE: ${texts.join(' · ')}`;
}

function eagerLines(setup: SingleCallsReport['setup']): string[] {
  return [
    'The same with network_settings = { nagle = false } in Prosody (config/prosody.cfg.lua.snippet)',
    ...rows([['ms', 'count', 'p50', 'p95', 'max'], row('INVITE → audio both ways', setup.bothWays)]),
    stepsLine(setup),
    '',
  ];
}

function singleLines({ calls, setup, delay, clocks, generator }: SingleCallsReport): string[] {
  return [
    `One call after another, ${calls} calls, bridge: libwebrtc`,
    ...rows([
      ['ms', 'count', 'p50', 'p95', 'max'],
      row('INVITE → audio both ways', setup.bothWays),
      row('  the phone hears the room', setup.phoneHears),
      row('  the room hears the phone', setup.roomHears),
      row('wire: phone → room', delay.phoneToRoom),
      row('wire: room → phone', delay.roomToPhone),
      row('  over noise', delay.roomToPhoneOverNoise),
      row('  after digital silence', delay.roomToPhoneAfterSilence),
    ]),
    `first call of the process: ${setup.firstCallMs} ms; bursts never found: ${delay.lostBursts}`,
    stepsLine(setup),
    `clocks of the two measuring processes: ${clocks.between} of ${clocks.of} answers between question and reply, within ${clocks.withinMs} ms`,
    generatorLine(generator),
    '',
  ];
}

function manyLines({ idleCpuPercent, points }: ManyCallsReport, codec: number): string[] {
  const cpu = ({ calls, cpuPercent, cpuPerCall }: LoadPoint) => [
    calls,
    cpuPercent,
    cpuPerCall,
    (cpuPerCall / codec).toFixed(2),
  ];
  const side = (calls: number, name: string, side: SideFigures) => [
    `${calls}: ${name}`,
    side.packets,
    side.missing,
    side.pauses,
    side.longestPauseMs,
    side.silentFrames,
  ];
  return [
    `Many calls at once, PCMU, both sides always speaking, bridge: light (werift and pre-encoded Opus in place of libwebrtc); idle ${idleCpuPercent} %`,
    ...rows([['calls', 'CPU %', 'ms per call and second', 'times the codec alone'], ...points.map(cpu)]),
    ...rows([
      ['arriving at', 'packets', 'missing', 'pauses > 60 ms', 'longest pause ms', 'silent frames'],
      ...points.flatMap(({ calls, phones, rooms }) => [
        side(calls, 'phones', phones),
        side(calls, 'rooms', rooms),
      ]),
    ]),
    ...points.map((point) => `${point.calls} calls: ${generatorLine(point.generator)}`),
    '',
  ];
}

function steadyLines({ calls, atOnce, warmUp, holdings, growthPerCallKiB }: SteadyReport): string[] {
  return [
    `${calls} calls, ${atOnce} at a time, after ${warmUp} to warm up; each time after a forced garbage collection in all threads`,
    ...rows([
      [
        'after calls',
        'heap MiB',
        'compiled code MiB',
        'resident MiB',
        'descriptors',
        'media ports',
        'timers and handles',
      ],
      ...holdings.map((one) => [
        one.after,
        one.heapMiB,
        one.codeMiB,
        one.residentMiB,
        one.descriptors,
        one.mediaPorts,
        one.resources,
      ]),
    ]),
    `growth in the second half: ${growthPerCallKiB} KiB for each call`,
    '',
  ];
}

/** A generator that is so late itself makes pauses that are not the gateway's. */
const lateMs = 40;

function generatorLine(load: GeneratorLoad): string {
  const latest = Math.max(load.phones.max, load.bridge.max);
  const disturbed =
    latest > lateMs ? `; DISTURBED: it was ${latest} ms late itself, repeat on a quiet machine` : '';
  const delay = ({ p50, p99, max }: GeneratorLoad['phones']) => `p50 ${p50}, p99 ${p99}, max ${max} ms`;
  return (
    `generator: late ${delay(load.phones)} (phones, focus), ${delay(load.bridge)} (bridge); ` +
    `CPU ${load.phonesCpu} % + ${load.bridgeCpu} %; cores busy ${load.generatorCoreBusy} % (generator), ${load.gatewayCoreBusy} % (gateway)${disturbed}`
  );
}

/** Columns as wide as they need; the first to the left, the others to the right. */
function rows(table: readonly (readonly (string | number)[])[]): string[] {
  const texts = table.map((row) => row.map(String));
  const widths = (texts[0] ?? []).map((_, column) =>
    Math.max(...texts.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return texts.map(line);
}
