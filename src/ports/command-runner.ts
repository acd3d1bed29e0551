/** Programs of the host, run to their end. */
export interface CommandRunner {
  /**
   * Runs a program and resolves when it has ended, however it did; rejects when it cannot be
   * started. Aborting ends the program, by force if need be.
   */
  run(command: Command, options: CommandOptions): Promise<CommandOutcome>;
}

/**
 * A program and its arguments, given to it as they are; or text for a shell, where every character
 * may have a meaning.
 */
export type Command = readonly [program: string, ...words: string[]] | { readonly shell: string };

/** What a command is given. */
export interface CommandOptions {
  readonly signal: AbortSignal;
  /** Added to the environment of this process. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How a command ended. */
export interface CommandOutcome {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  /** The end of what it wrote to its two outputs, at most some thousand characters. */
  readonly output: string;
}
