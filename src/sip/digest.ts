import { createHash, randomBytes } from 'node:crypto';
import { type DigestChallenge, parseChallenges } from './digest-challenge.ts';
import { headerLine, toWire } from './header-line.ts';
import type { Headers } from './message.ts';

const realmsKept = 8;

export interface DigestCredentials {
  readonly user: string;
  readonly password: string;
}

export interface DigestRequest {
  readonly method: string;
  /** Request-URI as it is written on the wire. */
  readonly uri: string;
  readonly body: string;
}

/**
 * The client's half of digest authentication (RFC 7616, RFC 8760 for SIP) over the life of one registration or call: it
 * remembers how often each nonce was used and gives up when a peer refuses what it got.
 */
export class DigestClient {
  readonly #credentials: DigestCredentials;
  readonly #makeCnonce: () => string;
  readonly #nonceCounts = new Map<string, number>();
  readonly #answered = new Set<string>();
  /** What was answered last, for requests that need not be challenged again. */
  readonly #accepted = new Map<string, { challenge: DigestChallenge; proxy: boolean }>();

  constructor(
    credentials: DigestCredentials,
    makeCnonce: () => string = () => randomBytes(12).toString('hex'),
  ) {
    this.#credentials = credentials;
    this.#makeCnonce = makeCnonce;
  }

  /**
   * Header lines that answer a 401 or 407; undefined when there is nothing that can be answered or when the credentials were
   * refused: the same realm challenges again and does not call the nonce stale.
   */
  answer(status: number, headers: Headers, request: DigestRequest): string[] | undefined {
    const proxy = status === 407;
    const challenges = parseChallenges(headers.all(proxy ? 'proxy-authenticate' : 'www-authenticate'));
    const chosen = strongestPerRealm(challenges);
    if (chosen.length === 0 || chosen.some((challenge) => this.#refused(challenge, proxy))) return undefined;
    return chosen.map((challenge) => {
      const key = realmKey(challenge, proxy);
      this.#answered.add(key);
      if (this.#accepted.size < realmsKept) this.#accepted.set(key, { challenge, proxy });
      return this.#line(challenge, proxy, request);
    });
  }

  /**
   * Header lines for a request of the same kind as one that was challenged before, with the nonces of then and the next count
   * (RFC 7616 §3.3): one round trip instead of two while the peer still takes the nonce. Empty before the first challenge.
   */
  again(request: DigestRequest): string[] {
    return [...this.#accepted.values()].map(({ challenge, proxy }) => this.#line(challenge, proxy, request));
  }

  /** Starts a new request: realms may challenge again. */
  begin(): void {
    this.#answered.clear();
    if (this.#nonceCounts.size > 50) this.#nonceCounts.clear();
  }

  #line(challenge: DigestChallenge, proxy: boolean, request: DigestRequest): string {
    const name = proxy ? 'Proxy-Authorization' : 'Authorization';
    return headerLine(name, this.#authorization(challenge, request));
  }

  #refused(challenge: DigestChallenge, proxy: boolean): boolean {
    const key = realmKey(challenge, proxy);
    if (!this.#answered.has(key)) return false;
    if (!challenge.stale || this.#answered.has(`${key} stale`)) return true;
    this.#answered.add(`${key} stale`);
    return false;
  }

  #authorization(challenge: DigestChallenge, request: DigestRequest): string {
    const count = (this.#nonceCounts.get(challenge.nonce) ?? 0) + 1;
    this.#nonceCounts.set(challenge.nonce, count);
    const nc = count.toString(16).padStart(8, '0');
    const cnonce = this.#makeCnonce();
    const qop = chooseQop(challenge);
    const response = digestResponse(challenge, this.#credentials, request, { qop, nc, cnonce });
    const parameters = [
      `username=${quote(toWire(this.#credentials.user))}`,
      `realm=${quote(challenge.realm)}`,
      `nonce=${quote(challenge.nonce)}`,
      `uri=${quote(request.uri)}`,
      `response="${response}"`,
    ];
    if (challenge.algorithmText !== undefined) parameters.push(`algorithm=${challenge.algorithm}`);
    if (challenge.opaque !== undefined) parameters.push(`opaque=${quote(challenge.opaque)}`);
    if (qop !== undefined) parameters.push(`qop=${qop}`, `nc=${nc}`, `cnonce="${cnonce}"`);
    else if (challenge.algorithm.endsWith('-sess')) parameters.push(`cnonce="${cnonce}"`);
    return `Digest ${parameters.join(', ')}`;
  }
}

/** `more` in place of what answered the same realm before. */
export function withCredentials(present: readonly string[], more: readonly string[]): string[] {
  const replaced = new Set(more.map(realmOf));
  return [...present.filter((line) => !replaced.has(realmOf(line))), ...more];
}

function realmOf(line: string): string {
  return `${line.slice(0, line.indexOf(':'))} ${/[\s,]realm=("(?:[^"\\]|\\.)*")/.exec(line)?.[1]}`;
}

function realmKey(challenge: DigestChallenge, proxy: boolean): string {
  return `${proxy ? 'proxy' : 'server'} ${challenge.realm}`;
}

/** RFC 8760 §2.4: the server lists what it likes best first; a weaker algorithm is taken only when no stronger one is offered. */
function strongestPerRealm(challenges: readonly DigestChallenge[]): DigestChallenge[] {
  const chosen = new Map<string, DigestChallenge>();
  for (const challenge of challenges) {
    const present = chosen.get(challenge.realm);
    if (present === undefined || (!isSha(present) && isSha(challenge)))
      chosen.set(challenge.realm, challenge);
  }
  return [...chosen.values()];
}

function isSha(challenge: DigestChallenge): boolean {
  return challenge.algorithm.startsWith('SHA');
}

function chooseQop(challenge: DigestChallenge): 'auth' | 'auth-int' | undefined {
  if (challenge.qop.includes('auth')) return 'auth';
  return challenge.qop.includes('auth-int') ? 'auth-int' : undefined;
}

export interface DigestInputs {
  readonly qop: 'auth' | 'auth-int' | undefined;
  /** Nonce count, eight hexadecimal digits. */
  readonly nc: string;
  readonly cnonce: string;
}

/** The `response` parameter (RFC 7616 §3.4.1). */
export function digestResponse(
  challenge: DigestChallenge,
  credentials: DigestCredentials,
  request: DigestRequest,
  inputs: DigestInputs,
): string {
  const hash = hashOf(challenge);
  const identity = hash(`${toWire(credentials.user)}:${challenge.realm}:${toWire(credentials.password)}`);
  const ha1 = challenge.algorithm.endsWith('-sess')
    ? hash(`${identity}:${challenge.nonce}:${inputs.cnonce}`)
    : identity;
  const bodyHash = inputs.qop === 'auth-int' ? `:${hash(toWire(request.body))}` : '';
  const ha2 = hash(`${request.method}:${request.uri}${bodyHash}`);
  if (inputs.qop === undefined) return hash(`${ha1}:${challenge.nonce}:${ha2}`);
  return hash(`${ha1}:${challenge.nonce}:${inputs.nc}:${inputs.cnonce}:${inputs.qop}:${ha2}`);
}

function hashOf({ algorithm }: DigestChallenge): (text: string) => string {
  const sha = algorithm.startsWith('SHA-512-256') ? 'sha512-256' : 'sha256';
  const name = algorithm.startsWith('SHA') ? sha : 'md5';
  return (text) => createHash(name).update(text, 'latin1').digest('hex');
}

/** Realm, nonce and opaque go back byte for byte; only what would end the quoted string is escaped. */
function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
