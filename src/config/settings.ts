import { type Option, type OptionKey, type OptionValue, optionKeys, options } from './options.ts';
import type { Problem } from './problem.ts';

/** A value as a source gave it, not yet looked at. */
export interface Given {
  readonly raw: unknown;
  /** For the operator, e.g. `environment XMPP_PORT`. */
  readonly from: string;
}

export type Source = ReadonlyMap<OptionKey, Given>;

/** Settings that count where the sources say nothing. */
interface Base {
  readonly settings: Settings;
  /** Keys of which they do not. */
  readonly without: ReadonlySet<OptionKey>;
}

/** What the sources say about each option. */
export class Settings {
  readonly #given = new Map<OptionKey, Given>();
  readonly #values = new Map<OptionKey, unknown>();
  readonly #base: Base | undefined;
  /** About the values of `sources`; the base has its own. */
  readonly problems: Problem[] = [];

  /** `sources` in order of precedence; a value that is overridden is not even checked. */
  constructor(sources: readonly Source[], base?: Base) {
    this.#base = base;
    for (const key of optionKeys) {
      const given = sources.find((source) => source.has(key))?.get(key);
      if (given !== undefined) this.#read(key, given);
    }
  }

  value<K extends OptionKey>(key: K): OptionValue<K> {
    const base = this.#baseOf(key);
    if (base !== undefined) return base.value(key);
    // The map holds for each key what its own schema gave.
    return (this.#values.get(key) ?? options[key].fallback) as OptionValue<K>;
  }

  /** Where the value came from; undefined: it is the default. */
  from(key: OptionKey): string | undefined {
    return this.#given.get(key)?.from ?? this.#baseOf(key)?.from(key);
  }

  #baseOf(key: OptionKey): Settings | undefined {
    if (this.#given.has(key) || this.#base?.without.has(key)) return undefined;
    return this.#base?.settings;
  }

  #read(key: OptionKey, given: Given): void {
    this.#given.set(key, given);
    const option: Option = options[key];
    const parsed = option.kind.schema.safeParse(given.raw);
    if (parsed.success) {
      this.#values.set(key, parsed.data);
      return;
    }
    const shown = option.secret ? 'the value' : show(given.raw);
    this.problems.push({
      from: given.from,
      what: `${shown} is not valid`,
      remedy: `Give ${option.kind.expects}.`,
    });
  }
}

function show(raw: unknown): string {
  const text = typeof raw === 'string' ? raw : JSON.stringify(raw);
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
