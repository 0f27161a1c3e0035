import type { SubjectName } from './host.ts';
import type { RatePoint } from './parts.ts';
import type { SipReport } from './sip.ts';

const names: Readonly<Record<SubjectName, string>> = {
  embedded: 'embedded',
  drachtio: "drachtio, with the kit's stand-in for drachtio-server on the same core",
  stock: 'stock sip.js',
};

/** The report for people. */
export function sipTable(report: SipReport): string {
  const { machine, goals, measurements, stock, drachtioWithStandIn: drachtio, overStock } = report;
  const width = (key: 'name' | 'goal' | 'value') => Math.max(...goals.map((goal) => goal[key].length));
  const [name, goal, value] = [width('name'), width('goal'), width('value')];
  const figures = ({ parseMicros, loopDelayP99Ms, lossyFailures, setupsPerSecond }: typeof drachtio) =>
    `${setupsPerSecond} set-ups/s, parse ${parseMicros} µs, loop p99 ${loopDelayP99Ms} ms, ${lossyFailures} lossy failures`;
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
    `${names.stock}: ${figures(stock)}, ${stock.transactionBytes} bytes a transaction`,
    `embedded over stock: ${overStock.setups} times the set-ups, a parser ${overStock.parse} times as fast`,
    `flood: ${measurements.flood.invites} INVITE; ${measurements.flood.mediaGaps} gaps in ${measurements.flood.packets} packets, ${measurements.flood.calmMediaGaps} in as long without it`,
    '',
    ...(Object.keys(names) as SubjectName[]).flatMap((subject) => [
      `${names[subject]}:`,
      ...measurements.rates[subject].map(line),
    ]),
  ].join('\n');
}

function line(point: RatePoint): string {
  return (
    `  ${String(point.wanted).padStart(5)}/s for ${point.seconds} s: ${point.held ? 'held' : 'not held'}, ` +
    `${point.failed} failed, ${point.retransmitted + point.repeated} sent again, answer p99 ${point.answerP99Ms} ms, ` +
    `${point.cpuPercent} % CPU, loop p99 ${point.loopP99Ms} ms; generator ${point.generatorCpuPercent} %`
  );
}
