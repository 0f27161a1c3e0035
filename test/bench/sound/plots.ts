import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conditions } from './conditions.ts';
import type { DepthCurve } from './depth.ts';
import type { SoundReport, SoundRow } from './sound.ts';

const ink = '#333';
const colours = { gateway: '#2b6cb0', reference: '#a0aec0', arrival: '#a0aec0', depth: '#2b6cb0' } as const;
const style = `<style>text{font:12px sans-serif;fill:${ink}}.small{font-size:10px}</style>`;

/** Writes the pictures of docs/sound.md. */
export function writePlots(directory: string, report: SoundReport, curves: readonly DepthCurve[]): void {
  mkdirSync(directory, { recursive: true });
  for (const direction of ['room to phone', 'phone to room'] as const) {
    const rows = report.rows.filter((row) => row.direction === direction);
    const file = `pesq-${direction.replaceAll(' ', '-')}.svg`;
    writeFileSync(join(directory, file), scoresPlot(rows, `PESQ, ${direction}`));
  }
  writeFileSync(join(directory, 'jitter-buffer.svg'), depthPlot(curves));
}

/** Two bars for each codec and condition: through the gateway, and the codecs alone. */
function scoresPlot(rows: readonly SoundRow[], title: string): string {
  const [left, top, height, group] = [46, 40, 240, 78];
  const width = left + rows.length * group + 16;
  const y = (mos: number) => top + height - ((mos - 1) / 3.5) * height;
  const grid = [1, 2, 3, 4].map(
    (mos) =>
      `${line(left, y(mos), width - 10, y(mos), '#e2e8f0')}${text(left - 8, y(mos) + 4, String(mos), 'end')}`,
  );
  const bars = rows.map((row, index) => {
    const x = left + index * group + 12;
    return [
      bar(x, y(row.gateway), y(1), colours.gateway),
      bar(x + 28, y(row.reference), y(1), colours.reference),
      text(x + 13, y(row.gateway) - 4, row.gateway.toFixed(2), 'middle', 'small'),
      text(x + 41, y(row.reference) - 4, row.reference.toFixed(2), 'middle', 'small'),
      text(x + 27, top + height + 16, `${row.codec} (${row.band})`, 'middle'),
      text(x + 27, top + height + 30, row.condition, 'middle', 'small'),
    ].join('');
  });
  const note = conditions
    .slice(1)
    .map(({ name, label }) => `${name}: ${label}`)
    .join('; ');
  return svg(title, width, top + height + 62, [
    text(left, 20, `${title}: MOS-LQO`),
    legend(left + 220, [
      ['through the gateway', colours.gateway],
      ['the codecs alone, same packets', colours.reference],
    ]),
    ...grid,
    ...bars,
    text(left, top + height + 52, note, 'start', 'small'),
  ]);
}

/** How late packets came, and how long the jitter buffer let them wait, over time. */
function depthPlot(curves: readonly DepthCurve[]): string {
  const [left, top, width, height, space] = [46, 44, 760, 120, 48];
  const panels = curves.map(({ name, points }, index) => {
    const base = top + index * (height + space) + height;
    const last = points.at(-1)?.seconds ?? 1;
    const x = (seconds: number) => left + (seconds / last) * width;
    const y = (ms: number) => base - (Math.min(ms, 200) / 200) * height;
    const grid = [0, 50, 100, 150, 200].map(
      (ms) =>
        `${line(left, y(ms), left + width, y(ms), '#e2e8f0')}${text(left - 6, y(ms) + 4, String(ms), 'end', 'small')}`,
    );
    const dots = points.flatMap(({ seconds, latenessMs }) =>
      latenessMs === undefined || latenessMs < 1
        ? []
        : [`M${x(seconds).toFixed(0)} ${y(latenessMs).toFixed(0)}h1`],
    );
    const steps = points.filter(
      ({ depthMs }, at) =>
        at === points.length - 1 || Math.abs(depthMs - (points[at + 1]?.depthMs ?? 0)) >= 1,
    );
    const path = steps.flatMap(({ seconds, depthMs }, at) => [
      `${x(steps[at - 1]?.seconds ?? 0).toFixed(1)},${y(depthMs).toFixed(0)}`,
      `${x(seconds).toFixed(1)},${y(depthMs).toFixed(0)}`,
    ]);
    const ticks = Array.from({ length: Math.floor(last / 10) + 1 }, (_, at) =>
      text(x(at * 10), base + 14, `${at * 10} s`, 'middle', 'small'),
    );
    return [
      text(left, base - height - 6, name),
      ...grid,
      `<path d="${[...new Set(dots)].join('')}" stroke="${colours.arrival}"/>`,
      `<polyline points="${path.join(' ')}" fill="none" stroke="${colours.depth}" stroke-width="1.4"/>`,
      ...ticks,
    ].join('');
  });
  return svg('Delay of the jitter buffer', left + width + 20, top + curves.length * (height + space), [
    legend(left, [
      ['packets: ms later than the fastest', colours.arrival],
      ['delay of the jitter buffer, ms', colours.depth],
    ]),
    ...panels,
  ]);
}

/** `title` is what those hear who do not see the picture. */
function svg(title: string, width: number, height: number, content: readonly string[]): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}><title>${title}</title>${style}<rect width="100%" height="100%" fill="white"/>\n${content.join('\n')}\n</svg>\n`;
}

function legend(left: number, entries: readonly (readonly [string, string])[]): string {
  return entries
    .map(([name, colour], index) => {
      const x = left + index * 230;
      return `<rect x="${x}" y="11" width="11" height="11" fill="${colour}"/>${text(x + 16, 20, name)}`;
    })
    .join('');
}

const bar = (x: number, from: number, to: number, colour: string): string =>
  `<rect x="${x}" y="${from.toFixed(1)}" width="26" height="${(to - from).toFixed(1)}" fill="${colour}"/>`;

const line = (x1: number, y1: number, x2: number, y2: number, colour: string): string =>
  `<line x1="${x1}" y1="${y1.toFixed(1)}" x2="${x2}" y2="${y2.toFixed(1)}" stroke="${colour}"/>`;

const text = (x: number, y: number, content: string, anchor = 'start', name = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${name && ` class="${name}"`}>${content}</text>`;
