import { toText } from '../../store/index.js';
import { parseObject } from './note.js';

/**
 * What an administrator leaves when breaking a hold, in the revision that deletes the key of the
 * hold: so whoever held it can say who did it. It is read for the cause of a loss and by people,
 * and never decides anything.
 */
export interface BrokenNote {
  /** The key that was deleted. */
  readonly key: string;
  readonly by: string;
  readonly reason: string;
  /** Wall-clock milliseconds of whoever broke it. */
  readonly sinceMs: number | undefined;
  /** Tells this break from any other, so that one whose answer was lost finds itself. */
  readonly nonce: string;
}

export function encodeBroken(note: BrokenNote): string {
  return JSON.stringify(note);
}

/** The note that a value holds; undefined when it is none. */
export function decodeBroken(value: Uint8Array | undefined): BrokenNote | undefined {
  if (value === undefined) return undefined;
  const { key, by, reason, sinceMs, nonce } = parseObject(toText(value));
  if (typeof key !== 'string' || typeof by !== 'string' || typeof reason !== 'string') {
    return undefined;
  }
  return {
    key,
    by,
    reason,
    sinceMs: typeof sinceMs === 'number' ? sinceMs : undefined,
    nonce: typeof nonce === 'string' ? nonce : '',
  };
}
