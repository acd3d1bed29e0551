// The page docs/mutants.md, made of a run: what is told here is told by `npm run mutants` as well.
import { ABSENT, MUTANTS } from './catalogue.js';
import type { Mutant } from './mutant.js';

/** What the runner says of one mutant. */
export interface Row {
  readonly id: string;
  /** Why it was not found. */
  readonly survived?: string;
  readonly property?: string;
  readonly scenario?: string;
  readonly seed?: number;
  readonly simulatedSeconds?: number;
  readonly wallSeconds?: number;
}

const INTRODUCTION = `# Mutants

A simulation that finds nothing may have nothing to find, or be blind. So bugs are planted, most of
them bugs that somebody once made, and the simulation has to find each. \`npm run mutants\` does it:
it copies the compiled sources, changes a line of the copy, and plays seeds until a promise is found
broken. Then the same seed is played without the bug, and must break nothing. The built package has
no switch for any of this. \`--only 7,12\` plants some of them, \`--quick\` those that every check of
the repository plants, \`--seeds 500 --seconds 300\` hunts longer, \`-w json\` is for programs.

What finds a mutant is a check of a promise, by its name in [faults.md](faults.md); none knows of
the mutants. The seconds are those of simulated time, all seeds together, and those of the clock on
a machine with two busy cores. This page is written by \`npm run mutants -- --docs docs/mutants.md\`.
`;

export function mutantsPage(rows: readonly Row[]): string {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const found = rows.filter((row) => row.survived === undefined).length;
  const lines = MUTANTS.map((mutant) => lineOf(mutant, byId.get(mutant.id)));
  const notes = MUTANTS.filter(({ note }) => note !== undefined).map(
    ({ id, note }) => `- ${id}: ${note}.`,
  );
  const absent = ABSENT.map(({ id, bug, why }) => `- ${id}, ${bug}: ${why}.`);
  return [
    INTRODUCTION,
    `Found: ${found} of ${MUTANTS.length}.\n`,
    '| | bug | seen before in | found by | scenario | seed | simulated s | s |',
    '|---|---|---|---|---|---:|---:|---:|',
    ...lines,
    '\n## How some of them differ from the bug that they are named for\n',
    ...notes,
    '\n## What cannot be planted\n',
    ...absent,
    '',
  ].join('\n');
}

function lineOf({ id, bug, precedent }: Mutant, row: Row | undefined): string {
  const head = `| ${id} | ${bug} | ${precedent ?? ''} |`;
  if (row === undefined) return `${head} not planted | | | | |`;
  if (row.survived !== undefined) return `${head} **not found** | | | | |`;
  const { property, scenario, seed, simulatedSeconds, wallSeconds } = row;
  return `${head} ${property} | ${scenario} | ${seed} | ${simulatedSeconds} | ${wallSeconds} |`;
}
