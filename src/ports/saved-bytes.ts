/**
 * One piece of bytes that outlives the process, such as a file: what a cache is kept in. Saving
 * replaces it as a whole, and whoever loads finds the old bytes or the new ones, never a mixture.
 */
export interface SavedBytes {
  /** The bytes; undefined when nothing was ever saved. Rejects when they cannot be read. */
  load(): Promise<Uint8Array | undefined>;
  /** Durable when it resolves. Calls are made one after the other. */
  save(bytes: Uint8Array): Promise<void>;
}
