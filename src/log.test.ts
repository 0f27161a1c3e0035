import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, type LogOptions, silentLog } from './log.ts';

function collector(options: LogOptions) {
  const lines: string[] = [];
  const log = createLog(options, { write: (line) => lines.push(line) });
  return { log, lines };
}

test('a line is one JSON object with level name, time, context and message', () => {
  const { log, lines } = collector({ level: 'info', format: 'json' });
  log.child({ callId: 'c1' }).info({ room: 'r' }, 'call started');
  const line: unknown = JSON.parse(lines[0] ?? '');
  assert.partialDeepStrictEqual(line, { level: 'info', callId: 'c1', room: 'r', msg: 'call started' });
});

test('levels below the configured one are not written', () => {
  const { log, lines } = collector({ level: 'warn', format: 'json' });
  log.info({}, 'no');
  log.warn({}, 'yes');
  assert.equal(lines.length, 1);
});

test('secrets never reach the output, at any depth and in any case', () => {
  const { log, lines } = collector({ level: 'trace', format: 'json' });
  log.info({ password: 'hush-1', account: { password: 'hush-2', secret: 'hush-3' } }, 'a');
  log.info({ config: { sip: { account: { password: 'hush-4' } } } }, 'b');
  log.info({ headers: { 'Jitsi-Conference-Room-Pass': 'hush-5', Authorization: 'hush-6' } }, 'c');
  log.info(
    { list: [{ a: { b: { c: { PASSWORD: 'hush-9' } } } }], 'X-Room-Pass': 'hush-10', iceToken: 'hush-11' },
    'f',
  );
  log.child({ secret: 'hush-7' }).info({}, 'd');
  log.child({ ice: { pwd: 'hush-8' } }).error({}, 'e');
  assert.doesNotMatch(lines.join(''), /hush/);
  assert.match(lines.join(''), /\[removed\]/);
});

test('names that only look like secrets, and contexts that contain themselves, are harmless', () => {
  const { log, lines } = collector({ level: 'info', format: 'json' });
  const loop: Record<string, unknown> = { bypassed: 1, compass: 2, pinned: 3, passwords: undefined };
  loop.self = loop;
  log.info(loop, 'a');
  assert.match(lines[0] ?? '', /"bypassed":1,.*"pinned":3/);
});

test('an error in the context keeps its message and stack', () => {
  const { log, lines } = collector({ level: 'info', format: 'json' });
  log.error({ err: new Error('boom') }, 'failed');
  assert.match(lines[0] ?? '', /"message":"boom","stack":"Error: boom/);
});

test('pretty output shows the message and lets no escape sequence through to the terminal', () => {
  const { log, lines } = collector({ level: 'info', format: 'pretty' });
  log.info({ reason: '\u001b]0;owned\u0007 \u009b31m \r x' }, 'busy \u001b[2J');
  const text = lines.join('');
  assert.match(text, /INFO.*busy/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test('the silent log accepts everything', () => {
  silentLog.child({ a: 1 }).error({}, 'nothing');
});
