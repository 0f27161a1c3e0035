import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StanzaFramer } from './framer.ts';

const header = "<?xml version='1.0'?>\n<stream:stream xmlns='jabber:component:accept' id=\"a>b\">";

function framed(chunks: readonly string[], limits = { characters: 200, depth: 4 }): string[] {
  const seen: string[] = [];
  const framer = new StanzaFramer(limits, {
    header: (text) => seen.push(`header ${text.length}`),
    stanza: (text) => seen.push(text),
    skipped: (tag, limit) => seen.push(`skipped ${limit} ${tag}`),
    footer: () => seen.push('footer'),
    malformed: (why) => seen.push(`malformed: ${why}`),
  });
  for (const chunk of chunks) framer.push(chunk);
  return seen;
}

const start = `header ${header.length - 1}`;

describe('cutting the stream into stanzas', () => {
  it('gives the same stanzas however the packets are cut', () => {
    const stanzas = [
      "<iq a='>' b=\"'/>\"><q x='<'/>t &lt;</iq>",
      '<presence/>',
      '<message ><a><b/></a></message >',
    ];
    const plain = stanzas.map((stanza) => stanza.replace("'<'", "'&lt;'"));
    const whole = `${header}${plain.join('\n ')}</stream:stream>`;
    const expected = [start, ...plain, 'footer'];
    assert.deepEqual(framed([whole]), expected);
    assert.deepEqual(framed([...whole]), expected);
    for (let at = 1; at < whole.length; at += 1) {
      assert.deepEqual(framed([whole.slice(0, at), whole.slice(at)]), expected);
    }
  });

  it('skips what is too large and reads on', () => {
    const large = `<iq id='1'><x>${'y'.repeat(300)}</x></iq>`;
    assert.deepEqual(framed([header, large, '<presence/>']), [
      start,
      "skipped characters <iq id='1'>",
      '<presence/>',
    ]);
    const attribute = `<iq id='${'y'.repeat(300)}'><x/></iq>`;
    assert.deepEqual(framed([header, ...attribute, '<presence/>']), [
      start,
      'skipped characters undefined',
      '<presence/>',
    ]);
  });

  it('skips what is too deep and reads on', () => {
    const deep = (levels: number) => `<iq>${'<n>'.repeat(levels)}<e/>${'</n>'.repeat(levels)}</iq>`;
    assert.deepEqual(framed([header, deep(2)]), [start, deep(2)]);
    assert.deepEqual(framed([header, deep(3), '<presence/>']), [start, 'skipped depth <iq>', '<presence/>']);
  });

  it('refuses what a stream may not contain', () => {
    for (const bad of [
      '<!-- c -->',
      '<iq><!DOCTYPE x></iq>',
      '<?pi?>',
      '<iq><![CDATA[x]]></iq>',
      'words',
      '<iq <',
    ]) {
      const seen = framed([header, bad, '<presence/>']);
      assert.match(seen[1] ?? '', /^malformed/, bad);
      assert.equal(seen.length, 2, bad);
    }
    assert.match(framed(['x'])[0] ?? '', /^malformed/);
    assert.match(framed([`<s a='${'x'.repeat(5000)}`])[0] ?? '', /^malformed/);
    assert.deepEqual(framed([header, '</stream:stream>', '<presence/>']), [start, 'footer']);
  });

  it('reads an endless attribute in time that grows with its length only', () => {
    const chunk = 'x'.repeat(16 * 1024);
    const seen: string[] = [];
    const framer = new StanzaFramer(
      { characters: 1000, depth: 4 },
      { header() {}, stanza() {}, skipped: (_, limit) => seen.push(limit), footer() {}, malformed() {} },
    );
    framer.push(`${header}<iq a='`);
    // 64 MB; a parser that looks at the whole again for each packet would need minutes.
    for (let n = 0; n < 4096; n += 1) framer.push(chunk);
    framer.push("'/>");
    assert.deepEqual(seen, ['characters']);
  });
});
