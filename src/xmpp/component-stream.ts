import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { type Component, component } from '@xmpp/component';
import { StanzaFramer, type StanzaLimits } from './framer.ts';
import { type Element, parseElement } from './stanza.ts';

/** Why a stream ended, as far as we know. `condition`: RFC 6120 §4.9.3, when Prosody named one. */
export interface StreamEnd {
  readonly condition: string | undefined;
  readonly text: string;
}

export interface StreamOptions {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly secret: string;
  readonly limits: StanzaLimits;
  /** Connecting and the handshake together may take this long. */
  readonly openMs: number;
  /** Unsent characters at which the peer counts as stalled. */
  readonly outboxCharacters: number;
}

/** None of these may throw. */
export interface StreamListener {
  online(): void;
  stanza(stanza: Element): void;
  /** A stanza was dropped before it was parsed (`limit`) or could not be parsed; `head` is its opening tag, if known. */
  dropped(head: Element | undefined, why: string): void;
  /** Anything came in. */
  alive(): void;
  /** Once, last. */
  ended(end: StreamEnd): void;
}

/** Decodes UTF-8 across packet boundaries; the library decodes each packet by itself and breaks characters. */
class TextSocket extends Socket {
  constructor() {
    super();
    this.setEncoding('utf8');
    // Here, since `connect` of an existing socket ignores these options; Nagle's waiting costs 40 ms at each step of a call.
    this.setNoDelay(true);
    this.setKeepAlive(true, 30_000);
  }
}

/** Stands in the place of the library's parser: limits first, then one parse per stanza. */
class GuardedParser extends EventEmitter {
  readonly #framer: StanzaFramer;
  #stream: Element | null = null;

  constructor(limits: StanzaLimits, dropped: StreamListener['dropped']) {
    super();
    this.#framer = new StanzaFramer(limits, {
      header: (text) => {
        const open = parseElement(`${text.slice(text.lastIndexOf('<'), -1)}/>`);
        this.#stream = open.ok ? open.value : null;
        if (open.ok) this.emit('start', open.value);
        else this.emit('error', new Error('unreadable stream header'));
      },
      stanza: (text) => {
        const stanza = parseElement(text, this.#stream);
        if (stanza.ok) this.emit('element', stanza.value);
        else dropped(undefined, stanza.error.detail ?? 'not well-formed');
      },
      skipped: (openingTag, limit) => {
        const head = openingTag === undefined ? undefined : parseElement(openingTag.replace(/\/?>$/, '/>'));
        dropped(head?.ok === true ? head.value : undefined, limit);
      },
      footer: () => this.emit('end', this.#stream),
      malformed: (why) => this.emit('error', new Error(`not XML of a stream: ${why}`)),
    });
  }

  write(text: string): void {
    this.#framer.push(text);
  }
}

/**
 * One connection of an external component (XEP-0114): connects, shakes hands, reads and writes stanzas, ends. Each connection
 * has its own library object, so that nothing of a broken one lives on.
 */
export class ComponentStream {
  readonly #options: StreamOptions;
  readonly #listener: StreamListener;
  readonly #entity: Component;
  readonly #deadline: NodeJS.Timeout;
  #socket: Socket | null = null;
  #online = false;
  #ended = false;
  #end: StreamEnd | undefined;

  constructor(options: StreamOptions, listener: StreamListener) {
    this.#options = options;
    this.#listener = listener;
    this.#entity = this.#prepare();
    this.#deadline = setTimeout(() => this.abort('no answer from the component port'), options.openMs);
    void this.#open();
  }

  /** False: nothing was sent, because the stream is not online or the peer is stalled (which ends the stream). */
  send(text: string): boolean {
    const socket = this.#socket;
    if (!this.#online || socket === null || socket.destroyed) return false;
    if (socket.writableLength > this.#options.outboxCharacters) {
      this.abort('Prosody does not read: outbox is full');
      return false;
    }
    socket.write(text);
    return true;
  }

  /** Ends the stream properly (RFC 6120 §4.4), within 2 s. */
  close(): Promise<void> {
    const socket = this.#socket;
    if (this.#ended || !this.#online || socket === null || socket.destroyed) {
      this.abort('stopped');
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const force = setTimeout(() => this.abort('stopped'), 2000);
      socket.once('close', () => {
        clearTimeout(force);
        resolve();
      });
      this.#note('stopped');
      socket.end('</stream:stream>');
    });
  }

  abort(why: string): void {
    this.#note(why);
    if (this.#socket === null) this.#finish();
    else this.#socket.destroy();
  }

  #prepare(): Component {
    const { host, port, domain, secret, limits } = this.#options;
    const listener = this.#listener;
    const entity = component({ service: 'xmpp://component', domain, password: secret });
    // Its reconnection knows no back-off; its IQ middleware answers by itself and throws on a JID that it cannot parse.
    entity.reconnect.stop();
    entity.removeAllListeners('element');
    entity.socketParameters = () => ({ host, port });
    entity.Socket = TextSocket;
    let parser: GuardedParser | undefined;
    entity.Parser = class extends GuardedParser {
      constructor() {
        super(limits, (head, why) => listener.dropped(head, why));
        parser = this;
      }
    };
    // The library's own version throws when data follows a stream that has ended.
    entity._onData = (data) => {
      listener.alive();
      try {
        parser?.write(data.toString());
      } catch (error) {
        this.#failed(error);
      }
    };
    entity.on('error', (error: unknown) => this.#failed(error));
    // At once and not with the library's `online`, which comes later than stanzas of the same packet.
    entity.on('nonza', (element: Element) => element.getName() === 'handshake' && this.#nowOnline());
    entity.on('stanza', (stanza: Element) => listener.stanza(stanza));
    entity.on('connect', () => this.#refuseOurselves());
    entity.on('close', () => this.#socket?.end());
    entity.on('disconnect', () => this.#finish());
    return entity;
  }

  async #open(): Promise<void> {
    try {
      const connected = this.#entity.connect('');
      this.#socket = this.#entity.socket;
      await connected;
      await this.#entity.open({ domain: this.#options.domain });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** TCP can connect a local port with itself while nobody listens there; the echo would even pass for a handshake. */
  #refuseOurselves(): void {
    const socket = this.#socket;
    if (socket?.localPort === socket?.remotePort && socket?.localAddress === socket?.remoteAddress) {
      this.abort('nobody listens at the component port');
    }
  }

  #nowOnline(): void {
    if (this.#ended || this.#online) return;
    clearTimeout(this.#deadline);
    this.#online = true;
    this.#listener.online();
  }

  /** Every error ends the connection (RFC 6120 §4.9.1.1); the first one is the reason. */
  #failed(error: unknown): void {
    const named = error as { condition?: unknown; text?: unknown; message?: unknown };
    const condition = typeof named.condition === 'string' ? named.condition : undefined;
    const text = typeof named.text === 'string' && named.text !== '' ? named.text : String(named.message);
    this.#note(text, condition);
    // Not at once: the library still works on this element.
    setImmediate(() => this.abort(text));
  }

  #note(text: string, condition?: string): void {
    this.#end ??= { condition, text };
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#online = false;
    clearTimeout(this.#deadline);
    this.#listener.ended(this.#end ?? { condition: undefined, text: 'connection closed' });
  }
}
