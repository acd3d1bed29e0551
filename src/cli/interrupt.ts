import { EXIT_CODE } from './exit-code.js';

/**
 * Ctrl-C and its relatives as an AbortSignal, so that a command can give back what it holds before
 * it ends. The second one ends the process at once. Owns the process's signal handlers until
 * disposed.
 */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  #name: NodeJS.Signals | undefined;
  readonly #listen = (name: NodeJS.Signals): void => {
    if (this.#name !== undefined) process.exit(EXIT_CODE.interrupted);
    this.#name = name;
    this.#controller.abort(new Error(`interrupted by ${name}`));
  };

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#listen);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Which signal it was; undefined while there was none. */
  get name(): NodeJS.Signals | undefined {
    return this.#name;
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#listen);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
