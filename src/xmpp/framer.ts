/** What one stanza may cost before anything looks at it. */
export interface StanzaLimits {
  /** Characters of one stanza, tags included. */
  readonly characters: number;
  /** Nesting, the stanza itself being 1. */
  readonly depth: number;
}

export interface FramerSink {
  /** The stream header, as sent. */
  header(text: string): void;
  /** One whole element below the stream, within the limits, with balanced tags. */
  stanza(text: string): void;
  /** A stanza passed a limit and was skipped; `openingTag` is known unless the tag itself was too long. */
  skipped(openingTag: string | undefined, limit: keyof StanzaLimits): void;
  /** The stream footer. */
  footer(text: string): void;
  /** Not XML of RFC 6120 §11 (comments, declarations, a text outside of stanzas …); nothing more is read. */
  malformed(why: string): void;
}

const headerLimit = 4096;
const [LT, GT, SLASH, BANG, QUESTION, QUOTE, APOSTROPHE] = [60, 62, 47, 33, 63, 34, 39];

/**
 * Cuts an XML stream (RFC 6120 §4) into stanzas without building a tree. Each character is looked at once and at most
 * `limits.characters` are kept, so neither a deep nor an endless stanza costs memory or a quadratic scan; a stanza over the
 * limits is skipped to its end and the stream goes on.
 */
export class StanzaFramer {
  readonly #limits: StanzaLimits;
  readonly #sink: FramerSink;
  #dead = false;
  /** Open elements; 0 before the stream header, 1 between stanzas. */
  #level = 0;
  #inTag = false;
  #quote = 0;
  /** First character after `<` of the present tag, and the last one seen. */
  #first = 0;
  #last = 0;
  #kept: string[] = [];
  #length = 0;
  #skipping: keyof StanzaLimits | undefined;
  #openingTag: string | undefined;

  constructor(limits: StanzaLimits, sink: FramerSink) {
    this.#limits = limits;
    this.#sink = sink;
  }

  push(chunk: string): void {
    let position = 0;
    while (position < chunk.length && !this.#dead) {
      position = this.#inTag ? this.#readTag(chunk, position) : this.#readText(chunk, position);
    }
  }

  /** Up to the next `<`. */
  #readText(chunk: string, start: number): number {
    const found = chunk.indexOf('<', start);
    const end = found < 0 ? chunk.length : found;
    if (this.#level >= 2) this.#keep(chunk.slice(start, end));
    else if (end > start && chunk.slice(start, end).trim() !== '') this.#fail('text outside of stanzas');
    if (found < 0 || this.#dead) return chunk.length;
    this.#inTag = true;
    this.#first = 0;
    this.#last = 0;
    this.#keep('<');
    return found + 1;
  }

  /** Up to the end of the tag, of a quoted value, or of the chunk. */
  #readTag(chunk: string, start: number): number {
    if (this.#quote !== 0) return this.#readQuoted(chunk, start);
    let position = start;
    for (; position < chunk.length; position++) {
      const code = chunk.charCodeAt(position);
      if (this.#first === 0) {
        this.#first = code;
        if (code === BANG || (code === QUESTION && this.#level > 0)) return this.#fail('restricted XML');
      }
      if (code === QUOTE || code === APOSTROPHE) {
        this.#quote = code;
        this.#last = code;
        this.#keep(chunk.slice(start, position + 1));
        return position + 1;
      }
      if (code === LT) return this.#fail('< inside of a tag');
      if (code === GT) {
        this.#keep(chunk.slice(start, position + 1));
        this.#tagEnds();
        return position + 1;
      }
      if (code > 32) this.#last = code;
    }
    this.#keep(chunk.slice(start));
    return chunk.length;
  }

  #readQuoted(chunk: string, start: number): number {
    const found = chunk.indexOf(this.#quote === QUOTE ? '"' : "'", start);
    if (found < 0) {
      this.#keep(chunk.slice(start));
      return chunk.length;
    }
    this.#quote = 0;
    this.#keep(chunk.slice(start, found + 1));
    return found + 1;
  }

  #tagEnds(): void {
    this.#inTag = false;
    if (this.#first === QUESTION) return;
    const closing = this.#first === SLASH;
    const empty = !closing && this.#last === SLASH;
    if (this.#level === 0) this.#streamOpens(closing || empty);
    else this.#elementTag(closing, empty);
  }

  #elementTag(closing: boolean, empty: boolean): void {
    if (closing) this.#level--;
    else if (!empty) this.#level++;
    if (this.#level === 0) {
      this.#streamCloses();
      return;
    }
    const depth = closing ? 0 : this.#level - (empty ? 0 : 1);
    if (depth > this.#limits.depth) this.#skip('depth');
    if (!closing && depth === 1) this.#openingTag ??= this.#skipping ? undefined : this.#kept.join('');
    if (this.#level === 1) this.#stanzaEnds();
  }

  #streamOpens(wrong: boolean): void {
    if (wrong) {
      this.#fail('no stream header');
      return;
    }
    this.#level = 1;
    this.#sink.header(this.#take());
  }

  #streamCloses(): void {
    this.#dead = true;
    this.#sink.footer(this.#take());
  }

  #stanzaEnds(): void {
    const limit = this.#skipping;
    const openingTag = this.#openingTag;
    const stanza = this.#take();
    this.#skipping = undefined;
    this.#openingTag = undefined;
    if (limit === undefined) this.#sink.stanza(stanza);
    else this.#sink.skipped(openingTag, limit);
  }

  #keep(text: string): void {
    if (this.#skipping !== undefined) return;
    this.#length += text.length;
    if (this.#level === 0) {
      if (this.#length > headerLimit) this.#fail('stream header too long');
      else this.#kept.push(text);
    } else if (this.#length > this.#limits.characters) this.#skip('characters');
    else this.#kept.push(text);
  }

  #skip(limit: keyof StanzaLimits): void {
    this.#skipping ??= limit;
    this.#kept = [];
  }

  #take(): string {
    const text = this.#kept.join('');
    this.#kept = [];
    this.#length = 0;
    return text;
  }

  #fail(why: string): number {
    this.#dead = true;
    this.#kept = [];
    this.#sink.malformed(why);
    return Number.MAX_SAFE_INTEGER;
  }
}
