import type { Kind } from './kinds.ts';

/** Everything that is known about one setting; the readers of all sources and the table in docs/configuration.md follow it. */
export interface Option<T = unknown, Fallback = T | undefined> {
  readonly kind: Kind<T>;
  /** What it is for, for the table and `--help`. */
  readonly about: string;
  /** Long option of the command line. */
  readonly flag?: string;
  /** Environment variables, the first one that is set counts. */
  readonly environment: readonly string[];
  /** Keys of sip-communicator.properties: `sip:` and `jabber:` in the first account of that protocol, `jigasi:` global. */
  readonly properties: readonly string[];
  readonly fallback: Fallback;
  /** Says what is used when `fallback` cannot: it depends on other settings or on the machine. */
  readonly fallbackText?: string;
  /** Its value is never shown, and each variable also works as `…_FILE`, the YAML key as `…File`. */
  readonly secret?: true;
}

type Details = Partial<Pick<Option, 'flag' | 'environment' | 'properties' | 'fallbackText' | 'secret'>>;

/** A setting that may be left out. */
export function optional<T>(kind: Kind<T>, about: string, details: Details): Option<T, undefined> {
  return { environment: [], properties: [], ...details, kind, about, fallback: undefined };
}

/** A setting that always has a value. */
export function withDefault<T>(kind: Kind<T>, fallback: T, about: string, details: Details): Option<T, T> {
  return { environment: [], properties: [], ...details, kind, about, fallback };
}
