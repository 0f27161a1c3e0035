import { createHash } from 'node:crypto';
import { CipherContext, HashAlgorithm, NamedCurveAlgorithm, SignatureAlgorithm } from 'werift';
import type { LightCertificate } from './light-leg.ts';

/** A new certificate for the DTLS of light legs, and its sha-256 fingerprint as SDP writes it. */
export async function lightCertificate(): Promise<{ certificate: LightCertificate; fingerprint: string }> {
  const made = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
    NamedCurveAlgorithm.secp256r1_23,
  );
  const der = Buffer.from(made.certPem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const hex = createHash('sha256').update(der).digest('hex').toUpperCase();
  return { certificate: made, fingerprint: hex.match(/../g)?.join(':') ?? '' };
}
