import { parseJid } from './jid.ts';
import { ns } from './namespaces.ts';
import { type Refusal, refuse } from './replies.ts';
import { attribute, children, type Element, element } from './stanza.ts';

/** What a Rayo `dial` (XEP-0327; jitsi.md §1.4) asks for, after the checks of syntax. */
export interface Dial {
  readonly to: string;
  readonly room: string;
  readonly password: string | undefined;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

const destinationLimit = 128;
const headerLimit = 20;
const nameLimit = 64;
const valueLimit = 1024;
/** C0, DEL, C1 and the Unicode line ends: none of them may reach a SIP message. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u;
/** RFC 3261 §25.1 `token`. */
const token = /^[A-Za-z0-9.!%*_+`'~-]+$/;

type Checked<T> = { readonly value: T } | { readonly refusal: Refusal };

/** `mucDomain`: the only domain on which the room may be. */
export function parseDial(dial: Element, mucDomain: string): Checked<Dial> {
  const to = attribute(dial, 'to')?.trim() ?? '';
  if (to === '' || to.length > destinationLimit || control.test(attribute(dial, 'to') ?? '')) {
    return refuse('modify', 'bad-request', 'dial: to is missing, too long or has control characters');
  }
  const headers = parseHeaders(dial);
  if (headers === undefined) {
    return refuse('modify', 'bad-request', 'dial: too many headers, or one that is malformed');
  }
  const room = parseJid(find(headers, 'JvbRoomName') ?? '');
  if (room?.local === undefined || room.resource !== undefined || room.domain !== mucDomain) {
    return refuse('modify', 'bad-request', 'dial: JvbRoomName must be the JID of a room of this service');
  }
  const own = ['jvbroomname', 'jvbroompassword'];
  return {
    value: {
      to,
      room: room.bare,
      password: find(headers, 'JvbRoomPassword'),
      headers: headers.filter(({ name }) => !own.includes(name.toLowerCase())),
    },
  };
}

/** `<ref uri='xmpp:room/nick'/>`; browsers cut off the first five characters. */
export function ref(occupantJid: string): Element {
  return element('ref', { xmlns: ns.rayo, uri: `xmpp:${occupantJid}` });
}

function parseHeaders(dial: Element): Dial['headers'] | undefined {
  const found = children(dial, 'header');
  if (found.length > headerLimit) return undefined;
  const headers = found.map((header) => ({
    name: attribute(header, 'name') ?? '',
    value: attribute(header, 'value') ?? '',
  }));
  const sound = headers.every(
    ({ name, value }) =>
      name.length <= nameLimit && token.test(name) && value.length <= valueLimit && !control.test(value),
  );
  return sound ? headers : undefined;
}

function find(headers: Dial['headers'], name: string): string | undefined {
  return headers.find((header) => header.name.toLowerCase() === name.toLowerCase())?.value;
}
