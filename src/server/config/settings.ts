import { ConfigError } from './config-error.js';
import { environmentNames, FLAGS } from './flags.js';

/** What was given for a flag, and under which name, so that a complaint can point there. */
export interface Setting {
  readonly source: string;
  readonly text: string;
  /** False when it is only the default. */
  readonly given: boolean;
}

/** Flags as they were given, by their names without dashes in front; `true` for a switch. */
export type GivenFlags = Readonly<Record<string, string | boolean | undefined>>;
/** Environment variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the text of each flag: the flag itself, else its environment variables, else its default.
 * Reads values into numbers, durations and choices, and refuses what does not fit.
 */
export class Settings {
  readonly #flags: GivenFlags;
  readonly #env: Environment;
  readonly #defaults = new Map(FLAGS.map((flag) => [flag.name, flag.default]));

  constructor(flags: GivenFlags, env: Environment) {
    this.#flags = flags;
    this.#env = env;
  }

  get(name: string): Setting {
    const given = this.#flags[name];
    if (given !== undefined) return { source: `--${name}`, text: String(given), given: true };
    for (const variable of environmentNames(name)) {
      const text = this.#env[variable];
      if (text !== undefined && text !== '') return { source: variable, text, given: true };
    }
    return { source: `--${name}`, text: this.#defaults.get(name) ?? '', given: false };
  }

  boolean(name: string): boolean {
    const { source, text } = this.get(name);
    if (text === '') return false;
    const value = BOOLEANS.get(text);
    if (value !== undefined) return value;
    throw new ConfigError(source, text, 'is neither true nor false');
  }

  /** Whether the setting was given, and not only to say no. */
  isWanted(name: string): boolean {
    const { text, given } = this.get(name);
    return given && BOOLEANS.get(text) !== false;
  }

  /** Variables with etcd's prefix that are those of no flag: a slip, or another program's. */
  strangers(flags: readonly string[]): readonly string[] {
    const known = new Set(flags.flatMap(environmentNames));
    const given = Object.keys(this.#env).filter((name) => (this.#env[name] ?? '') !== '');
    return given.filter((name) => name.startsWith('ETCD_') && !known.has(name)).toSorted();
  }

  integer(name: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number {
    const { source, text } = this.get(name);
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const isOpen = most === Number.MAX_SAFE_INTEGER;
    const range = isOpen ? ` of ${least} or more` : ` from ${least} to ${most}`;
    const isAny = isOpen && least === Number.MIN_SAFE_INTEGER;
    throw new ConfigError(source, text, `is not a whole number${isAny ? '' : range}`);
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const { source, text } = this.get(name);
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    throw new ConfigError(source, text, `is not one of ${choices.join(', ')}`);
  }

  /** Milliseconds. */
  duration(name: string, leastMs: number): number {
    const { source, text } = this.get(name);
    const value = durationMs(text);
    if (value === undefined) {
      throw new ConfigError(source, text, 'is not a duration such as 500ms, 90s, 10m or 1h30m');
    }
    if (value >= leastMs) return value;
    throw new ConfigError(source, text, `is too short: ${leastMs}ms is the least`);
  }

  list(name: string): readonly string[] {
    const parts = this.get(name).text.split(',');
    return parts.map((part) => part.trim()).filter((part) => part !== '');
  }
}

/** What Go takes for yes and for no. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as Go writes it, in milliseconds; undefined when it is none. A bare 0 is one. */
export function durationMs(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^-?(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.exec(text);
  if (match === null) return undefined;
  let total = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(part[1]) * (UNIT_MS[part[2] ?? ''] ?? Number.NaN);
  }
  return text.startsWith('-') ? -total : total;
}
