import type { KeyLayout } from '../base/key-layout.js';

/** Where one lock keeps what. */
export interface LockKeys {
  /** Prefix of the entries: the oldest holds, the others wait, by create revision. */
  readonly queue: string;
  /** Prefix of what keeps others out for a while after a hold was lost. */
  readonly delay: string;
  /** The note of whoever broke the lock last. */
  readonly broken: string;
}

export function lockKeys(name: string): LockKeys {
  return { queue: `${name}/q/`, delay: `${name}/@delay/`, broken: `${name}/@broken` };
}

const recipe = 'lock';
const version = 1;

/** The keys of a lock. A multi-lock has the same ones, of each of its locks. */
export const LOCK_LAYOUT: readonly KeyLayout[] = [
  {
    recipe,
    version,
    pattern: '<name>/q/<lease>-<nonce>',
    meaning: 'somebody holds lock <name>, or waits for it, in the order of create revisions',
    value: '{identity, sinceMs, metadata}',
    lease: 'the session of the holder or waiter',
  },
  {
    recipe,
    version,
    pattern: '<name>/@delay/<lease>-<nonce>',
    meaning: 'lock <name> is given to nobody else while this is there, should its holder be lost',
    value: '{identity, sinceMs, metadata} of the holder',
    lease: 'one that outlives the session of the holder by the delay',
  },
  {
    recipe,
    version,
    pattern: '<name>/@broken',
    meaning: 'lock <name> was broken by an administrator, the last time so far',
    value: '{key, by, reason, sinceMs, nonce}: the key that was deleted with it',
    lease: 'none: it tells the holder and people why',
  },
];
