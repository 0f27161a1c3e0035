import { createCipheriv } from 'node:crypto';

/** The SRTP protection profiles that DTLS negotiates here (RFC 5764 §4.1.2, RFC 7714 §14.2). */
export const srtpProfiles = ['AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_128_GCM'] as const;
export type SrtpProfile = (typeof srtpProfiles)[number];
/** With those that SDP negotiates (RFC 4568 §6.2). */
export type AnySrtpProfile = SrtpProfile | 'AES_CM_128_HMAC_SHA1_32';

/** Lengths of the master key and salt of a profile, in bytes. */
export const srtpKeyLengths: Readonly<
  Record<AnySrtpProfile, { readonly key: number; readonly salt: number }>
> = {
  AES_CM_128_HMAC_SHA1_80: { key: 16, salt: 14 },
  AES_CM_128_HMAC_SHA1_32: { key: 16, salt: 14 },
  AEAD_AES_128_GCM: { key: 16, salt: 12 },
};

/** The keys of one direction, for SRTP or for SRTCP. `authentication` is unused with GCM. */
export interface SessionKeys {
  readonly encryption: Buffer;
  readonly authentication: Buffer;
  /** 14 bytes for AES-CM, 12 bytes for GCM. */
  readonly salt: Buffer;
}

const AUTHENTICATION_KEY_LENGTH = 20;

/** Session keys with key derivation rate 0 (RFC 3711 §4.3; for GCM's shorter salt RFC 7714 §11). */
export function deriveSessionKeys(
  masterKey: Buffer,
  masterSalt: Buffer,
): { readonly rtp: SessionKeys; readonly rtcp: SessionKeys } {
  const derive = (label: number, length: number): Buffer => derived(masterKey, masterSalt, label, length);
  const keys = (firstLabel: number): SessionKeys => ({
    encryption: derive(firstLabel, masterKey.length),
    authentication: derive(firstLabel + 1, AUTHENTICATION_KEY_LENGTH),
    salt: derive(firstLabel + 2, masterSalt.length),
  });
  return { rtp: keys(0), rtcp: keys(3) };
}

/** AES-CM as a pseudo-random function: keystream for x = label·2⁴⁸ ⊕ salt, as 112 bits, times 2¹⁶ (RFC 3711 §4.3.3). */
function derived(masterKey: Buffer, masterSalt: Buffer, label: number, length: number): Buffer {
  const counter = Buffer.alloc(16);
  masterSalt.copy(counter);
  counter[7] = (counter[7] as number) ^ label;
  return createCipheriv('aes-128-ctr', masterKey, counter).update(Buffer.alloc(length));
}
