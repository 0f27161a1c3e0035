import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Prompt } from '../media/media-engine.ts';
import { type PromptName, promptNames } from './prompt-names.ts';

export interface PromptBookOptions {
  readonly language: string;
  /** Prompts of the operator, looked at first. */
  readonly directory: string | undefined;
}

const ownDirectory = fileURLToPath(new URL('../../sounds', import.meta.url));
const ownLanguage = 'en';
/** A phone that has just been answered is not at the ear yet, and its first packets may be late. */
const breath: Prompt = { kind: 'tone', frequencies: [], ms: 300 };

/** The caller's own PBX makes no ringing any more once it hears us: the tone of ITU-T E.180, for a minute. */
const ringing: readonly Prompt[] = Array.from({ length: 12 }, (): Prompt[] => [
  { kind: 'tone', frequencies: [425], ms: 1000, levelDb: -20 },
  { kind: 'tone', frequencies: [], ms: 4000 },
]).flat();

/**
 * Where each prompt is: in the operator's folder of the language, in ours, or in our English one. The operator's file is WAVE or Ogg
 * Opus. Looked up once.
 */
export class PromptBook {
  /** Prompts that are in English because nobody has them in the language. */
  readonly untranslated: readonly PromptName[];
  readonly #paths = new Map<PromptName, string>();

  constructor({ language, directory }: PromptBookOptions) {
    const folders = [
      ...(directory === undefined ? [] : [join(directory, language)]),
      join(ownDirectory, language),
    ];
    const untranslated: PromptName[] = [];
    for (const name of promptNames) {
      const path = find(folders, name);
      if (path === undefined) untranslated.push(name);
      this.#paths.set(name, path ?? join(ownDirectory, ownLanguage, `${name}.opus`));
    }
    this.untranslated = untranslated;
  }

  /** What to play for a prompt. */
  sounds(name: PromptName): Prompt[] {
    const path = this.#paths.get(name);
    if (path === undefined) return [];
    return [breath, { kind: 'file', path }, ...(name === 'waiting' ? ringing : [])];
  }
}

function find(folders: readonly string[], name: PromptName): string | undefined {
  const paths = folders.flatMap((folder) => [join(folder, `${name}.opus`), join(folder, `${name}.wav`)]);
  return paths.find((path) => existsSync(path));
}
