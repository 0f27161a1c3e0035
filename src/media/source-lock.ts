import { isPublicAddress } from './address-scope.ts';
import { sequenceAdd } from './sequence.ts';

export interface RtpOrigin {
  readonly address: string;
  readonly port: number;
}

interface Candidate extends RtpOrigin {
  readonly ssrc: number;
  readonly payloadType: number;
  sequence: number;
  run: number;
}

/** A stranger, or a new SSRC, is believed after this many packets in sequence. */
const neededRun = 4;
const strangers = 4;

/**
 * Decides whose RTP is heard and where ours goes ("symmetric RTP", RFC 4961; the defence is that of RFC 7362 §4 and "RTPbleed").
 * Media is sent to the address of the SDP. When that address cannot be reached from here, or another port of the same host sends,
 * the first source of four consecutive packets with one SSRC and payload type is taken instead, once; only a new offer/answer
 * unlocks it. A source on another host than a public SDP address is heard after the same test, but never sent to.
 */
export class SourceLock {
  readonly #signalled: RtpOrigin;
  #destination: RtpOrigin;
  #source: RtpOrigin | undefined;
  #ssrc: number | undefined;
  readonly #candidates: Candidate[] = [];

  constructor(signalled: RtpOrigin) {
    this.#signalled = signalled;
    this.#destination = signalled;
  }

  /** Where media goes. */
  get destination(): RtpOrigin {
    return this.#destination;
  }

  /** SSRC that is heard; undefined before the first packet. */
  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  /** `undefined`: the packet is the phone's. Else why it is not: `source-address` or `ssrc`. The payload type was checked before. */
  refuses(from: RtpOrigin, ssrc: number, payloadType: number, sequence: number): string | undefined {
    const isSource = this.#source !== undefined && isSame(this.#source, from);
    if (isSource && ssrc === this.#ssrc) return undefined;
    if (this.#source === undefined && isSame(this.#signalled, from)) {
      this.#take(from, ssrc);
      return undefined;
    }
    if (this.#source !== undefined && !isSource) return 'source-address';
    if (!this.#isProven(from, ssrc, payloadType, sequence)) return isSource ? 'ssrc' : 'source-address';
    this.#take(from, ssrc);
    return undefined;
  }

  /** True when the address may send us RTCP: that of the RTP source or of the SDP. */
  isPeer(address: string): boolean {
    return address === this.#signalled.address || address === this.#source?.address;
  }

  #take(from: RtpOrigin, ssrc: number): void {
    this.#source = { address: from.address, port: from.port };
    this.#ssrc = ssrc;
    this.#candidates.length = 0;
    const mayMove = from.address === this.#signalled.address || !isPublicAddress(this.#signalled.address);
    if (mayMove) this.#destination = this.#source;
  }

  /** Counts runs of a few strangers at a time: one that sprays from many ports displaces only its own kind. */
  #isProven(from: RtpOrigin, ssrc: number, payloadType: number, sequence: number): boolean {
    const known = this.#candidates.find(
      (one) => one.ssrc === ssrc && one.payloadType === payloadType && isSame(one, from),
    );
    if (known === undefined) {
      if (this.#candidates.length >= strangers) this.#candidates.shift();
      this.#candidates.push({ address: from.address, port: from.port, ssrc, payloadType, sequence, run: 1 });
      return false;
    }
    known.run = sequence === sequenceAdd(known.sequence, 1) ? known.run + 1 : 1;
    known.sequence = sequence;
    return known.run >= neededRun;
  }
}

function isSame(one: RtpOrigin, other: RtpOrigin): boolean {
  return one.port === other.port && one.address === other.address;
}
