import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type DigestCredentials, type DigestRequest, digestResponse } from './digest.ts';
import { type DigestAlgorithm, type DigestChallenge, parseChallenges } from './digest-challenge.ts';
import { headerLine, quoted } from './header-line.ts';
import type { Headers } from './message.ts';

export interface DigestServerOptions {
  readonly realm: string;
  readonly credentials: DigestCredentials;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

/** `stale`: right, but the nonce is too old or was used with this count before. */
export type Proof = 'proven' | 'stale' | 'missing' | 'wrong';

const nonceMs = 300_000;
const noncesKept = 10_000;
/** Best first (RFC 8760 §2.4); a phone that knows none of the new ones takes MD5. */
const offered: readonly [DigestAlgorithm, string][] = [
  ['SHA-512-256', 'SHA-512-256'],
  ['SHA-256', 'SHA-256'],
  ['MD5', 'MD5'],
];

/**
 * The server's half of digest authentication (RFC 7616, RFC 8760). A nonce carries its own time and seal, so that challenges
 * to strangers cost no memory; only nonces that were proven with are kept, with the highest count seen.
 */
export class DigestServer {
  readonly #options: DigestServerOptions;
  readonly #secret = randomBytes(32);
  readonly #counts = new Map<string, number>();

  constructor(options: DigestServerOptions) {
    this.#options = options;
  }

  /** Header lines of a 401. */
  challenge(stale = false): string[] {
    const { realm } = this.#options;
    const nonce = this.#nonce(this.#now());
    return offered.map(([, algorithm]) =>
      headerLine(
        'WWW-Authenticate',
        `Digest realm=${quoted(realm)}, nonce="${nonce}", qop="auth,auth-int", algorithm=${algorithm}${stale ? ', stale=true' : ''}`,
      ),
    );
  }

  /** Checks what a request brings against the credentials; `uri` is its Request-URI. */
  check(headers: Headers, request: DigestRequest): Proof {
    const { realm, credentials } = this.#options;
    const answers = headers
      .all('authorization')
      .filter((value) => parametersOf(value).get('realm') === realm);
    const answer = answers[0];
    if (answer === undefined) return 'missing';
    // An Authorization has the parameters of its challenge, and more (RFC 7616 §3.4).
    const [challenge] = parseChallenges([answer]);
    const parameters = parametersOf(answer);
    const qop = qopOf(parameters.get('qop'));
    if (challenge === undefined || qop === undefined || parameters.get('username') !== credentials.user)
      return 'wrong';
    if (parameters.get('uri') !== request.uri) return 'wrong';
    const inputs = { qop, nc: parameters.get('nc') ?? '', cnonce: parameters.get('cnonce') ?? '' };
    const expected = digestResponse(challenge, credentials, request, inputs);
    if (!equal(expected, parameters.get('response') ?? '')) return 'wrong';
    return this.#fresh(challenge, inputs.nc) ? 'proven' : 'stale';
  }

  /** Ours, young enough, and with a count that is higher than all before: a copy of the request proves nothing. */
  #fresh({ nonce }: DigestChallenge, nc: string): boolean {
    const made = Number.parseInt(nonce.slice(0, 12), 16);
    if (!Number.isSafeInteger(made) || !equal(this.#nonce(made, nonce.slice(12, 28)), nonce)) return false;
    const count = /^[0-9a-f]{8}$/i.test(nc) ? Number.parseInt(nc, 16) : 0;
    if (this.#now() - made > nonceMs || count <= (this.#counts.get(nonce) ?? 0)) return false;
    if (this.#counts.size >= noncesKept) this.#counts.clear();
    this.#counts.set(nonce, count);
    return true;
  }

  #nonce(at: number, salt = randomBytes(8).toString('hex')): string {
    const time = at.toString(16).padStart(12, '0');
    const seal = createHmac('sha256', this.#secret).update(`${time} ${salt}`).digest('hex').slice(0, 32);
    return `${time}${salt}${seal}`;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

/** User of the first proof that a request brings. */
export function digestUser(headers: Headers): string | undefined {
  const [answer] = headers.all('authorization');
  return answer === undefined ? undefined : parametersOf(answer).get('username');
}

function parametersOf(value: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const pattern = /([A-Za-z]{1,20})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gs;
  for (const [, name = '', text, token] of value.slice(0, 4_096).matchAll(pattern)) {
    parameters.set(name.toLowerCase(), text === undefined ? (token ?? '') : text.replace(/\\(.)/gs, '$1'));
  }
  return parameters;
}

function qopOf(text: string | undefined): 'auth' | 'auth-int' | undefined {
  const name = text?.toLowerCase();
  return name === 'auth' || name === 'auth-int' ? name : undefined;
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
