import type { Problem } from './problem.ts';
import type { Given } from './settings.ts';
import { requireText, type TextFileReader } from './text-file.ts';

/** Reads the secret that a `…_FILE` variable or `…File` key points to; a failure is added to `problems`. */
export type SecretFile = (path: string, from: string, problems: Problem[]) => Given | undefined;

export function secretFileReader(read: TextFileReader): SecretFile {
  return (path, from, problems) => {
    const text = requireText(read, path, from, problems);
    // An editor ends the last line; a secret does not end in a line feed.
    return text === undefined ? undefined : { raw: text.replace(/\r?\n$/, ''), from };
  };
}
