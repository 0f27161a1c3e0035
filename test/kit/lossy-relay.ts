import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Impairment, PacketFates } from './impairment.ts';
import { type RtpHeader, readRtp } from './rtp-watch.ts';

export interface RelayEnd {
  readonly address: string;
  readonly port: number;
}

/** An RTP packet that the network lost. */
export type LostPacket = Pick<RtpHeader, 'ssrc' | 'sequence' | 'timestamp'>;

/**
 * A bad network between an end (a phone, a bridge) and the gateway, on 127.0.0.1. The gateway finds the end at `portForGateway`, the end finds
 * the gateway at `portForEnd`. Only RTP is hit: STUN, DTLS and RTCP pass.
 */
export class LossyRelay {
  /** What was lost, in order. */
  readonly lost = { toGateway: [] as LostPacket[], toEnd: [] as LostPacket[] };
  /** Where the gateway is; learnt from its datagrams unless it is set. */
  gateway: RelayEnd | undefined;
  readonly #end: RelayEnd;
  readonly #outer: Socket;
  readonly #inner: Socket;
  #toGateway = new PacketFates();
  #toEnd = new PacketFates();
  #closed = false;

  static async open(end: RelayEnd): Promise<LossyRelay> {
    const sockets = [createSocket({ type: 'udp4' }), createSocket({ type: 'udp4' })] as const;
    await Promise.all(
      sockets.map((socket) => {
        socket.bind(0, '127.0.0.1');
        return once(socket, 'listening');
      }),
    );
    return new LossyRelay(end, ...sockets);
  }

  private constructor(end: RelayEnd, outer: Socket, inner: Socket) {
    this.#end = end;
    this.#outer = outer;
    this.#inner = inner;
    for (const socket of [outer, inner]) socket.on('error', () => {});
    outer.on('message', (packet, from) => this.#fromGateway(packet, from));
    inner.on('message', (packet) => this.#fromEnd(packet));
  }

  get portForGateway(): number {
    return this.#outer.address().port;
  }

  get portForEnd(): number {
    return this.#inner.address().port;
  }

  /** From now on, and from the beginning of the seed's sequence. */
  impair(toGateway: Impairment, toEnd: Impairment): void {
    this.#toGateway = new PacketFates(toGateway);
    this.#toEnd = new PacketFates(toEnd);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outer.close();
    this.#inner.close();
  }

  #fromGateway(packet: Buffer, { address, port }: RemoteInfo): void {
    this.gateway = { address, port };
    this.#pass(packet, this.#toEnd, this.lost.toEnd, () => this.#send(this.#inner, packet, this.#end));
  }

  #fromEnd(packet: Buffer): void {
    this.#pass(packet, this.#toGateway, this.lost.toGateway, () => {
      if (this.gateway !== undefined) this.#send(this.#outer, packet, this.gateway);
    });
  }

  #send(socket: Socket, packet: Buffer, to: RelayEnd): void {
    if (!this.#closed) socket.send(packet, to.port, to.address);
  }

  #pass(packet: Buffer, fates: PacketFates, lost: LostPacket[], send: () => void): void {
    const rtp = readRtp(packet, undefined);
    if (rtp === undefined) {
      send();
      return;
    }
    const delays = fates.next();
    if (delays.length === 0) lost.push(rtp);
    for (const held of delays) {
      if (held === 0) send();
      else setTimeout(send, held);
    }
  }
}
