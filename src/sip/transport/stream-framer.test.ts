import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Frame, StreamFramer } from './stream-framer.ts';

const one = 'OPTIONS sip:a SIP/2.0\r\nl : 2\r\n\r\nhi';
const two = 'SIP/2.0 200 OK\r\nContent-Length:0\r\nX: y\r\n\r\n';

function frames(chunks: readonly (string | Buffer)[], limit = 1_000): string[] {
  const framer = new StreamFramer(limit);
  const show = (frame: Frame): string =>
    frame.kind === 'message' ? frame.bytes.toString() : frame.kind === 'fault' ? frame.reason : 'ping';
  return chunks.flatMap((chunk) => [...framer.push(Buffer.from(chunk as string))].map(show));
}

test('messages come out whole however the stream is cut', () => {
  const stream = one + two + one;
  for (let cut = 1; cut < stream.length; cut += 1) {
    assert.deepEqual(frames([stream.slice(0, cut), stream.slice(cut)]), [one, two, one]);
  }
  assert.deepEqual(frames([...stream]), [one, two, one]);
});

test('a double line end between messages is a ping, a single one is none', () => {
  assert.deepEqual(frames([`${one}\r\n\r\n${two}\r\n${one}`]), [one, 'ping', two, one]);
});

test('a message that is too large or has no length ends the stream', () => {
  assert.deepEqual(frames([`X: ${'x'.repeat(2_000)}`]), ['too-large']);
  assert.deepEqual(frames(['A\r\nContent-Length: 5000\r\n\r\n']), ['too-large']);
  assert.deepEqual(frames(['A\r\nX: y\r\n\r\n', one]), ['no-content-length', one]);
});
