import { checkPage } from '../conformance/torture/table.ts';
import { fuzzMedia, type MediaFuzzReport } from './media-run.ts';

/** Fuzzes the media engine for so long, prints what came of it, and answers whether that is as it must be. */
export async function runMedia(seed: number, seconds: number): Promise<boolean> {
  const report = await fuzzMedia(seed, seconds * 1000);
  console.log(page(report, seconds));
  for (const complaint of report.complaints) console.error(complaint);
  if (process.env.UPDATE === '1') {
    checkPage(
      'fuzz',
      page(report, seconds),
      'UPDATE=1 npm run fuzz -- --target media',
      'conformance-media.md',
    );
  }
  return report.complaints.length + report.gaps + report.caught === 0;
}

function page(report: MediaFuzzReport, seconds: number): string {
  const { seed, sent, strangers, refused, passed } = report;
  const reasons = [...refused].filter(([, count]) => count > 0).sort(([, one], [, other]) => other - one);
  const counted = reasons.reduce((sum, [, count]) => sum + count, 0);
  return [
    '| what | figure | limit |',
    '|---|---|---|',
    `| datagrams sent in ${seconds} s (seed ${seed}) | ${sent} | |`,
    `| of those, from strangers; the others came from the addresses of the phones and the bridges | ${strangers} | |`,
    `| refused and counted | ${counted} | ${sent} |`,
    `| RTP meanwhile, to the phones and to the bridges | ${passed.phones} and ${passed.bridges} | |`,
    `| of that, numbers that never came or could not be deciphered | ${report.gaps} | 0 |`,
    `| answers that strangers got | ${report.caught} | 0 |`,
    `| exceptions, ended calls, errors in the log | ${report.complaints.length} | 0 |`,
    '',
    `Refused, by reason: ${reasons.map(([reason, count]) => `${reason} ${count}`).join(', ')}.`,
  ].join('\n');
}
