import { createHash } from 'node:crypto';
import {
  CipherContext,
  DtlsClient,
  HashAlgorithm,
  keyLength,
  NamedCurveAlgorithm,
  NamedCurveAlgorithmList,
  ProtectionProfileAeadAes128Gcm,
  ProtectionProfileAes128CmHmacSha1_80,
  SignatureAlgorithm,
  saltLength,
} from 'werift';
import { type SrtpProfile, srtpProfiles } from '../srtp-key-derivation.ts';

/** A self-signed ECDSA P-256 certificate and its key. */
export interface DtlsCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly signatureHash: { readonly hash: 4; readonly signature: 1 | 3 };
  /** SHA-256, upper-case hexadecimal with colons. */
  readonly fingerprint: string;
}

export interface HandshakeMessage {
  readonly type: number;
  readonly body: Buffer;
}

export interface DtlsClientEvents {
  readonly transmit: (datagram: Buffer) => void;
  /** Sees each handshake message before werift does; what it refuses is dropped. */
  readonly accept: (message: HandshakeMessage) => boolean;
  readonly onError: (error: Error) => void;
}

/** Master key and salt of each direction, as libraries of SRTP want them (RFC 5764 §4.2). */
export interface SrtpKeys {
  readonly profile: SrtpProfile;
  readonly local: { readonly key: Buffer; readonly salt: Buffer };
  readonly remote: { readonly key: Buffer; readonly salt: Buffer };
}

const profileNumbers: Readonly<Record<SrtpProfile, WeriftProfile>> = {
  AES_CM_128_HMAC_SHA1_80: ProtectionProfileAes128CmHmacSha1_80,
  AEAD_AES_128_GCM: ProtectionProfileAeadAes128Gcm,
};

type WeriftProfile = typeof ProtectionProfileAes128CmHmacSha1_80 | typeof ProtectionProfileAeadAes128Gcm;

export async function createCertificate(): Promise<DtlsCertificate> {
  const made = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
    NamedCurveAlgorithm.secp256r1_23,
  );
  const der = Buffer.from(made.certPem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const digest = createHash('sha256').update(der).digest('hex').toUpperCase();
  return { ...made, fingerprint: digest.match(/../g)?.join(':') ?? '' };
}

/** By X25519 it agrees on keys in JavaScript, which takes milliseconds; P-256 every WebRTC peer knows (RFC 8827 §6.5). */
export function offerOnlyP256(): void {
  NamedCurveAlgorithmList.splice(0, NamedCurveAlgorithmList.length, NamedCurveAlgorithm.secp256r1_23);
}

/**
 * werift's DTLS 1.2 client, reduced to one handshake over somebody else's transport. It is driven directly and not through
 * RTCDtlsTransport, whose `start` sleeps 100 ms before the ClientHello. werift checks neither the signature of the
 * ServerKeyExchange nor the server's Finished: see dtls-verification.ts. A new library release must be checked for all of this.
 */
export class WeriftHandshake {
  readonly #client: DtlsClient;
  readonly #transport: ClosableTransport;

  /** `profiles` are offered in this order; the server chooses. */
  constructor(certificate: DtlsCertificate, profiles: readonly SrtpProfile[], events: DtlsClientEvents) {
    this.#transport = new ClosableTransport(events.transmit);
    this.#client = new DtlsClient({
      cert: certificate.certPem,
      key: certificate.keyPem,
      signatureHash: certificate.signatureHash,
      transport: this.#transport,
      srtpProfiles: profiles.map((profile) => profileNumbers[profile]),
      extendedMasterSecret: true,
    });
    const handle = this.#client.onHandleHandshakes;
    this.#client.onHandleHandshakes = (messages) =>
      handle(messages.filter((message) => events.accept({ type: message.msg_type, body: message.fragment })));
    this.#client.onError.subscribe((error) => {
      if (!this.#transport.closed) events.onError(error);
    });
  }

  /** Sends the ClientHello, and again until it is answered or `stop` is called. */
  start(onError: (error: Error) => void): void {
    this.#client.connect().catch((error: unknown) => {
      if (!this.#transport.closed) onError(error instanceof Error ? error : new Error(String(error)));
    });
  }

  /** Throws on some malformed records. */
  receive(datagram: Buffer): void {
    this.#transport.onData(datagram, ['', 0]);
  }

  /** What the Finished messages cover: all handshake messages so far (RFC 5246 §7.4.9). */
  get transcript(): Buffer {
    return Buffer.concat(this.#client.dtls.sortedHandshakeCache.map((message) => message.serialize()));
  }

  /** Undefined before the keys are agreed. */
  get masterSecret(): Buffer | undefined {
    return this.#client.cipher.masterSecret;
  }

  /** Undefined before the ClientHello. */
  get clientRandom(): Buffer | undefined {
    return this.#client.cipher.localRandom?.serialize();
  }

  /** Undefined when no profile was agreed. */
  get srtpKeys(): SrtpKeys | undefined {
    const number = this.#client.srtp.srtpProfile;
    const profile = srtpProfiles.find((name) => profileNumbers[name] === number);
    if (number === undefined || profile === undefined) return undefined;
    const keys = this.#client.extractSessionKeys(keyLength(number), saltLength(number));
    return {
      profile,
      local: { key: keys.localKey, salt: keys.localSalt },
      remote: { key: keys.remoteKey, salt: keys.remoteSalt },
    };
  }

  /** Ends the retransmissions: they stop when the flight number says that the handshake is behind. */
  stop(): void {
    this.#transport.closed = true;
    this.#client.dtls.flight = Number.MAX_SAFE_INTEGER;
  }
}

type TransportOfWerift = ConstructorParameters<typeof DtlsClient>[0]['transport'];

class ClosableTransport implements TransportOfWerift {
  readonly type = 'ice';
  readonly address: TransportOfWerift['address'] = { address: '', family: '', port: 0 };
  closed = false;
  onData: TransportOfWerift['onData'] = () => {};
  readonly #transmit: (datagram: Buffer) => void;

  constructor(transmit: (datagram: Buffer) => void) {
    this.#transmit = transmit;
  }

  async send(datagram: Buffer): Promise<void> {
    if (!this.closed) this.#transmit(datagram);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
