import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ConnectionOptions, SecureContextOptions, TlsOptions } from 'node:tls';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { SipTls } from '../../config/config.ts';

/** Our certificate, its key and whom we trust, as the files hold them now; read again when a file changes. */
export class TlsIdentity {
  readonly #config: SipTls;
  #material: SecureContextOptions = {};
  #stamp = '';

  constructor(config: SipTls) {
    this.#config = config;
  }

  /** True when there is a certificate to show; without one we can only connect. */
  get canListen(): boolean {
    return this.#config.certificateFile !== undefined;
  }

  /** Reads the files. Rejects with what is wrong, and then keeps what it had. True: something changed. */
  async load(): Promise<boolean> {
    const { certificateFile, keyFile, caFile } = this.#config;
    const files = [certificateFile, keyFile ?? certificateFile, caFile];
    const stamp = (await Promise.all(files.map(stampOf))).join(' ');
    if (stamp === this.#stamp) return false;
    const [cert, key, ca] = await Promise.all(files.map((file) => file && readFile(file)));
    const material: SecureContextOptions = {
      minVersion: this.#config.minVersion ?? 'TLSv1.2',
      ...(cert && { cert }),
      ...(key && { key }),
      // An own authority adds to the known ones: the PBX may be ours and the carrier public.
      ...(ca && { ca: [...rootCertificates, ca.toString('utf8')] }),
    };
    // Throws when certificate and key do not belong together.
    createSecureContext(material);
    this.#material = material;
    this.#stamp = stamp;
    return true;
  }

  forListener(): TlsOptions {
    const { verifyClients = false } = this.#config;
    return {
      ...this.#material,
      requestCert: verifyClients,
      rejectUnauthorized: verifyClients,
      handshakeTimeout: 10_000,
    };
  }

  get material(): SecureContextOptions {
    return this.#material;
  }

  /** For a connection to `name`, which the peer's certificate must be for (RFC 5922 §7.2); SNI names it, unless it is an address. */
  towards(name: string): ConnectionOptions {
    return {
      ...this.#material,
      rejectUnauthorized: this.#config.verify ?? true,
      ...(isIP(name) === 0 && { servername: name }),
      host: name,
    };
  }
}

async function stampOf(file: string | undefined): Promise<string> {
  if (file === undefined) return '';
  const { mtimeMs, size, ino } = await stat(file);
  return `${mtimeMs}/${size}/${ino}`;
}
