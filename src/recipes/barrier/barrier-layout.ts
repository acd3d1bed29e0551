import type { KeyLayout } from '../base/key-layout.js';

/** The key of a barrier: it is closed while the key exists. */
export function barrierKeys(name: string): { readonly all: string; readonly closed: string } {
  const all = `${name}/@barrier/`;
  return { all, closed: `${all}closed` };
}

const version = 1;

/** The keys of a barrier. */
export const BARRIER_LAYOUT: readonly KeyLayout[] = [
  {
    recipe: 'barrier',
    version,
    pattern: '<name>/@barrier/closed',
    meaning: 'barrier <name> is closed',
    value: '{identity, sinceMs, metadata, nonce}',
    lease: 'the session of who holds it closed; none when it was closed until somebody opens it',
  },
];

/** The keys of a double barrier. */
export const DOUBLE_BARRIER_LAYOUT: readonly KeyLayout[] = [
  {
    recipe: 'double-barrier',
    version,
    pattern: '<name>/@rendezvous/generation',
    meaning: 'double barrier <name> has opened for every generation before the one in the value',
    value: '{generation}: the one that gathers now',
    lease: 'none: it outlives all members',
  },
  {
    recipe: 'double-barrier',
    version,
    pattern: '<name>/@rendezvous/member/<generation>/<lease>-<nonce>',
    meaning: 'somebody waits at double barrier <name> in this generation, or has not left it yet',
    value: '{identity, sinceMs, metadata}',
    lease: 'the session of the member',
  },
];

/** The keys of a latch. */
export const LATCH_LAYOUT: readonly KeyLayout[] = [
  {
    recipe: 'latch',
    version,
    pattern: '<name>/@latch/state',
    meaning: 'latch <name> has a round that needs a count',
    value: '{round, count, isOpen, nonce}',
    lease: 'none: the count is data',
  },
  {
    recipe: 'latch',
    version,
    pattern: '<name>/@latch/down/<round>/<id>',
    meaning: '<id> has counted latch <name> down in this round',
    value: '{identity, sinceMs, metadata}',
    lease: 'none: what was counted stays counted when the counter dies',
  },
];

/** Whether something can be counted by a number: from 1 on, and with one that comes after it. */
export function isOrdinal(value: number): boolean {
  return value >= 1 && Number.isSafeInteger(value) && Number.isSafeInteger(value + 1);
}

/** A number as a segment of a key, so that keys are in the order of numbers. */
export function numberSegment(value: number): string {
  return String(value).padStart(10, '0');
}
