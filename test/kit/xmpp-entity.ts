import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type XmlElement, xml } from './xml.ts';
import { XmppStream } from './xmpp-stream.ts';

interface EntityEvents {
  /** Every stanza except answers to our own IQs. */
  stanza: [stanza: XmlElement];
  closed: [];
}

/** A client or a component of the kit that is online. */
export class XmppEntity extends EventEmitter<EntityEvents> {
  readonly jid: string;
  readonly #stream: XmppStream;
  readonly #waiting = new Map<string, (answer: XmlElement) => void>();
  readonly #prefix: string;
  #count = 0;

  constructor(jid: string, stream: XmppStream) {
    super();
    this.setMaxListeners(100);
    this.jid = jid;
    this.#stream = stream;
    // Smack's ids look like this: five letters or digits, then a number.
    this.#prefix = Math.random().toString(36).slice(2, 7).toUpperCase();
    stream.on('element', (element) => this.#received(element));
    stream.on('closed', () => this.emit('closed'));
  }

  get alive(): boolean {
    return this.#stream.alive;
  }

  nextId(): string {
    this.#count += 1;
    return `${this.#prefix}-${this.#count}`;
  }

  send(stanza: XmlElement): void {
    this.#stream.send(stanza);
  }

  /** Sends an IQ (its id is set here) and resolves with the result or error; undefined when none came in time. */
  request(iq: XmlElement, timeoutMs = 15_000): Promise<XmlElement | undefined> {
    const id = this.nextId();
    iq.attrs.id = id;
    return new Promise((resolve) => {
      const done = (answer: XmlElement | undefined) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        this.off('closed', closed);
        resolve(answer);
      };
      const closed = () => done(undefined);
      const timer = setTimeout(closed, timeoutMs);
      timer.unref();
      this.once('closed', closed);
      this.#waiting.set(id, done);
      this.send(iq);
    });
  }

  close(): Promise<void> {
    return this.#stream.close();
  }

  /** Hangs without leaving; `destroy` ends it later. */
  freeze(): void {
    this.#stream.freeze();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #received(element: XmlElement): void {
    const { type, id } = element.attrs;
    if (element.is('iq') && (type === 'result' || type === 'error') && id !== undefined) {
      const waiting = this.#waiting.get(id);
      if (waiting !== undefined) {
        waiting(element);
        return;
      }
    }
    if (element.is('iq') || element.is('presence') || element.is('message')) this.emit('stanza', element);
  }
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly resource: string;
}

/** Logs in over c2s: SASL PLAIN (RFC 4616) with credentials, else SASL ANONYMOUS (RFC 4505); the server picks the resource then. */
export async function connectClient(
  port: number,
  domain: string,
  credentials?: Credentials,
): Promise<XmppEntity> {
  const stream = await XmppStream.connect(port);
  try {
    const features = stream.next();
    await stream.open('jabber:client', domain);
    await features;
    stream.send(auth(credentials));
    const outcome = await stream.next();
    if (!outcome.is('success')) throw new Error(`login at ${domain} refused: ${outcome.toString()}`);
    const moreFeatures = stream.next();
    await stream.open('jabber:client', domain);
    await moreFeatures;
    return new XmppEntity(await bind(stream, credentials?.resource), stream);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

function auth(credentials: Credentials | undefined): XmlElement {
  const xmlns = 'urn:ietf:params:xml:ns:xmpp-sasl';
  if (credentials === undefined) return xml('auth', { xmlns, mechanism: 'ANONYMOUS' });
  const plain = Buffer.from(`\0${credentials.user}\0${credentials.password}`).toString('base64');
  return xml('auth', { xmlns, mechanism: 'PLAIN' }, plain);
}

async function bind(stream: XmppStream, resource: string | undefined): Promise<string> {
  const xmlns = 'urn:ietf:params:xml:ns:xmpp-bind';
  const wish = resource === undefined ? undefined : xml('resource', {}, resource);
  const answer = stream.next();
  stream.send(xml('iq', { type: 'set', id: 'bind' }, xml('bind', { xmlns }, wish)));
  const jid = (await answer).getChild('bind')?.getChild('jid')?.getText();
  if (jid === undefined) throw new Error('resource binding failed');
  return jid;
}

/** Attaches as an external component (XEP-0114 §3). */
export async function connectComponent(port: number, domain: string, secret: string): Promise<XmppEntity> {
  const stream = await XmppStream.connect(port);
  try {
    const header = await stream.open('jabber:component:accept', domain);
    const digest = createHash('sha1').update(`${header.attrs.id}${secret}`).digest('hex');
    const answer = stream.next();
    stream.send(xml('handshake', {}, digest));
    const outcome = await answer;
    if (!outcome.is('handshake')) throw new Error(`component ${domain} refused: ${outcome.toString()}`);
    return new XmppEntity(domain, stream);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}
