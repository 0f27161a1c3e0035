import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Problem } from './problem.ts';

/** A file's text, or why there is none. */
export type TextFile =
  | { readonly state: 'read'; readonly text: string }
  | { readonly state: 'missing' | 'unreadable'; readonly why: string };

export type TextFileReader = (path: string) => TextFile;

const largest = 1_048_576;

/** Reads files relative to `cwd`, UTF-8, at most 1 MB. `readFile` throws like `readFileSync`. */
export function textFileReader(
  cwd: string,
  readFile: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): TextFileReader {
  return (path) => {
    try {
      const text = readFile(resolve(cwd, path));
      return text.length > largest
        ? { state: 'unreadable', why: 'it is larger than 1 MB' }
        : { state: 'read', text: text.replace(/^\ufeff/, '') };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      return code === 'ENOENT'
        ? { state: 'missing', why: 'there is no such file' }
        : { state: 'unreadable', why: `it cannot be read (${code})` };
    }
  };
}

/** The text of a file that must be there; else a problem is added. */
export function requireText(
  read: TextFileReader,
  path: string,
  from: string,
  problems: Problem[],
): string | undefined {
  const file = read(path);
  if (file.state === 'read') return file.text;
  problems.push({
    from,
    what: `${path}: ${file.why}`,
    remedy: 'Correct the path, or let this user read the file.',
  });
  return undefined;
}
