import { EXIT_CODE } from './exit-code.js';

/**
 * What becomes of a program whose output cannot be written: whoever reads it has had enough, as
 * `head` does, and that is no failure; anything else is one.
 */
export function endWithReader(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? EXIT_CODE.done : EXIT_CODE.error);
}
