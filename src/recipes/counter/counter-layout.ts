import type { KeyLayout } from '../base/key-layout.js';

export function counterKey(name: string): string {
  return `${name}/@counter`;
}

export function sequenceKey(name: string): string {
  return `${name}/@sequence`;
}

/** The keys of counters and sequences. */
export const COUNTER_LAYOUT: readonly KeyLayout[] = [
  {
    recipe: 'counter',
    version: 1,
    pattern: '<name>/@counter',
    meaning: 'counter <name> has a value',
    value: '{value, operations}: the value as decimal text, and the last operations with theirs',
    lease: 'none: it outlives every client',
  },
  {
    recipe: 'sequence',
    version: 1,
    pattern: '<name>/@sequence',
    meaning: 'numbers of sequence <name> were handed out',
    value: 'the first number that was not, as decimal text',
    lease: 'none: no number may come again',
  },
];
