/**
 * Reads text in the syntax of Java's `java.util.Properties`: `key=value`, `key:value` or `key value`, comments with `#` or
 * `!`, escapes `\:`, `\t` and `\u00e4`, lines continued with a backslash. A key that comes twice has its last value.
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of logicalLines(text)) {
    const key = /^(?:\\[\s\S]|[^\\\s:=])*/.exec(line)?.[0] ?? '';
    const value = line.slice(key.length).replace(/^[ \t\f]*[:=]?[ \t\f]*/, '');
    properties.set(unescaped(key), unescaped(value));
  }
  return properties;
}

/** Joins continued lines; blank lines and comments are left out. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let pending: string | undefined;
  for (const natural of text.split(/\r\n|\n|\r/)) {
    const line = natural.replace(/^[ \t\f]+/, '');
    if (pending === undefined && (line === '' || /^[#!]/.test(line))) continue;
    const joined: string = (pending ?? '') + line;
    const continued = /(?:^|[^\\])(?:\\\\)*\\$/.test(line);
    pending = continued ? joined.slice(0, -1) : undefined;
    if (pending === undefined) lines.push(joined);
  }
  return pending === undefined ? lines : [...lines, pending];
}

function unescaped(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g,
    (_, code: string | undefined, character: string) => {
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      return { t: '\t', n: '\n', r: '\r', f: '\f' }[character] ?? character;
    },
  );
}
