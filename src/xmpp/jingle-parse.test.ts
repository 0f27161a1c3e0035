import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseInitiate } from './jingle-parse.ts';
import { parseSources } from './jingle-sources.ts';
import { child, type Element, parseElement } from './stanza.ts';

const capture = join(import.meta.dirname, '../../test/fixtures/captures/01-two-calls.xml');
const line = readFileSync(capture, 'utf8')
  .split('\n')
  .find((text) => text.includes('session-initiate'));
const initiate = (line ?? '').slice((line ?? '').indexOf('<iq'));

function changed(from: string | RegExp, to: string): Element {
  const text = initiate.replace(from, to);
  assert.notEqual(text, initiate, String(from));
  const parsed = parseElement(text);
  assert.ok(parsed.ok);
  return child(parsed.value, 'jingle') as Element;
}

describe('a session-initiate', () => {
  it('without what media needs is refused with the reason', () => {
    const cases: [string | RegExp, string, RegExp][] = [
      [/ sid="[^"]*"/, '', /sid/],
      [/ sid="[^"]*"/, ` sid="${'s'.repeat(300)}"`, /sid/],
      ['media="audio"', 'media="video"', /audio/],
      ['name="opus"', 'name="speex"', /opus/],
      ['clockrate="48000"', 'clockrate="16000"', /opus/],
      ['id="111"', 'id="200"', /opus/],
      [/ ufrag="[^"]*"/, ' ufrag="a b c d"', /ICE/],
      [/ pwd="[^"]*"/, ' pwd="short"', /ICE/],
      [/<fingerprint.*<\/fingerprint>/, '', /fingerprint/],
      ['hash="sha-256"', 'hash="sha-1"', /weak/],
      ['71:51:', '71:5:', /unreadable/],
      ['setup="actpass"', 'setup="holdconn"', /setup/],
    ];
    for (const [from, to, why] of cases) {
      const result = parseInitiate(changed(from, to));
      assert.ok(!result.ok, String(from));
      assert.match(result.error.detail ?? '', why);
    }
  });

  it('keeps its payload numbers, whatever they are', () => {
    const result = parseInitiate(changed('id="111"', 'id="96"'));
    assert.ok(result.ok);
    assert.equal(result.value.offer.opusPayloadType, 96);
    const without = parseInitiate(changed(/<payload-type name="telephone-event"[^>]*>/, ''));
    assert.ok(without.ok);
    assert.equal(without.value.offer.telephoneEventPayloadType, undefined);
  });

  it('loses candidates that lead nowhere', () => {
    for (const [from, to] of [
      ['protocol="udp"', 'protocol="tcp"'],
      ['ip="10.99.99.1"', 'ip="name.local"'],
      ['component="1"', 'component="2"'],
      ['port="10100"', 'port="0"'],
      ['port="10100"', 'port="65536"'],
      ['type="host"', 'type="other"'],
      ['foundation="1"', 'foundation="a=b"'],
    ] as const) {
      const result = parseInitiate(changed(from, to));
      assert.ok(result.ok);
      assert.deepEqual(result.value.offer.transport.candidates, [], to);
    }
  });

  it('names sources by owner in every spelling, and none that cannot be', () => {
    const source = (ssrc: string, inner: string, name = '') =>
      `<source xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" ssrc="${ssrc}"${name}>${inner}</source></description>`;
    const owner = (who: string) => `<ssrc-info owner="${who}" xmlns="http://jitsi.org/jitmeet"/>`;
    const sources = (...added: string[]) =>
      parseSources(
        changed('</description>', `${added.join('').replaceAll('</description>', '')}</description>`),
      );
    assert.deepEqual(
      sources(
        source('1', owner('Phone_1')),
        source('2', owner('room@muc/ABcd')),
        source('3', '', ' name="eeee-a0"'),
        source('0', owner('a')),
        source('4294967296', owner('a')),
        source('-5', owner('a')),
        source('6', owner('jvb')),
      ),
      [
        { ssrc: 1, owner: 'phone_1' },
        { ssrc: 2, owner: 'abcd' },
        { ssrc: 3, owner: 'eeee' },
      ],
    );
  });
});
