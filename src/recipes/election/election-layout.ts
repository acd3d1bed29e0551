import type { KeyLayout } from '../base/key-layout.js';

/** Where one election keeps what. */
export interface ElectionKeys {
  /** Everything of the election is under it. */
  readonly all: string;
  /** Prefix of the candidates, by create revision. */
  readonly candidates: string;
  /** The owner key: who has it leads. */
  readonly leader: string;
  /** For people: since when. */
  readonly term: string;
}

export function electionKeys(name: string): ElectionKeys {
  const all = `${name}/`;
  return { all, candidates: `${all}c/`, leader: `${all}leader`, term: `${all}@term` };
}

const recipe = 'election';
const version = 1;

/** The keys of an election. */
export const ELECTION_LAYOUT: readonly KeyLayout[] = [
  {
    recipe,
    version,
    pattern: '<name>/c/<lease-nonce>',
    meaning: 'somebody stands for election <name>, in the order of create revisions',
    value: 'what the candidate proclaims',
    lease: 'the session of the candidate',
  },
  {
    recipe,
    version,
    pattern: '<name>/leader',
    meaning: 'election <name> has a leader; the mod revision is its term',
    value: 'the id of the leading candidate, which is the last part of its key',
    lease: 'the session of the leader',
  },
  {
    recipe,
    version,
    pattern: '<name>/@term',
    meaning: 'the leader of election <name> leads since some time; it decides nothing',
    value: '{candidate, sinceMs}',
    lease: 'the session of the leader',
  },
];
