import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { alawDecode, alawEncode, ulawDecode, ulawEncode } from './g711.ts';
import { RtpRecording } from './rtp-recording.ts';
import { join, type Sound, silence } from './sound.ts';
import { resample } from './tone.ts';
import { udpType } from './udp-type.ts';

export type G711 = 'PCMU' | 'PCMA';
const frame = 160; // 20 ms at 8 kHz

interface Digit {
  readonly event: number;
  readonly timestamp: number;
  sent: number;
  done(): void;
}

/** The audio of a phone: G.711 at 20 ms, sent by a drift-free clock and recorded with the times of arrival. */
export class RtpPhone {
  readonly port: number;
  readonly recording: RtpRecording;
  /** Where packets go. Undefined: nothing is sent. */
  remote: { address: string; port: number } | undefined;
  codec: G711;
  /** SRTP of what leaves and of what comes; undefined: plain RTP. */
  srtp: { seal(packet: Buffer): Buffer; open(packet: Buffer): Buffer } | undefined;
  /** Sees what leaves, as it is on the wire. */
  passed: (datagram: Buffer) => void = () => {};
  /** Payload number of RFC 4733 events. */
  eventPayloadType = 101;
  sentPackets = 0;
  /** SRTP that came and was not sealed with our keys. */
  undecipherable = 0;
  readonly ssrc = (Math.random() * 2 ** 32) >>> 0;
  readonly #socket: Socket;
  #sequence = (Math.random() * 2 ** 15) | 0;
  #timestamp = (Math.random() * 2 ** 31) | 0;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #looped: Sound | undefined;
  #loopAt = 0;
  #once: { sound: Sound; at: number; started(time: number): void }[] = [];
  #digit: Digit | undefined;
  #closed = false;

  static async open(codec: G711 = 'PCMU', address = '127.0.0.1'): Promise<RtpPhone> {
    const socket = createSocket({ type: udpType(address), recvBufferSize: 1 << 20 });
    socket.bind(0, address);
    await once(socket, 'listening');
    return new RtpPhone(socket, codec);
  }

  private constructor(socket: Socket, codec: G711) {
    this.#socket = socket;
    this.codec = codec;
    this.port = socket.address().port;
    this.recording = new RtpRecording((type) =>
      type === 0 ? ulawDecode : type === 8 ? alawDecode : undefined,
    );
    socket.on('error', () => {});
    socket.on('message', (data, from) => this.#receive(data, from.port));
  }

  /** Says this again and again (undefined: digital silence), from now on. */
  say(sound: Sound | undefined): void {
    this.#looped = sound && (sound.rate === 8000 ? sound : resample(sound, 8000));
    this.#loopAt = 0;
    this.#run();
  }

  /** Says this once over whatever is said; resolves with the time (performance.now(), ms) at which its first packet left. */
  mark(sound: Sound): Promise<number> {
    this.#run();
    const fitting = sound.rate === 8000 ? sound : resample(sound, 8000);
    const rest = (frame - (fitting.samples.length % frame)) % frame;
    return new Promise((started) => {
      this.#once.push({ sound: join(fitting, silence(8000, rest / 8000)), at: 0, started });
    });
  }

  /** RFC 4733: one digit of 160 ms, its end sent three times. */
  dtmf(digit: string): Promise<void> {
    this.#run();
    return new Promise((done) => {
      const event = '0123456789*#ABCD'.indexOf(digit);
      this.#digit = { event, sent: 0, timestamp: this.#timestamp, done };
    });
  }

  /** Sends nothing until `say`, `mark` or `dtmf`; the timestamps leave out the time. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Any datagram from this port. */
  sendRaw(data: Buffer): void {
    if (this.remote && !this.#closed) this.#socket.send(data, this.remote.port, this.remote.address);
  }

  close(): void {
    this.pause();
    if (!this.#closed) this.#socket.close();
    this.#closed = true;
  }

  #run(): void {
    if (this.#timer) return;
    this.#next = performance.now();
    this.#timer = setTimeout(() => this.#tick(), 0);
  }

  #tick(): void {
    while (this.#next <= performance.now()) {
      this.#sendFrame();
      this.#next += 20;
    }
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, this.#next - performance.now()));
  }

  #sendFrame(): void {
    if (this.#digit) this.#sendDigit(this.#digit);
    else this.#send(this.codec === 'PCMU' ? 0 : 8, this.#timestamp, this.#encode(this.#nextSamples()), false);
    this.#timestamp = (this.#timestamp + frame) >>> 0;
  }

  #sendDigit(digit: Digit): void {
    digit.sent += 1;
    const payload = Buffer.alloc(4);
    payload[0] = digit.event;
    payload[1] = (digit.sent > 8 ? 0x80 : 0) | 10;
    payload.writeUInt16BE(Math.min(digit.sent, 8) * frame, 2);
    this.#send(this.eventPayloadType, digit.timestamp, payload, digit.sent === 1);
    if (digit.sent < 11) return;
    this.#digit = undefined;
    digit.done();
  }

  #nextSamples(): Int16Array {
    const playing = this.#once[0];
    if (playing) {
      if (playing.at === 0) playing.started(performance.now());
      const samples = playing.sound.samples.subarray(playing.at, playing.at + frame);
      playing.at += frame;
      if (playing.at >= playing.sound.samples.length) this.#once.shift();
      return samples;
    }
    const samples = new Int16Array(frame);
    const source = this.#looped?.samples;
    if (source === undefined) return samples;
    for (let i = 0; i < frame; i += 1) samples[i] = source[(this.#loopAt + i) % source.length] ?? 0;
    this.#loopAt = (this.#loopAt + frame) % source.length;
    return samples;
  }

  #encode(samples: Int16Array): Buffer {
    const encode = this.codec === 'PCMU' ? ulawEncode : alawEncode;
    return Buffer.from(Array.from(samples, encode));
  }

  #send(payloadType: number, timestamp: number, payload: Buffer, marker: boolean): void {
    const packet = Buffer.alloc(12 + payload.length);
    packet[0] = 0x80;
    packet[1] = payloadType | (marker ? 0x80 : 0);
    packet.writeUInt16BE(this.#sequence, 2);
    packet.writeUInt32BE(timestamp >>> 0, 4);
    packet.writeUInt32BE(this.ssrc, 8);
    payload.copy(packet, 12);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.sentPackets += 1;
    const datagram = this.srtp?.seal(packet) ?? packet;
    this.passed(datagram);
    this.sendRaw(datagram);
  }

  #receive(datagram: Buffer, port: number): void {
    try {
      this.recording.add(this.srtp?.open(datagram) ?? datagram, port, performance.now());
    } catch {
      this.undecipherable += 1;
    }
  }
}
