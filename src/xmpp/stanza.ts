import { type LtxElement, xml } from '@xmpp/component';
import { fail, ok, type Result } from '../errors.ts';

/** An XML element of a stream: read through the functions below, never by `toString` (it recurses). */
export type Element = LtxElement;
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Own attribute value; undefined when absent. */
export function attribute(element: Element, name: string): string | undefined {
  const value = Object.hasOwn(element.attrs, name) ? element.attrs[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** Child elements in document order, by name and (when given) by namespace. */
export function children(element: Element, name?: string, xmlns?: string): Element[] {
  return element.children.filter((child): child is Element => {
    if (typeof child === 'string') return false;
    if (name !== undefined && child.getName() !== name) return false;
    return xmlns === undefined || child.getNS() === xmlns;
  });
}

export function child(element: Element, name: string, xmlns?: string): Element | undefined {
  return children(element, name, xmlns)[0];
}

/** The direct text of an element. */
export function text(element: Element): string {
  return element.children.filter((part) => typeof part === 'string').join('');
}

/** Builds an element; attributes that are undefined are left out. */
export function element(
  name: string,
  attributes: Attributes = {},
  ...content: (Element | string)[]
): Element {
  const made = new xml.Element(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) made.attrs[key] = String(value);
  }
  for (const part of content) {
    if (typeof part !== 'string') part.parent = made;
    made.children.push(part);
  }
  return made;
}

/** Text of one element whose tags are balanced (the framer's work); `parent` lends its namespaces. */
export function parseElement(source: string, parent: Element | null = null): Result<Element> {
  const parser = new xml.Parser();
  let root: Element | undefined;
  let problem: string | undefined;
  parser.on('start', (start: Element) => {
    root = start;
  });
  parser.on('element', (inner: Element) => {
    root?.children.push(inner);
  });
  parser.on('error', (error: Error) => {
    problem ??= error.message;
  });
  try {
    parser.write(source);
  } catch (error) {
    problem ??= error instanceof Error ? error.message : String(error);
  }
  if (root === undefined || problem !== undefined) return fail('bad-request', problem ?? 'no element');
  root.parent = parent;
  return ok(root);
}

// Everything that XML 1.0 §2.2 does not allow, and lone surrogates: Prosody ends the stream when it reads one of them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;
const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Characters that XML cannot carry are left out; tab and line ends in attributes survive as references (IQ ids are echoed byte for byte). */
function escaped(value: string): string {
  return value.replace(notXml, '').replace(/[&<>"'\t\n\r]/g, (found) => references[found] ?? '');
}

/** The text of an element that we built ourselves. Its depth is ours, so recursion is safe. */
export function serialise(made: Element): string {
  const attributes = Object.entries(made.attrs)
    .map(([key, value]) => (value === undefined ? '' : ` ${key}="${escaped(value)}"`))
    .join('');
  if (made.children.length === 0) return `<${made.name}${attributes}/>`;
  const content = made.children
    .map((part) => (typeof part === 'string' ? escaped(part) : serialise(part)))
    .join('');
  return `<${made.name}${attributes}>${content}</${made.name}>`;
}
