import type { DtlsFingerprint } from '../media-engine.ts';
import { type SrtpProfile, srtpProfiles } from '../srtp-key-derivation.ts';
import { findForgery, handshakeType } from './dtls-verification.ts';
import { type DtlsCertificate, type HandshakeMessage, type SrtpKeys, WeriftHandshake } from './werift.ts';

export interface DtlsOptions {
  readonly certificate: DtlsCertificate;
  /** What signalling says about the peer's certificate; `isStrongHash` holds for its hash. */
  readonly expected: DtlsFingerprint;
  /** Offered in this order. */
  readonly profiles: readonly SrtpProfile[];
  readonly transmit: (datagram: Buffer) => void;
  readonly onKeys: (keys: SrtpKeys) => void;
  readonly onFailed: (detail: string) => void;
  readonly drop: (reason: string) => void;
}

const timeoutMs = 10_000;
/**
 * werift repeats its ClientHello after 500 ms. A bridge answers ICE checks before it is ready for DTLS, so the first one is
 * easily lost; until anything is heard it is repeated at these times as well (libwebrtc begins with 50 ms, too).
 */
const helloRepeatsMs = [50, 150, 300];
const alertType = 21;
/** Every profile, once a bridge has agreed to none of those that were offered. */
let offeredInstead: readonly SrtpProfile[] | undefined;

/** Server messages that may be processed only once: a second, different one could replace what was verified. */
const singleMessages: ReadonlySet<number> = new Set([
  handshakeType.serverHello,
  handshakeType.helloVerifyRequest,
  handshakeType.certificate,
  handshakeType.serverKeyExchange,
  handshakeType.certificateRequest,
]);

/**
 * The DTLS handshake of a bridge leg, active side (RFC 5763). It lives until the keys are agreed: DTLS carries no data here, so
 * later records, alerts among them, have nothing to say that ICE consent and signalling do not say with proof.
 */
export class DtlsHandshake {
  readonly #options: DtlsOptions;
  readonly #flight = new Map<number, Buffer>();
  readonly #werift: WeriftHandshake;
  #startedAt = -1;
  #isOver = false;
  #hello: Buffer | undefined;
  #isHeard = false;
  #repeats = 0;
  #alert: string | undefined;

  constructor(options: DtlsOptions) {
    this.#options = options;
    this.#werift = new WeriftHandshake(options.certificate, offeredInstead ?? options.profiles, {
      transmit: (datagram) => this.#transmit(datagram),
      accept: (message) => this.#accept(message),
      onError: (error) => this.#fail(error.message),
    });
  }

  start(now: number): void {
    this.#startedAt = now;
    this.#werift.start((error) => this.#fail(error.message));
  }

  tick(now: number): void {
    if (this.#isOver) return;
    const ageMs = now - this.#startedAt;
    if (ageMs >= timeoutMs) this.#fail(this.#alert ?? 'the bridge did not finish the handshake');
    else if (!this.#isHeard && ageMs >= (helloRepeatsMs[this.#repeats] ?? timeoutMs)) {
      this.#repeats += 1;
      if (this.#hello) this.#options.transmit(this.#hello);
    }
  }

  receive(datagram: Buffer): void {
    const refused = this.#isOver ? 'dtls-late' : this.#handle(datagram);
    if (refused !== undefined) this.#options.drop(refused);
  }

  #handle(datagram: Buffer): string | undefined {
    this.#isHeard = true;
    // An alert in clear proves nothing: it is remembered for the log and does not end the handshake.
    if (datagram[0] === alertType) {
      this.#alert = `alert ${datagram[14] ?? 'unknown'} from the bridge`;
      return 'dtls-alert';
    }
    try {
      this.#werift.receive(datagram);
      return undefined;
    } catch {
      return 'malformed-dtls';
    }
  }

  close(): void {
    this.#isOver = true;
    this.#werift.stop();
  }

  #transmit(datagram: Buffer): void {
    this.#hello ??= datagram;
    this.#options.transmit(datagram);
  }

  #accept(message: HandshakeMessage): boolean {
    if (this.#isOver) return false;
    if (message.type === handshakeType.finished) {
      this.#finish(message);
      return false;
    }
    if (!singleMessages.has(message.type)) return message.type === handshakeType.serverHelloDone;
    if (this.#flight.has(message.type)) return false;
    this.#flight.set(message.type, Buffer.from(message.body));
    return true;
  }

  #finish(finished: HandshakeMessage): void {
    const { masterSecret, clientRandom, transcript } = this.#werift;
    if (masterSecret === undefined || clientRandom === undefined) {
      this.#options.drop('dtls-early');
      return;
    }
    const forgery = this.#findForgery(finished, { masterSecret, clientRandom, transcript });
    const keys = this.#werift.srtpKeys;
    if (forgery === undefined && keys === undefined) offeredInstead = srtpProfiles;
    if (forgery !== undefined || keys === undefined) {
      this.#fail(forgery ?? 'the bridge agreed to no SRTP profile');
      return;
    }
    this.close();
    this.#options.onKeys(keys);
  }

  #findForgery(finished: HandshakeMessage, agreed: Parameters<typeof findForgery>[3]): string | undefined {
    try {
      return findForgery(this.#flight, finished, this.#options.expected, agreed);
    } catch (error) {
      return `unreadable certificate: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #fail(detail: string): void {
    if (this.#isOver) return;
    this.close();
    this.#options.onFailed(detail);
  }
}
