import { hasControl, splitOutside, unquote } from './header-text.ts';

/** One `WWW-Authenticate` or `Proxy-Authenticate` challenge of the scheme Digest (RFC 7616 §3.3, RFC 8760). */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: DigestAlgorithm;
  /** As the peer wrote it; undefined: it named none, and the answer names none either. */
  readonly algorithmText: string | undefined;
  /** Offered qualities of protection; empty: RFC 2069 style without qop. */
  readonly qop: readonly string[];
  readonly stale: boolean;
}

export type DigestAlgorithm =
  | 'MD5'
  | 'MD5-sess'
  | 'SHA-256'
  | 'SHA-256-sess'
  | 'SHA-512-256'
  | 'SHA-512-256-sess';

const algorithms = new Map<string, DigestAlgorithm>([
  ['md5', 'MD5'],
  ['md5-sess', 'MD5-sess'],
  ['sha-256', 'SHA-256'],
  ['sha-256-sess', 'SHA-256-sess'],
  ['sha-512-256', 'SHA-512-256'],
  ['sha-512-256-sess', 'SHA-512-256-sess'],
]);

/**
 * All challenges that can be answered, from one or several header lines; several may stand in one line, separated by
 * commas like their parameters (RFC 9110 §11.6.1). Other schemes, unknown algorithms and control characters are left out.
 */
export function parseChallenges(values: readonly string[]): DigestChallenge[] {
  return values
    .filter((value) => !hasControl(value))
    .flatMap(splitChallenges)
    .flatMap((parameters) => {
      const challenge = toChallenge(parameters);
      return challenge === undefined ? [] : [challenge];
    });
}

const schemeStart = /^([A-Za-z][A-Za-z0-9-]*)\s+(?==?[^=\s])(.*)$/s;

function splitChallenges(value: string): Map<string, string>[] {
  const challenges: Map<string, string>[] = [];
  let current: Map<string, string> | undefined;
  for (const part of splitOutside(value, ',')) {
    const match = schemeStart.exec(part);
    const parameter = match === null ? part : (match[2] ?? '');
    if (match !== null) {
      current = match[1]?.toLowerCase() === 'digest' ? new Map() : undefined;
      if (current !== undefined) challenges.push(current);
    }
    const equals = parameter.indexOf('=');
    if (equals > 0)
      current?.set(
        parameter.slice(0, equals).trim().toLowerCase(),
        unquote(parameter.slice(equals + 1).trim()),
      );
  }
  return challenges;
}

function toChallenge(parameters: ReadonlyMap<string, string>): DigestChallenge | undefined {
  const realm = parameters.get('realm');
  const nonce = parameters.get('nonce');
  const algorithmText = parameters.get('algorithm');
  const algorithm = algorithms.get((algorithmText ?? 'MD5').toLowerCase());
  if (realm === undefined || nonce === undefined || algorithm === undefined) return undefined;
  return {
    realm,
    nonce,
    algorithm,
    algorithmText,
    opaque: parameters.get('opaque'),
    qop: (parameters.get('qop') ?? '')
      .toLowerCase()
      .split(',')
      .map((quality) => quality.trim())
      .filter(Boolean),
    stale: parameters.get('stale')?.toLowerCase() === 'true',
  };
}
