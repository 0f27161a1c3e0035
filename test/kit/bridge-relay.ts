import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Impairment, PacketFates } from './impairment.ts';
import type { RtpTrace } from './rtp-trace.ts';
import { RtpWatch, readRtp } from './rtp-watch.ts';

/** How the network between bridge and gateway misbehaves. All but `blackout` hits RTP only: ICE and DTLS have timers of their own. */
export interface BridgeImpairment extends Impairment {
  /** Nothing passes any more, ICE and DTLS neither: the bridge is gone without a word. */
  readonly blackout?: boolean;
  readonly towards?: 'gateway' | 'room' | 'both';
}

export interface UdpAddress {
  readonly ip: string;
  readonly port: number;
}

/**
 * UDP between a gateway and libwebrtc: the address that the gateway is offered. It drops what a videobridge drops (audio
 * level 127 from the gateway), looks at the RTP headers as they pass, and can be told to behave badly. A videobridge
 * also closes the gap in the sequence numbers; that cannot be done here, because the packets are encrypted end to end.
 */
export class BridgeRelay {
  readonly fromGateway = new RtpWatch();
  readonly toGateway = new RtpWatch();
  droppedSilent = 0;
  levelId: number | undefined = 1;
  /** Set for measurements. */
  trace: RtpTrace | undefined;
  readonly #outer: Socket;
  /** One inner socket for each address of the gateway, so that ICE sees them apart. */
  readonly #inner = new Map<string, Socket>();
  readonly #target: UdpAddress;
  #impairment: BridgeImpairment = {};
  #fates = new PacketFates();
  #closed = false;

  private constructor(outer: Socket, target: UdpAddress) {
    this.#outer = outer;
    this.#target = target;
    outer.on('message', (packet, from) => this.#fromGateway(packet, from));
    outer.on('error', () => {});
  }

  /** Listens on a free port of `address`; forwards to `target`, libwebrtc's own address. */
  static async open(address: string, target: UdpAddress): Promise<BridgeRelay> {
    const outer = createSocket('udp4');
    outer.bind(0, address);
    await once(outer, 'listening');
    return new BridgeRelay(outer, target);
  }

  get port(): number {
    return this.#outer.address().port;
  }

  impair(impairment: BridgeImpairment): void {
    this.#impairment = impairment;
    this.#fates = new PacketFates(impairment);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outer.close();
    for (const socket of this.#inner.values()) socket.close();
  }

  get #open(): boolean {
    return !this.#closed && this.#impairment.blackout !== true;
  }

  #fromGateway(packet: Buffer, from: RemoteInfo): void {
    const inner = this.#innerFor(from);
    if (inner === undefined) return;
    const rtp = readRtp(packet, this.levelId);
    const send = () => {
      if (this.#open) inner.send(packet, this.#target.port, this.#target.ip);
    };
    if (rtp === undefined) send();
    else {
      this.fromGateway.seen(rtp);
      this.trace?.add('room', rtp);
      if (rtp.level === 127) this.droppedSilent += 1;
      else this.#pass('room', send);
    }
  }

  #innerFor(from: RemoteInfo): Socket | undefined {
    const key = `${from.address}:${from.port}`;
    const known = this.#inner.get(key);
    if (known !== undefined || this.#inner.size >= 32) return known;
    const inner = createSocket('udp4');
    this.#inner.set(key, inner);
    inner.on('error', () => {});
    inner.on('message', (packet) => {
      const send = () => {
        if (this.#open) this.#outer.send(packet, from.port, from.address);
      };
      const rtp = readRtp(packet, this.levelId);
      if (rtp === undefined) send();
      else {
        this.toGateway.seen(rtp);
        this.trace?.add('gateway', rtp);
        this.#pass('gateway', send);
      }
    });
    return inner;
  }

  #pass(towards: 'gateway' | 'room', send: () => void): void {
    const { towards: where = 'both' } = this.#impairment;
    if (where !== 'both' && where !== towards) {
      send();
      return;
    }
    for (const held of this.#fates.next()) {
      if (held === 0) send();
      else setTimeout(send, held).unref();
    }
  }
}
