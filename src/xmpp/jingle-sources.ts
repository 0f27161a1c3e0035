import { contentLimit, integer, mediaOf, textLimit } from './jingle-fields.ts';
import { ns } from './namespaces.ts';
import { attribute, child, children, type Element, text } from './stanza.ts';

/** One RTP source and the endpoint (nick, in lower case) it belongs to. */
export interface Source {
  readonly ssrc: number;
  readonly owner: string;
}

/** The bridge's own source, which never sends anything that is meant for us. */
const bridgeOwner = 'jvb';

/** Audio sources of a session-initiate, source-add or source-remove, in XML or as JSON, without the bridge's own; bad ones are left out. */
export function parseSources(jingle: Element): Source[] {
  const found = new Map<number, string>();
  const add = (ssrc: number | undefined, owner: string): void => {
    if (ssrc !== undefined && owner !== bridgeOwner) found.set(ssrc, owner);
  };
  for (const content of children(jingle, 'content').slice(0, contentLimit)) {
    const description = child(content, 'description', ns.rtp);
    if (description === undefined || mediaOf(content, description) !== 'audio') continue;
    for (const source of children(description, 'source', ns.source)) {
      add(parseSsrc(attribute(source, 'ssrc')), ownerOf(source));
    }
  }
  const json = child(jingle, 'json-message', ns.jitsiMeet);
  if (json !== undefined) {
    for (const { ssrc, owner } of parseJsonSources(text(json))) add(ssrc, owner);
  }
  return [...found].map(([ssrc, owner]) => ({ ssrc, owner }));
}

/** Endpoint id in lower case; Jicofo parses it as a domain. Older ones sent the occupant JID, some send only the source's name. */
function ownerOf(source: Element): string {
  const info = child(source, 'ssrc-info', ns.jitsiMeet);
  const owner = (info && attribute(info, 'owner')) ?? attribute(source, 'name')?.replace(/-a\d+$/, '') ?? '';
  return owner
    .slice(owner.lastIndexOf('/') + 1)
    .slice(0, textLimit)
    .toLowerCase();
}

/** `{"sources":{OWNER:[video, video groups, audio, audio groups]}}`, the compact form that we do not ask for. */
function parseJsonSources(source: string): Source[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch {
    return [];
  }
  const owners = record(record(parsed)?.sources) ?? {};
  return Object.entries(owners).flatMap(([owner, lists]) => {
    const audio: unknown = Array.isArray(lists) ? lists[2] : undefined;
    if (!Array.isArray(audio)) return [];
    return audio.flatMap((entry: unknown) => {
      const ssrc = record(entry)?.s;
      const valid = typeof ssrc === 'number' ? parseSsrc(String(ssrc)) : undefined;
      return valid === undefined ? [] : [{ ssrc: valid, owner: owner.slice(0, textLimit).toLowerCase() }];
    });
  });
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

function parseSsrc(source: string | undefined): number | undefined {
  return integer(source, 1, 2 ** 32 - 1);
}
