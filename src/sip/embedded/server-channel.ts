import type { Packet } from '../transport/packet.ts';
import { responseAddress, type Via } from '../via.ts';
import { encodeMessage } from './outgoing-message.ts';
import { Retransmission } from './retransmission.ts';
import { Timers, type Transport } from './sip-js.ts';
import type { Wire } from './wire.ts';

/**
 * What the server transaction of one request answers through: back to where the request came from (RFC 3261 §18.2.2), and
 * timer G (§17.2.1), which sip.js leaves out.
 */
export class ServerChannel implements Transport {
  readonly protocol = 'UDP';
  readonly #wire: Wire;
  /** Where the request came from; the datagram itself is not kept for the 32 s that the transaction lives. */
  readonly origin: Omit<Packet, 'bytes'>;
  readonly #via: Via;
  readonly #method: string;
  readonly #onAnswered: ((bytes: Buffer) => void) | undefined;
  #retransmission: Retransmission | undefined;
  #acknowledged = false;

  /** `onAnswered`: the final answer to another request than INVITE is about to be sent, for the first time. */
  constructor(wire: Wire, packet: Packet, via: Via, method: string, onAnswered?: (bytes: Buffer) => void) {
    this.#wire = wire;
    const { transport, source, connection } = packet;
    this.origin = { transport, source, connection };
    this.#via = via;
    this.#method = method;
    this.#onAnswered = onAnswered;
  }

  async send(text: string): Promise<void> {
    const bytes = encodeMessage(text);
    const status = Number(text.slice(8, 11));
    if (this.#method !== 'INVITE') {
      if (status >= 200) this.#onAnswered?.(bytes);
    } else if (status >= 300 && this.origin.transport === 'udp' && !this.#acknowledged) this.#repeat(bytes);
    await this.#write(bytes);
  }

  /** For answers without a transaction: never repeated, so that a forged INVITE cannot make us flood its supposed sender. */
  sendOnce(text: string): void {
    this.#writeOnce(encodeMessage(text));
  }

  /** The answer to a request that came again; one character per byte. */
  sendAgain(answer: string): void {
    this.#wire.counters.add('retransmitted.response');
    this.#writeOnce(Buffer.from(answer, 'latin1'));
  }

  /** The ACK for a final response other than 2xx came. */
  acknowledged(): void {
    this.#acknowledged = true;
    this.stop();
  }

  stop(): void {
    this.#retransmission?.stop();
    this.#wire.release(this);
  }

  #repeat(bytes: Buffer): void {
    if (this.#retransmission !== undefined) return;
    const again = (): void => {
      this.#wire.counters.add('retransmitted.response');
      this.#write(bytes).catch(() => this.stop());
    };
    this.#retransmission = new Retransmission(again, Timers.T2);
    this.#wire.keep(this);
  }

  #writeOnce(bytes: Buffer): void {
    this.#write(bytes).catch(() => this.#wire.counters.add('failed.response'));
  }

  async #write(bytes: Buffer): Promise<void> {
    const { transport, source, connection } = this.origin;
    const { address, port } = responseAddress(this.#via, source);
    await this.#wire.sockets.sendResponse(connection, { transport, address, port }, bytes);
    this.#wire.counters.add('sent.response');
  }
}
