/** Small readers for header values: commas and semicolons that quotes and angle brackets do not hide. */

/** From `from` on, without the spaces and tabs at both ends. `trim` would take a byte 0xA0 for a space, and with it the end of a UTF-8 `à`. */
export function trimSpace(text: string, from: number = 0): string {
  let [start, end] = [from, text.length];
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

const quote = 0x22;
const bracket = 0x3c;
const backslash = 0x5c;

/** Splits a header value at the separators outside of quoted strings and angle brackets; empty parts are dropped. */
export function splitOutside(value: string, separator: ',' | ';'): string[] {
  if (!value.includes(separator)) return value === '' ? [] : [trimSpace(value)];
  const parts: string[] = [];
  let start = 0;
  const separating = separator.charCodeAt(0);
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if (code === quote) index = endOfQuotes(value, index);
    else if (code === bracket) index = endOfBrackets(value, index);
    else if (code === separating) {
      pushTrimmed(parts, value.slice(start, index));
      start = index + 1;
    }
  }
  pushTrimmed(parts, value.slice(start));
  return parts;
}

function pushTrimmed(parts: string[], part: string): void {
  const trimmed = trimSpace(part);
  if (trimmed !== '') parts.push(trimmed);
}

/** Index of the quote that closes the one at `open`, or the end of the text when none does. */
export function endOfQuotes(value: string, open: number): number {
  for (let index = open + 1; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if (code === backslash) index += 1;
    else if (code === quote) return index;
  }
  return value.length;
}

function endOfBrackets(value: string, open: number): number {
  const close = value.indexOf('>', open);
  return close < 0 ? value.length : close;
}

/** `;name=value` parameters with lower-case names; a name without value maps to undefined, quotes are removed. */
export function parseParameters(text: string): Map<string, string | undefined> {
  const parameters = new Map<string, string | undefined>();
  if (text === '') return parameters;
  for (const part of splitOutside(text, ';')) {
    const equals = part.indexOf('=');
    if (equals < 0) parameters.set(part.toLowerCase(), undefined);
    else
      parameters.set(
        trimSpace(part.slice(0, equals)).toLowerCase(),
        unquote(trimSpace(part.slice(equals + 1))),
      );
  }
  return parameters;
}

/** What a quoted pair may smuggle through the parser (RFC 3261 §25.1) and must not be copied into a message of ours. */
export function hasControl(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  return /[\u0000-\u001f\u007f]/.test(text);
}

/** Two semicolons with nothing between them. One at the end is overlooked: phones in use write it. */
export function hasEmptyParameter(text: string): boolean {
  return /;\s*;/.test(text) && /;\s*;/.test(text.replace(/"(?:[^"\\]|\\.)*"/gs, '""'));
}

/** Seconds of a `Retry-After` header (RFC 3261 §20.33); 0 without one. */
export function retryAfterSeconds(headers: { get(name: string): string | undefined }): number {
  return Number(/^\s*(\d{1,7})/.exec(headers.get('retry-after') ?? '')?.[1] ?? 0);
}

export function unquote(value: string): string {
  if (!value.startsWith('"') || !value.endsWith('"') || value.length < 2) return value;
  return value.slice(1, -1).replace(/\\(.)/gs, '$1');
}
