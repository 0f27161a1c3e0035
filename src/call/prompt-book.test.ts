import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SoundFiles } from '../media/worker/sound-files.ts';
import { holdMusicFile } from './hold-music.ts';
import { PromptBook } from './prompt-book.ts';
import { promptNames } from './prompt-names.ts';

const directory = await mkdtemp(join(tmpdir(), 'jigasi-prompts-'));
after(() => rm(directory, { recursive: true }));

const pathOf = (book: PromptBook, name: (typeof promptNames)[number]): string =>
  book.sounds(name).flatMap((sound) => (sound.kind === 'file' ? [sound.path] : []))[0] ?? '';

test('every prompt is there and can be played, in each of our languages', async () => {
  const entries = await readdir(new URL('../../sounds', import.meta.url), { withFileTypes: true });
  const languages = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  assert.ok(languages.length >= 2);
  for (const language of languages) {
    const book = new PromptBook({ language, directory: undefined });
    assert.deepEqual(book.untranslated, [], language);
    for (const name of promptNames) {
      const sound = await new SoundFiles().load(pathOf(book, name));
      assert.ok(sound.ok, JSON.stringify(sound));
      assert.ok(sound.value.samples > 48_000, `${language} ${name} is longer than a second`);
      assert.ok(sound.value.samples < 8 * 48_000, `${language} ${name} is shorter than the wait for the BYE`);
    }
  }
});

test('every recording of ours was coded from 48 kHz', async () => {
  const sounds = new URL('../../sounds/', import.meta.url);
  const files = (await readdir(sounds, { recursive: true })).filter((name) => name.endsWith('.opus'));
  assert.ok(files.length > promptNames.length);
  for (const file of files) {
    const head = await readFile(new URL(file, sounds));
    const at = head.indexOf('OpusHead');
    // RFC 7845 §5.1: the rate of the original.
    assert.equal(head.readUInt32LE(at + 12), 48_000, file);
  }
});

test('our music on hold can be played', async () => {
  const sound = await new SoundFiles().load(holdMusicFile('on') ?? '');
  assert.ok(sound.ok, JSON.stringify(sound));
  assert.ok(sound.value.samples > 20 * 48_000);
});

test('a prompt of the operator replaces ours; what nobody has is said in English', async () => {
  await mkdir(join(directory, 'fr'));
  await writeFile(join(directory, 'fr', 'alone.wav'), '');
  const book = new PromptBook({ language: 'fr', directory });
  assert.equal(pathOf(book, 'alone'), join(directory, 'fr', 'alone.wav'));
  assert.match(pathOf(book, 'kicked'), /sounds\/en\/kicked\.opus$/);
  assert.ok(book.untranslated.includes('kicked') && !book.untranslated.includes('alone'));
});
