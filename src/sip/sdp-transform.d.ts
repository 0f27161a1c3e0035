/** The part of sdp-transform that sdp-text.ts uses. Parsed values are what a peer wrote: a number only where it looked like one. */
declare module 'sdp-transform' {
  type Scalar = string | number;

  export interface ParsedSection {
    connection?: { version?: Scalar; ip?: Scalar };
    direction?: Scalar;
  }

  export interface ParsedMedia extends ParsedSection {
    rtp: { payload?: Scalar; codec?: Scalar; rate?: Scalar; encoding?: Scalar }[];
    fmtp: { payload?: Scalar; config?: Scalar }[];
    ptime?: Scalar;
    maxptime?: Scalar;
    rtcp?: { port?: Scalar };
  }

  export interface ParsedSession extends ParsedSection {
    timing?: { start?: Scalar; stop?: Scalar };
    media: ParsedMedia[];
  }

  export interface SessionToWrite {
    version: 0;
    origin: {
      username: string;
      sessionId: Scalar;
      sessionVersion: Scalar;
      netType: 'IN';
      ipVer: 4 | 6;
      address: string;
    };
    name: string;
    connection: { version: 4 | 6; ip: string };
    timing: { start: Scalar; stop: Scalar };
    media: {
      type: string;
      port: number;
      protocol: string;
      payloads: string;
      rtp?: { payload: number; codec: string; rate: number; encoding?: number }[];
      fmtp?: { payload: number; config: string }[];
      ptime?: number;
      direction?: string;
      crypto?: { id: number; suite: string; config: string }[];
    }[];
  }

  export function parse(sdp: string): ParsedSession;
  export function write(session: SessionToWrite): string;
}
