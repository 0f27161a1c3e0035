import type { SubjectName } from './host.ts';
import type { RatePoint } from './parts.ts';
import type { EngineFigures, SipReport } from './sip.ts';

const names: Readonly<Record<SubjectName, string>> = {
  embedded: 'embedded',
  drachtio: "drachtio, with the kit's stand-in for drachtio-server on the callers' core",
  stock: 'stock sip.js',
};

/** The report for people. */
export function sipTable(report: SipReport): string {
  const { flood } = report.measurements;
  const { machine, goals, measurements, stock, drachtioWithStandIn: drachtio, overStock } = report;
  const width = (key: 'name' | 'goal' | 'value') => Math.max(0, ...goals.map((goal) => goal[key].length));
  const [name, goal, value] = [width('name'), width('goal'), width('value')];
  return [
    `sip, ${report.at}, ${machine.cpus} × ${machine.model}, Node ${machine.node}`,
    `pinned: ${machine.pinned ? 'engine and generator on a core each' : 'no'}; load average ${report.loadBefore.toFixed(1)} before, ${report.loadAfter.toFixed(1)} after`,
    '',
    ...goals.map(
      (one) =>
        `${one.met ? '✓' : '✗'} ${one.name.padEnd(name)} ${one.goal.padStart(goal)} ${one.value.padStart(value)}`,
    ),
    '',
    `${names.drachtio}: ${figures(drachtio)}`,
    `${names.stock}: ${figures(stock)}`,
    ...(overStock.setups === undefined || overStock.parse === undefined
      ? []
      : [
          `embedded over stock: ${overStock.setups} times the set-ups, a parser ${overStock.parse} times as fast`,
        ]),
    ...(flood === undefined
      ? []
      : [
          `flood: ${flood.invites} INVITE; ${flood.mediaGaps} gaps in ${flood.packets} packets, ${flood.calmMediaGaps} in as long without it`,
        ]),
    '',
    ...(Object.keys(names) as SubjectName[]).flatMap((subject) => {
      const points = measurements.rates[subject];
      return points === undefined ? [] : [`${names[subject]}:`, ...points.map(line)];
    }),
  ].join('\n');
}

function figures(engine: EngineFigures): string {
  const { setupsPerSecond, parseMicros, loopDelayP99Ms, lossyFailures, transactionBytes } = engine;
  const texts = [
    setupsPerSecond !== undefined && `${setupsPerSecond} set-ups/s`,
    parseMicros !== undefined && `parse ${parseMicros} µs`,
    loopDelayP99Ms !== undefined && `loop p99 ${loopDelayP99Ms} ms`,
    lossyFailures !== undefined && `${lossyFailures} lossy failures`,
    transactionBytes !== undefined && `${transactionBytes} bytes a transaction`,
  ];
  return texts.filter((text) => text !== false).join(', ') || 'not measured';
}

function line(point: RatePoint): string {
  return (
    `  ${String(point.wanted).padStart(5)}/s for ${point.seconds} s: ${point.held ? 'held' : 'not held'}, ` +
    `${point.failed} failed, ${point.retransmitted + point.repeated} sent again, ${point.kernelDrops} dropped by the kernel, answer p99 ${point.answerP99Ms} ms, ` +
    `${point.cpuPercent} % CPU, loop p99 ${point.loopP99Ms} ms; generator ${point.generatorCpuPercent} %`
  );
}
