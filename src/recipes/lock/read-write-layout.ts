import type { KeyLayout } from '../base/key-layout.js';

/** Where one read/write lock keeps what. */
export interface ReadWriteKeys {
  /** Everything of the lock is under it. */
  readonly all: string;
  /** Prefix of the entries of readers and writers, by create revision. */
  readonly queue: string;
  /** Prefix of the marks of those entries that want to write, or do. */
  readonly writers: string;
  /** The note of whoever broke an entry last. */
  readonly broken: string;
}

export function readWriteKeys(name: string): ReadWriteKeys {
  const all = `${name}/@rw/`;
  return { all, queue: `${all}q/`, writers: `${all}w/`, broken: `${all}broken` };
}

const recipe = 'read-write-lock';
const version = 1;

/** The keys of a read/write lock. */
export const READ_WRITE_LAYOUT: readonly KeyLayout[] = [
  {
    recipe,
    version,
    pattern: '<name>/@rw/q/<lease>-<nonce>',
    meaning:
      'somebody has read/write lock <name>, or waits for it, in the order of create revisions',
    value: '{identity, sinceMs, metadata}',
    lease: 'the session of the holder or waiter',
  },
  {
    recipe,
    version,
    pattern: '<name>/@rw/w/<lease>-<nonce>',
    meaning: 'the entry of that id in read/write lock <name> is a writer, not a reader',
    value: 'empty',
    lease: 'the session of the writer',
  },
  {
    recipe,
    version,
    pattern: '<name>/@rw/broken',
    meaning: 'an entry of read/write lock <name> was broken by an administrator',
    value: '{key, by, reason, sinceMs, nonce}: the key that was deleted with it',
    lease: 'none: it tells the holder and people why',
  },
];
