import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactNtp, ntpTime } from './ntp-time.ts';
import { ReceptionReport, roundTripMs } from './reception-report.ts';

function receive(
  report: ReceptionReport,
  from: number,
  to: number,
  delayMs = (_: number): number => 0,
): void {
  for (let n = from; n < to; n++) report.received(n & 0xffff, (n * 160) >>> 0, n * 20 + delayMs(n));
}

test('a clean stream over the wrap has no loss and no jitter', () => {
  const report = new ReceptionReport(1, 8000);
  receive(report, 65500, 65600);
  assert.deepEqual([report.packetsReceived, report.packetsExpected, report.packetsLost], [100, 100, 0]);
  assert.equal(report.report(0).highestSequence, 65599);
  assert.equal(report.jitterMs, 0);
});

test('the fraction lost counts from report to report', () => {
  const report = new ReceptionReport(1, 8000);
  receive(report, 0, 50);
  receive(report, 75, 100);
  let block = report.report(0);
  assert.deepEqual([block.fractionLost, block.cumulativeLost], [64, 25]);
  receive(report, 100, 200);
  block = report.report(0);
  assert.deepEqual([block.fractionLost, block.cumulativeLost], [0, 25]);
});

test('packets that were not read count as far as the next one that was bears them out, whatever they claimed', () => {
  const report = new ReceptionReport(7, 8000);
  const receive = (sequence: number, unread: number) =>
    report.received(sequence & 0xffff, sequence * 160, sequence * 20, unread);
  receive(65_500, 0);
  receive(65_500 + 64, 63);
  assert.deepEqual([report.packetsLost, report.packetsReceived], [0, 65], 'over the wrap');
  receive(65_500 + 128, 60);
  assert.equal(report.packetsLost, 3, 'what did not come is lost');
  receive(65_500 + 129, 100_000);
  receive(65_500 + 130, 0);
  assert.equal(report.packetsLost, 3, 'forged ones make neither loss nor gain');
  assert.equal(report.jitterMs, 0);
});

test('late packets are no loss, doubled ones make it negative', () => {
  const report = new ReceptionReport(1, 8000);
  for (const n of [1, 2, 5, 4, 3, 6, 6, 6]) report.received(n, n * 160, n * 20);
  assert.equal(report.packetsLost, -2);
  assert.equal(report.report(0).fractionLost, 0);
});

test('jitter settles at the mean difference of delays', () => {
  const report = new ReceptionReport(1, 8000);
  receive(report, 0, 500, (n) => (n % 2) * 10);
  assert.ok(Math.abs(report.jitterMs - 10) < 0.5, `${report.jitterMs}`);
  assert.equal(report.report(0).jitter, Math.floor(report.jitterMs * 8));
});

test('a sender that begins to number anew is not a loss of thousands', () => {
  const report = new ReceptionReport(1, 8000);
  receive(report, 0, 100);
  receive(report, 40_000, 40_100);
  assert.equal(report.packetsLost, 0);
  assert.equal(report.packetsReceived, 200);
});

test('one packet from far away moves nothing', () => {
  const report = new ReceptionReport(1, 8000);
  receive(report, 0, 50);
  receive(report, 30_000, 30_001);
  receive(report, 50, 100);
  assert.equal(report.packetsExpected, 100);
});

test('round-trip time comes out of our report, the peer’s delay and now', () => {
  const sent = ntpTime(1_800_000_000_000);
  const report = new ReceptionReport(1, 8000);
  receive(report, 0, 2);
  report.senderReported(sent, 5000);
  const block = report.report(5400);
  assert.equal(block.lastSenderReport, compactNtp(sent));
  const trip = roundTripMs(block, ntpTime(1_800_000_000_450));
  assert.ok(trip !== undefined && Math.abs(trip - 50) < 0.1, `${trip}`);
  assert.equal(roundTripMs(block, ntpTime(1_800_000_000_100)), undefined);
  assert.equal(roundTripMs({ ...block, lastSenderReport: 0 }, sent), undefined);
});

test('a tick that was due before the sender report came reports no delay, instead of a negative one', () => {
  const report = new ReceptionReport(1, 8000);
  receive(report, 0, 2);
  report.senderReported(ntpTime(1_800_000_000_000), 5014);
  assert.equal(report.report(5000).delaySinceLast, 0);
});
