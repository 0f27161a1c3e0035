import type { SoundReport } from './sound.ts';

/** The report for people. */
export function soundTable(report: SoundReport): string {
  const { machine, rows, goals } = report;
  const disturbed =
    report.disturbedPieces > 0
      ? `; DISTURBED: ${report.disturbedPieces} pieces by up to ${report.disturbedByMs} ms, repeat on a quiet machine`
      : '; nothing disturbed';
  return [
    `sound${report.quick ? ' (quick)' : ''}: ${machine.cpus} CPUs (${machine.model}), Node ${machine.node}, ${report.libopus}`,
    `load average ${report.loadBefore.toFixed(1)} before, ${report.loadAfter.toFixed(1)} after; ${report.passes} passes${disturbed}`,
    `MOS-LQO by PESQ, mean of ${report.pieces} pieces of 10 s; reference: the same packets through the same codecs, no network and no gateway`,
    '',
    ...columns([
      [
        'codec',
        'direction',
        'band',
        'condition',
        'gateway',
        'reference',
        'loss',
        'goal',
        '',
        'added delay',
        'lost',
      ],
      ...rows.map((row) => [
        row.codec,
        row.direction,
        row.band,
        row.condition,
        row.gateway.toFixed(2),
        row.reference.toFixed(2),
        row.difference.toFixed(3),
        `≤ ${row.goal}`,
        row.met ? '✓' : '✗',
        `${row.addedDelayMs.toFixed(0)} ms`,
        `${row.lostPercent.toFixed(1)} %`,
      ]),
    ]),
    '',
    ...columns([
      ['goal', 'wanted', 'measured', ''],
      ...goals.map(({ name, goal, value, met }) => [name, goal, value, met ? 'met' : 'MISSED']),
    ]),
  ].join('\n');
}

function columns(table: readonly (readonly string[])[]): string[] {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  return table.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
