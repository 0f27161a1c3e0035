/** The part of @xmpp/component 0.13.1 that we use; the package has no types of its own. */
declare module '@xmpp/component' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  export interface LtxElement {
    name: string;
    attrs: Record<string, string | undefined>;
    children: (LtxElement | string)[];
    parent: LtxElement | null;
    getName(): string;
    getNS(): string | undefined;
  }

  /** Emits `start` (stream header), `element` (one stanza), `end` (stream footer) and `error`. */
  export interface Parser extends EventEmitter {
    write(text: string): void;
  }

  export interface Component extends EventEmitter {
    status: string;
    socket: Socket | null;
    Socket: new () => Socket;
    Parser: new () => Parser;
    reconnect: { stop(): void };
    socketParameters(service: string): object;
    _onData(data: string | Buffer): void;
    connect(service: string): Promise<void>;
    open(options: { domain: string; lang?: string; timeout?: number }): Promise<void>;
  }

  export function component(options: { service: string; domain: string; password: string }): Component;

  export const xml: {
    Element: new (name: string, attrs?: Record<string, string>) => LtxElement;
    Parser: new () => Parser;
  };
}
