import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority in a temporary folder. */
export interface Authority {
  /** PEM file of the authority itself. */
  readonly ca: string;
  /** Issues a certificate for names such as `DNS:localhost` and `IP:127.0.0.1`. */
  issue(name: string, subjectAltName: string): Promise<Certificate>;
  close(): Promise<void>;
}

export async function startAuthority(): Promise<Authority> {
  const directory = await mkdtemp(join(tmpdir(), 'jigasi-ca-'));
  const file = (name: string): string => join(directory, name);
  const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const caArgs = ['req', '-x509', ...elliptic, '-days', '2', '-subj', '/CN=Test authority'];
  await run('openssl', [...caArgs, '-keyout', file('ca.key'), '-out', file('ca.crt')]);
  return {
    ca: file('ca.crt'),
    async issue(name, subjectAltName) {
      const [key, certificate, request, extensions] = ['key', 'crt', 'csr', 'ext'].map((end) =>
        file(`${name}.${end}`),
      ) as [string, string, string, string];
      await run('openssl', ['req', ...elliptic, '-subj', `/CN=${name}`, '-keyout', key, '-out', request]);
      await writeFile(extensions, `subjectAltName=${subjectAltName}\n`);
      const from = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial'];
      await run('openssl', [
        'x509',
        '-req',
        '-in',
        request,
        ...from,
        '-days',
        '2',
        '-extfile',
        extensions,
        '-out',
        certificate,
      ]);
      return { certificate, key };
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

export async function pem(path: string): Promise<string> {
  return readFile(path, 'utf8');
}
