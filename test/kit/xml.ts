import { createRequire } from 'node:module';

/** An ltx element, as far as the kit uses it. The kit has its own access to XML, so that it does not share the product's mistakes. */
export interface XmlElement {
  readonly name: string;
  readonly attrs: Record<string, string | undefined>;
  readonly children: (XmlElement | string)[];
  is(name: string, xmlns?: string): boolean;
  getChild(name: string, xmlns?: string): XmlElement | undefined;
  getChildren(name: string, xmlns?: string): XmlElement[];
  getChildElements(): XmlElement[];
  getText(): string;
  getNS(): string | undefined;
  toString(): string;
}

interface XmlParser {
  on(event: 'start' | 'element' | 'end', listener: (element: XmlElement) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  write(data: string): void;
}

type Attributes = Record<string, string | undefined>;

interface XmppXml {
  (name: string, attrs?: Attributes, ...children: unknown[]): XmlElement;
  Parser: new () => XmlParser;
}

// The library ships no types.
const library = createRequire(import.meta.url)('@xmpp/xml') as XmppXml;

/** Builds an element; undefined attributes and children are left out. */
export function xml(
  name: string,
  attrs: Attributes = {},
  ...children: readonly (XmlElement | string | undefined)[]
): XmlElement {
  return library(name, attrs, ...children.filter((child) => child !== undefined));
}

export function newParser(): XmlParser {
  return new library.Parser();
}

/** One element from text. */
export function parseXml(text: string): XmlElement {
  const parser = newParser();
  let found: XmlElement | undefined;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('element', (element) => {
    found ??= element;
  });
  parser.write(`<root>${text}`);
  if (found === undefined) throw new Error(`not one element: ${text.slice(0, 200)}`);
  return found;
}

export function copyOf(element: XmlElement): XmlElement {
  return parseXml(element.toString());
}

/** The first child element whatever its name: the payload of an IQ. */
export function payload(iq: XmlElement): XmlElement | undefined {
  return iq.getChildElements()[0];
}
