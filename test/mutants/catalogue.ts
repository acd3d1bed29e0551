// Every bug that is planted, and those of the list that cannot be.
import { ELECTION_MUTANTS } from './consensus-mutants.js';
import { GUARD_MUTANTS } from './guard-mutants.js';
import { MEMBERSHIP_MUTANTS } from './membership-mutants.js';
import type { Absent, Mutant } from './mutant.js';
import { RECIPE_MUTANTS } from './recipe-mutants.js';
import { STORAGE_MUTANTS } from './storage-mutants.js';
import { LEASE_MUTANTS, WATCH_MUTANTS } from './store-mutants.js';

export const MUTANTS: readonly Mutant[] = [
  ...ELECTION_MUTANTS,
  ...MEMBERSHIP_MUTANTS,
  ...STORAGE_MUTANTS,
  ...WATCH_MUTANTS,
  ...LEASE_MUTANTS,
  ...RECIPE_MUTANTS,
  ...GUARD_MUTANTS,
];

export const ABSENT: readonly Absent[] = [
  {
    id: '34',
    bug: 'permissions are not read again after a restart or a state that arrived',
    why: 'there are no users and permissions yet',
  },
  {
    id: '52',
    bug: 'a permission is not asked for in a nested operation',
    why: 'there are no users and permissions yet',
  },
];
