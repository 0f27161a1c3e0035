/**
 * Bytes of a message in the notation of RFC 4475 §2: one line per line (each ends with CRLF on the wire), `<allOneLine>` joins
 * the lines up to `</allOneLine>`, `<hex>` holds octets and `<repeat count=n>` repeats its text.
 */
export function readNotation(text: string): Buffer {
  const lines: string[] = [];
  let joined: string[] | undefined;
  for (const line of text.replace(/\n$/, '').split('\n')) {
    if (line === '<allOneLine>') joined = [];
    else if (line === '</allOneLine>') {
      lines.push((joined ?? []).join(''));
      joined = undefined;
    } else (joined ?? lines).push(line);
  }
  return Buffer.from(`${lines.map(expand).join('\r\n')}\r\n`, 'latin1');
}

/** One character per byte. */
function expand(line: string): string {
  return Buffer.from(line, 'utf8')
    .toString('latin1')
    .replace(/<repeat count=(\d+)>(.*?)<\/repeat>/g, (_, count: string, text: string) =>
      text.repeat(Number(count)),
    )
    .replace(/<hex>([0-9A-F]*)<\/hex>/g, (_, digits: string) =>
      Buffer.from(digits, 'hex').toString('latin1'),
    );
}
