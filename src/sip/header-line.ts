// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const controls = /[\u0000-\u001f\u007f]/;
const token = /^[A-Za-z0-9\-.!%*_+`'~]+$/;

/**
 * The one place through which a header gets onto the wire. Throws on a name that is no token (RFC 3261 §25.1) and on
 * CR, LF, NUL or any other control character in the value: what comes from a room or a configuration file is checked
 * where it enters, so a control character here is a bug, and writing it would let a stranger add headers of his own.
 */
export function headerLine(name: string, value: string): string {
  if (!token.test(name))
    throw new TypeError(`header name is not a token: ${JSON.stringify(name.slice(0, 40))}`);
  if (controls.test(value)) throw new TypeError(`control character in the value of the header ${name}`);
  return `${name}: ${value}`;
}

/** Quoted string of RFC 3261 §25.1 as UTF-8 wire text; control characters are dropped. */
export function quoted(text: string): string {
  return `"${toWire(withoutControls(text)).replace(/["\\]/g, '\\$&')}"`;
}

export function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '');
}

/**
 * Headers are handled as wire text: one character per byte, so that what a peer sent can be echoed byte for byte. These two
 * convert between that and readable text (UTF-8, RFC 3261 §7.3.1).
 */
export function toWire(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

export function fromWire(wire: string): string {
  return isAscii(wire) ? wire : Buffer.from(wire, 'latin1').toString('utf8');
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0x7f) return false;
  }
  return true;
}
