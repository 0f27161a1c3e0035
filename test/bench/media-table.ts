import type { MediaReport } from './media.ts';
import type { Measured } from './media-stage.ts';

/** The report for people. */
export function mediaTable(report: MediaReport): string {
  const { machine, floor, floorAfter, measurements, goals } = report;
  const [name, goal, value] = [width(goals, 'name'), width(goals, 'goal'), width(goals, 'value')];
  return [
    `media, ${report.at}, ${machine.cpus} × ${machine.model}, Node ${machine.node}`,
    `pinned: ${machine.pinned ? 'gateway and generator on a core each' : 'no'}; load average ${report.loadBefore.toFixed(1)} before, ${report.loadAfter.toFixed(1)} after`,
    `floor (${floor.version}): ${floor.perCallUs} µs per call and tick = three decoded ${floor.decodeUs} + one encoded ${floor.encodeUs}; after the lone phones ${floorAfter.perCallUs}`,
    '',
    ...goals.map(
      (one) =>
        `${one.met ? '✓' : '✗'} ${one.name.padEnd(name)} ${one.goal.padStart(goal)} ${one.value.padStart(value)}`,
    ),
    '',
    ...Object.entries(measurements).flatMap(([kind, all]) => [`${kind}:`, ...all.map(line)]),
  ].join('\n');
}

function width(goals: MediaReport['goals'], key: 'name' | 'goal' | 'value'): number {
  return Math.max(...goals.map((goal) => goal[key].length));
}

function line({
  calls,
  cpuPerCallTick,
  cpuPercent,
  tickP99Ms,
  residentMiB,
  generator,
  atFullEffort,
}: Measured): string {
  return (
    `  ${String(calls).padStart(4)} calls ${cpuPerCallTick.toFixed(1).padStart(6)} µs per call and tick, ${cpuPercent.toFixed(0).padStart(3)} % CPU, ` +
    `${atFullEffort ? '' : 'less complexity, '}tick p99 ${tickP99Ms} ms, at the phones p99 ${generator.phoneLateP99Ms} ms, ${generator.gaps} gaps, ${residentMiB} MiB; ` +
    `generator ${generator.cpuPercent.toFixed(0)} %, p99 ${generator.ownLateP99Ms} ms`
  );
}
