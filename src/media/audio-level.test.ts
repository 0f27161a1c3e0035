import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioLevel, VoiceActivity } from './audio-level.ts';

const tone = (amplitude: number): Int16Array =>
  Int16Array.from({ length: 160 }, (_, n) => Math.round(amplitude * Math.sin((2 * Math.PI * n) / 16)));

test('levels are dB below a full-scale square wave', () => {
  assert.equal(audioLevel(new Int16Array(160).fill(-32768)), 0);
  assert.equal(audioLevel(tone(32767)), 3);
  assert.equal(audioLevel(tone(3277)), 23);
  assert.equal(audioLevel(new Int16Array(160).fill(1)), 90);
});

test('only digital silence is 127, because a bridge drops such packets', () => {
  assert.equal(audioLevel(new Int16Array(960)), 127);
  const click = new Int16Array(480_000);
  click[5] = 1;
  assert.ok(audioLevel(click) < 127);
});

test('a voice over steady noise is told from the noise', () => {
  const activity = new VoiceActivity();
  for (let frame = 0; frame < 100; frame++) activity.isVoice(55);
  assert.equal(activity.isVoice(55), false);
  assert.equal(activity.isVoice(25), true);
  for (let frame = 0; frame < 14; frame++) assert.equal(activity.isVoice(55), true, 'a pause between words');
  for (let frame = 0; frame < 5; frame++) activity.isVoice(55);
  assert.equal(activity.isVoice(55), false);
  assert.equal(activity.isVoice(127), false);
});
