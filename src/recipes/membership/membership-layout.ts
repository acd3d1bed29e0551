import type { KeyLayout } from '../base/key-layout.js';

/** The prefix of a group's members. */
export function membersPrefix(group: string): string {
  return `${group}/@members/`;
}

/** The keys of a group of members. */
export const MEMBERSHIP_LAYOUT: readonly KeyLayout[] = [
  {
    recipe: 'membership',
    version: 1,
    pattern: '<name>/@members/<id>',
    meaning: 'member <id> of group <name> is there; the create revision is its incarnation',
    value: '{identity, sinceMs, metadata, nonce}',
    lease: 'the session of the member',
  },
];
