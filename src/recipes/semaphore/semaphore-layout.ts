import type { KeyLayout } from '../base/key-layout.js';

/** Where one semaphore keeps what. */
export interface SemaphoreKeys {
  /** Everything of the semaphore is under it. */
  readonly all: string;
  readonly limit: string;
  /** Changed by every grant, so that no grant can rest on an old count. */
  readonly epoch: string;
  /** Prefix of those who wait, by create revision. */
  readonly line: string;
  /** Prefix of those who hold. */
  readonly held: string;
}

export function semaphoreKeys(name: string): SemaphoreKeys {
  const all = `${name}/@semaphore/`;
  return {
    all,
    limit: `${all}limit`,
    epoch: `${all}epoch`,
    line: `${all}line/`,
    held: `${all}held/`,
  };
}

const recipe = 'semaphore';
const version = 1;

/** The keys of a semaphore. */
export const SEMAPHORE_LAYOUT: readonly KeyLayout[] = [
  {
    recipe,
    version,
    pattern: '<name>/@semaphore/limit',
    meaning: 'semaphore <name> has a limit',
    value: '{limit, order}: permits in all, and "fifo" or "firstFit"',
    lease: 'none: the limit is data',
  },
  {
    recipe,
    version,
    pattern: '<name>/@semaphore/epoch',
    meaning: 'permits of semaphore <name> were granted; its mod revision is that of the last grant',
    value: 'empty',
    lease: 'none: it outlives every holder',
  },
  {
    recipe,
    version,
    pattern: '<name>/@semaphore/line/<lease>-<nonce>',
    meaning: 'somebody waits for permits of semaphore <name>, in the order of create revisions',
    value: '{identity, sinceMs, metadata, weight}',
    lease: 'the session of who waits',
  },
  {
    recipe,
    version,
    pattern: '<name>/@semaphore/held/<lease>-<nonce>',
    meaning: 'somebody holds permits of semaphore <name> since the create revision',
    value: '{identity, sinceMs, metadata, weight}',
    lease: 'the session of the holder',
  },
];
