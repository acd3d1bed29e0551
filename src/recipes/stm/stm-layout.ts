import type { KeyLayout } from '../base/key-layout.js';

/** The prefix of the markers under a name. */
export function markerPrefix(name: string): string {
  return `${name}/@stm/`;
}

/** The keys of transactions with retries. */
export const STM_LAYOUT: readonly KeyLayout[] = [
  {
    recipe: 'stm',
    version: 1,
    pattern: '<name>/@stm/<lease-slot>',
    meaning: 'a client has written by transactions; the mod revision is that of its last one',
    value:
      'a number of that transaction alone, to know it again when its answer was lost; or settled',
    lease: 'the session of the client',
  },
];
