/**
 * Files that other programs read, and that are replaced as a whole: the new content is written
 * beside the old one, can be looked at there, and then takes its name in one step.
 */
export interface StagedFiles {
  /** What a file holds now; undefined when there is none. Rejects when it cannot be read. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Writes `bytes` beside the file that they are meant for, durable when it resolves. */
  stage(path: string, bytes: Uint8Array, mode: number): Promise<StagedFile>;
}

/** New content that waits for its name. */
export interface StagedFile {
  /** Where it is meanwhile. */
  readonly path: string;
  /** Gives it its name, in place of the file that has it; durable when it resolves. */
  commit(): Promise<void>;
  /** Removes it, unless it was given its name. */
  discard(): Promise<void>;
}
