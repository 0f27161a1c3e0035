import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseRaw, type RawMessage, status, value } from '../../kit/raw-sip.ts';

/**
 * The sender of one message. An answer goes to the port that the message's top Via names, and these Vias are not ours to choose:
 * so that this port is free, each sender takes a loopback address of its own.
 */
export class Sender {
  readonly address: string;
  readonly answers: RawMessage[] = [];
  readonly #socket: Socket;
  #wake: () => void = () => {};

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.#socket = socket;
    socket.on('message', (bytes) => {
      this.answers.push(parseRaw(bytes.toString('latin1')));
      this.#wake();
    });
  }

  static async open(port: number): Promise<Sender> {
    const address = `127.${randomInt(64, 128)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
    const socket = createSocket('udp4');
    socket.bind(port, address);
    await once(socket, 'listening');
    return new Sender(address, socket);
  }

  send(bytes: Buffer, port: number): void {
    this.#socket.send(bytes, port, '127.0.0.1');
  }

  /** Resolves with the answers that came before one to an OPTIONS: by then the engine has dealt with what was sent first. */
  async settled(port: number): Promise<RawMessage[]> {
    const callId = `settled-${randomInt(2 ** 40)}`;
    const lines = [
      `OPTIONS sip:127.0.0.1:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.address};rport;branch=z9hG4bK${callId}`,
      'From: <sip:settled@example.com>;tag=s',
      'To: <sip:settled@example.com>',
      `Call-ID: ${callId}`,
      'CSeq: 1 OPTIONS',
      'Content-Length: 0',
    ];
    this.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), port);
    const mark = await this.until((message) => value(message, 'call-id') === callId);
    return this.answers.slice(0, this.answers.indexOf(mark));
  }

  status(code: number): Promise<RawMessage> {
    return this.until((message) => status(message) === code);
  }

  async until(matches: (message: RawMessage) => boolean): Promise<RawMessage> {
    for (;;) {
      const found = this.answers.find(matches);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#socket.close();
  }
}
