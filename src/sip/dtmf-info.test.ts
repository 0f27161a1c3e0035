import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDtmfInfo, writeDtmfInfo } from './dtmf-info.ts';

test('what we write is read back, for every digit', () => {
  for (const digit of '0123456789*#ABCD') {
    const { contentType, body } = writeDtmfInfo({ digit, durationMs: 200 });
    assert.deepEqual(readDtmfInfo(contentType, body), { digit, durationMs: 200 });
  }
});

test('the bodies that phones send are understood', () => {
  const cases: readonly (readonly [string, string, string, number])[] = [
    ['application/dtmf-relay', 'Signal=5\r\nDuration=160\r\n', '5', 160],
    ['application/dtmf-relay', 'Signal= 5\nDuration= 250', '5', 250],
    ['Application/DTMF-Relay; charset=utf-8', 'signal=*', '*', 160],
    ['application/dtmf-relay', 'Duration=90\r\nSignal=#\r\n', '#', 90],
    ['application/dtmf-relay', 'Signal=11\r\nDuration=100\r\n', '#', 100],
    ['application/dtmf-relay', 'Signal=d\r\nDuration=999999\r\n', 'D', 10_000],
    ['application/dtmf', '7', '7', 160],
    ['application/dtmf', ' 10\r\n', '*', 160],
    ['application/dtmf', 'Signal=3\r\nDuration=100\r\n', '3', 100],
  ];
  for (const [type, body, digit, durationMs] of cases) {
    assert.deepEqual(readDtmfInfo(type, body), { digit, durationMs }, body);
  }
});

test('anything else is no digit', () => {
  for (const [type, body] of [
    ['application/dtmf-relay', ''],
    ['application/dtmf-relay', 'Signal=\r\nDuration=100'],
    ['application/dtmf-relay', 'Signal=flash\r\n'],
    ['application/dtmf-relay', 'Signal=16\r\n'],
    ['application/dtmf', '55'],
    ['application/dtmf', ''],
    ['application/media_control+xml', '5'],
    ['', '5'],
    ['application/dtmf-relay', `Signal=5\r\n${' '.repeat(10_000)}`],
  ] as const) {
    assert.equal(readDtmfInfo(type, body), undefined, `${type}: ${body.slice(0, 30)}`);
  }
});
