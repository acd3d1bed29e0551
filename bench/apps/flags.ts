import { parseArgs } from 'node:util';

/**
 * Flags of the load programs, which only the rows call: all given, all as `--name value`.
 */
export class Flags {
  readonly #values: Readonly<Record<string, string | undefined>>;

  constructor(names: readonly string[]) {
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
    this.#values = parseArgs({ options }).values;
  }

  /** @throws Error when it was not given */
  text(name: string): string {
    const value = this.#values[name];
    if (value === undefined) throw new Error(`--${name} is missing`);
    return value;
  }

  /** @throws Error when it was not given, or is no number */
  number(name: string): number {
    const value = Number(this.text(name));
    if (!Number.isFinite(value)) throw new Error(`--${name} is not a number`);
    return value;
  }
}
