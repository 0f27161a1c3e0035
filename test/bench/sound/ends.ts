import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { newRtpHeader, parseRtp, writeRtp } from '../../../src/media/rtp.ts';
import type { BridgePacket, RtpBridge } from '../../kit/rtp-bridge.ts';

/** A packet that came from the gateway; `at`: performance.now() in ms. */
export interface HeardPacket {
  readonly at: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Buffer;
}

/** What one end sent and heard. */
export interface End {
  readonly heard: HeardPacket[];
  /** Sends one frame of 20 ms; frames are numbered from 0. */
  send(frame: number, payload: Buffer): void;
  close(): void;
}

/** A phone's media: packets that were coded before, and whatever comes. */
export class PhoneEnd implements End {
  readonly heard: HeardPacket[] = [];
  readonly port: number;
  /** Where its packets go. */
  remotePort: number | undefined;
  readonly #socket: Socket;
  readonly #payloadType: number;
  readonly #frameTicks: number;
  readonly #ssrc = (Math.random() * 2 ** 32) >>> 0;

  static async open(payloadType: number, clockRate: number): Promise<PhoneEnd> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new PhoneEnd(socket, payloadType, clockRate);
  }

  private constructor(socket: Socket, payloadType: number, clockRate: number) {
    this.#socket = socket;
    this.port = socket.address().port;
    this.#payloadType = payloadType;
    this.#frameTicks = clockRate / 50;
    socket.on('error', () => {});
    socket.on('message', (datagram) => this.#received(datagram));
  }

  send(frame: number, payload: Buffer): void {
    if (this.remotePort === undefined) return;
    const packet = Buffer.alloc(12 + payload.length);
    const start = writeRtp(packet, {
      marker: frame === 0,
      payloadType: this.#payloadType,
      sequence: frame & 0xffff,
      timestamp: (frame * this.#frameTicks) >>> 0,
      ssrc: this.#ssrc,
      audioLevel: -1,
      voice: false,
    });
    payload.copy(packet, start);
    this.#socket.send(packet, this.remotePort, '127.0.0.1');
  }

  close(): void {
    this.#socket.close();
  }

  #received(datagram: Buffer): void {
    const header = newRtpHeader();
    if (!parseRtp(datagram, header) || header.payloadType !== this.#payloadType) return;
    const { sequence, timestamp, payloadStart, payloadEnd } = header;
    const payload = datagram.subarray(payloadStart, payloadEnd);
    this.heard.push({ at: performance.now(), sequence, timestamp, payload });
  }
}

/** The bridge's media for one leg: one source of the room, in Opus. */
export class RoomEnd implements End {
  readonly heard: HeardPacket[] = [];
  readonly #bridge: RtpBridge;
  readonly #ssrc: number;

  constructor(bridge: RtpBridge, ssrc: number) {
    this.#bridge = bridge;
    this.#ssrc = ssrc;
    bridge.on('rtp', ({ header, payload }: BridgePacket) => {
      const { sequence, timestamp } = header;
      this.heard.push({ at: performance.now(), sequence, timestamp, payload });
    });
  }

  send(frame: number, payload: Buffer): void {
    const fields = { ssrc: this.#ssrc, sequence: frame & 0xffff, timestamp: (frame * 960) >>> 0 };
    this.#bridge.send({ ...fields, marker: frame === 0 }, payload);
  }

  close(): void {
    this.#bridge.close();
  }
}
