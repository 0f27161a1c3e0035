import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { newParser, type XmlElement } from './xml.ts';

interface StreamEvents {
  element: [element: XmlElement];
  /** The TCP connection is gone, by whomever. */
  closed: [];
}

/** An XMPP stream over plain TCP (RFC 6120 §4), as far as a test's client or component needs it. */
export class XmppStream extends EventEmitter<StreamEvents> {
  readonly #socket: Socket;
  #frozen = false;
  #opened: ((header: XmlElement) => void) | undefined;

  private constructor(socket: Socket) {
    super();
    this.setMaxListeners(100);
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('utf8');
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => this.emit('closed'));
    this.#listen();
  }

  static async connect(port: number): Promise<XmppStream> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new XmppStream(socket);
  }

  get alive(): boolean {
    return !this.#socket.destroyed;
  }

  /** Opens the stream, or opens it anew after SASL. Resolves with the peer's header (its `id` is needed by XEP-0114). */
  open(namespace: 'jabber:client' | 'jabber:component:accept', to: string): Promise<XmlElement> {
    return new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.once('closed', () => reject(new Error(`the stream to ${to} was closed`)));
      this.#parser = this.#newParser();
      this.#socket.write(
        `<?xml version='1.0'?><stream:stream xmlns='${namespace}' xmlns:stream='http://etherx.jabber.org/streams' to='${to}' version='1.0' xml:lang='en'>`,
      );
    });
  }

  send(element: XmlElement): void {
    if (!this.#frozen && this.#socket.writable) this.#socket.write(written(element));
  }

  next(): Promise<XmlElement> {
    return new Promise((resolve, reject) => {
      const closed = () => reject(new Error('the stream was closed'));
      this.once('closed', closed);
      this.once('element', (element) => {
        this.off('closed', closed);
        resolve(element);
      });
    });
  }

  /** From now on neither hears nor says anything, but stays connected: a process that hangs. */
  freeze(): void {
    this.#frozen = true;
    this.#socket.pause();
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, 'close');
    if (this.#frozen) this.#socket.destroy();
    else {
      this.#farewell();
      const timer = setTimeout(() => this.#socket.destroy(), 1000);
      closed.finally(() => clearTimeout(timer)).catch(() => {});
    }
    await closed;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #farewell(): void {
    if (this.#socket.writable) this.#socket.end('</stream:stream>');
  }

  #parser = this.#newParser();

  #listen(): void {
    this.#socket.on('data', (data) => {
      if (!this.#frozen) this.#parser.write(String(data));
    });
    this.#socket.on('end', () => this.#socket.end());
  }

  #newParser() {
    const parser = newParser();
    parser.on('start', (header) => this.#opened?.(header));
    parser.on('element', (element) => this.emit('element', element));
    parser.on('end', () => this.#farewell());
    parser.on('error', () => this.#socket.destroy());
    return parser;
  }
}

/** ltx writes line ends as they are; in an attribute the reader would make spaces of them (XML 1.0 §3.3.3). */
function written(element: XmlElement): string {
  return element.toString().replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
