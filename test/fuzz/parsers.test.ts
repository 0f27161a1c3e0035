import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { opusPacketTicks } from '../../src/media/opus-packet.ts';
import { packetKind } from '../../src/media/packet-kind.ts';
import { parseRtcp, rtcpLength, writeRtcp } from '../../src/media/rtcp.ts';
import { newRtpHeader, parseRtp } from '../../src/media/rtp.ts';
import { parseStun, serializeStun } from '../../src/media/worker/stun.ts';
import { StunKey } from '../../src/media/worker/stun-key.ts';
import type { LocalAudio } from '../../src/sip/audio-session.ts';
import { answerOffer, readAnswer, writeOffer } from '../../src/sip/offer-answer.ts';
import { parseSdp } from '../../src/sip/sdp-text.ts';
import { readConference } from '../../src/xmpp/conference-request.ts';
import { StanzaFramer } from '../../src/xmpp/framer.ts';
import { parseInitiate, parseReason, parseTransportInfo } from '../../src/xmpp/jingle-parse.ts';
import { parseSources } from '../../src/xmpp/jingle-sources.ts';
import { joinFailure, readPresence } from '../../src/xmpp/muc.ts';
import { parseDial } from '../../src/xmpp/rayo.ts';
import { child, type Element, parseElement } from '../../src/xmpp/stanza.ts';
import { seededRandom } from '../kit/random.ts';
import { someSdp } from '../kit/sip-peer.ts';
import { Mutation } from './mutation.ts';

// Everything that reads what a stranger wrote: whatever it is, it comes back as a value, never as an exception.

/** `npm run fuzz -- --target parsers` asks for more, with another seed. */
const rounds = Number(process.env.FUZZ_ROUNDS ?? 5_000);
const seedOffset = Number(process.env.FUZZ_SEED ?? 0);

function damaged(
  seed: number,
  seeds: readonly Buffer[],
  pieces: readonly string[] | undefined,
  read: (bytes: Buffer) => void,
) {
  const mutation = new Mutation(seededRandom(seed + seedOffset), pieces);
  for (let round = 0; round < rounds; round += 1) {
    const bytes = mutation.damage(mutation.pick(seeds), mutation.pick(seeds));
    try {
      read(bytes);
    } catch (error) {
      assert.fail(`round ${round}: ${JSON.stringify(bytes.toString('latin1').slice(0, 2_000))}: ${error}`);
    }
  }
}

const binaryPieces = [
  '\0',
  '\xff',
  '\x80',
  '\x7f',
  '\0\0',
  '\xff\xff',
  '\0\x04',
  '\xbe\xde',
  '\x21\x12\xa4\x42',
  '\x80\xc8',
  '\x81\xcb',
];

test('RTP, RTCP and STUN', () => {
  const rtp = Buffer.from(
    '906f0001000003e800000001bede0001100f0000'.padEnd(60, '7e') + 'f8fffe'.repeat(20),
    'hex',
  );
  const block = {
    ssrc: 2,
    fractionLost: 1,
    cumulativeLost: 3,
    highestSequence: 4,
    jitter: 5,
    lastSenderReport: 6,
    delaySinceLast: 7,
  };
  const rtcp = Buffer.alloc(rtcpLength(1));
  const written = writeRtcp(rtcp, {
    ssrc: 1,
    cname: 'someone@here',
    blocks: [block],
    goodbye: true,
  });
  const stun = serializeStun(
    {
      type: 1,
      transactionId: '0102030405060708090a0b0c',
      username: 'one:two',
      priority: 99,
      role: 'controlled',
      tieBreaker: 7n,
    },
    new StunKey('key'),
  );
  assert.notEqual(parseStun(stun), undefined);
  assert.notEqual(parseRtcp(rtcp, written), undefined);
  assert.equal(parseRtp(rtp, newRtpHeader(), 1), true);
  const header = newRtpHeader();
  damaged(1, [rtp, rtcp.subarray(0, written), stun], binaryPieces, (bytes) => {
    packetKind(bytes);
    parseRtp(bytes, header, 1);
    parseRtcp(bytes);
    parseStun(bytes);
    opusPacketTicks(bytes);
  });
});

test('SDP, offered and answered', () => {
  const local: LocalAudio = {
    address: '127.0.0.1',
    rtpPort: 4000,
    codecs: ['opus', 'PCMU'],
    sessionId: 1,
    version: 1,
  };
  const offer = writeOffer(local);
  assert.equal(answerOffer(offer, local).ok, true);
  damaged(2, [Buffer.from(offer), Buffer.from(someSdp)], undefined, (bytes) => {
    const text = bytes.toString('utf8');
    parseSdp(text);
    answerOffer(text, local);
    readAnswer(text, local, offer);
  });
});

const xmlPieces = [
  '<',
  '>',
  '/>',
  '</',
  "'",
  '"',
  '&',
  '&lt;',
  '&#0;',
  '&#x1f;',
  '&#xd;&#xa;',
  '<!--',
  '<!DOCTYPE x [',
  '<?x?>',
  ']]>',
];
const attributePieces = [
  "id='",
  ' xmlns="',
  ' sid=',
  'ufrag="',
  ' ssrc="-1"',
  ' port="99999"',
  '<jingle',
  '<iq',
  '\0',
  '\xc3',
  '  ',
];

test('stanzas: the framer, Jingle, presence, dial and conference', () => {
  const folder = new URL('../fixtures/captures/', import.meta.url);
  const stanzas = readdirSync(folder)
    .filter((name) => name.endsWith('.xml'))
    .flatMap((name) => readFileSync(new URL(name, folder), 'utf8').split('\n'))
    .map((line) => Buffer.from(line.slice(line.indexOf('-->') + 3).trim()))
    .filter((bytes) => bytes.length > 8 && bytes.length < 20_000);
  let whole = 0;
  let jingles = 0;
  damaged(3, stanzas, [...xmlPieces, ...attributePieces], (bytes) => {
    const framer = new StanzaFramer(
      { characters: 65_536, depth: 32 },
      {
        header: () => {},
        stanza: (text) => {
          const parsed = parseElement(text);
          if (!parsed.ok) return;
          whole += 1;
          if (readStanza(parsed.value)) jingles += 1;
        },
        skipped: () => {},
        footer: () => {},
        malformed: () => {},
      },
    );
    framer.push(
      "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    framer.push(bytes.toString('utf8'));
    framer.push('<iq/>');
  });
  assert.ok(
    whole > rounds / 2 && jingles > rounds / 50,
    `${whole} stanzas were read, ${jingles} with Jingle`,
  );
});

/** True when there was a Jingle element in it. */
function readStanza(stanza: Element): boolean {
  readPresence(stanza, 'room@conference.meet.example');
  joinFailure(stanza);
  readConference(stanza);
  const dial = child(stanza, 'dial');
  if (dial !== undefined) parseDial(dial, 'conference.meet.example');
  const jingle = child(stanza, 'jingle');
  if (jingle === undefined) return false;
  parseInitiate(jingle);
  parseTransportInfo(jingle);
  parseReason(jingle);
  parseSources(jingle);
  return true;
}
