import type { OutputFormat } from './output.js';

/** What the commands on snapshot files may be told; to restore one takes more. */
export interface FileOptions {
  readonly writeOut: OutputFormat;
  readonly skipHashCheck?: boolean;
}
