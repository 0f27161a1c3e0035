import type { RtpHeader } from '../rtp.ts';
import type { RtpStream } from './rtp-stream.ts';

export class RtcpSession {
  constructor(_options: { transmit: (packet: Buffer) => void }) {}
  tick(_now: number, _stream: RtpStream): void {}
  received(_header: RtpHeader, _now: number, _clockRate: number): void {}
  receive(_packet: Buffer, _length: number, _now: number): boolean {
    return true;
  }
  reception(_ssrc: number | undefined): { packetsLost: number; jitterMs: number } {
    return { packetsLost: 0, jitterMs: 0 };
  }
  bye(_stream: RtpStream, _now: number): void {}
}
