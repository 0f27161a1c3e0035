import type { XmlElement } from './xml.ts';

/**
 * A stanza without its values, as indented lines: element names, namespaces, names of attributes, and the few values that
 * are words of the protocol. Attributes are sorted; children stay in order; a run of children of one shape counts once.
 */
export function shape(element: XmlElement, inherited = '', indent = ''): string[] {
  const namespace = element.attrs.xmlns ?? inherited;
  const attributes = Object.entries(element.attrs)
    .filter(([name]) => name !== 'xmlns')
    .map(([name, value]) => (isWord(element.name, name) ? `${name}=${value}` : name))
    .sort();
  const text = element.getText() === '' ? '' : ' text';
  const own = `${indent}${element.name} {${namespace}} [${attributes.join(' ')}]${text}`;
  const children = element.getChildElements().map((child) => shape(child, namespace, `${indent}  `));
  const runs = children.filter((lines, index) => lines.join('\n') !== children[index - 1]?.join('\n'));
  return [own, ...runs.flat()];
}

const words = new Set(
  'action creator senders media maxptime channels clockrate semantics hash cryptex setup required component protocol type code role affiliation key'.split(
    ' ',
  ),
);
const named = new Set(['content', 'payload-type', 'parameter', 'property']);

function isWord(element: string, attribute: string): boolean {
  if (attribute === 'name') return named.has(element);
  return attribute === 'uri' ? element === 'rtp-hdrext' : words.has(attribute);
}
