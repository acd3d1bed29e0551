/** What a test and the process that runs its command lines say to each other. */

/** One command line. */
export interface WarmJob {
  readonly words: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** What stands in its standard input. */
  readonly input: string | Uint8Array;
}

/** Stands behind all that a command wrote, in both outputs; no command writes it. */
export const END_MARK = '\u0000the end\u0000';
