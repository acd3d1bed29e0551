// The page docs/recipe-bugs.md, made of the list of bugs: a test compares them, so that the page
// cannot say anything that is not planted and found.
import { ABSENT_BUGS } from './absent-bugs.js';
import type { RecipeBug } from './recipe-bug.js';

/** The headings, and the first words of the ids that stand under each. */
const PARTS: readonly (readonly [heading: string, ...words: string[]])[] = [
  ['Sessions and waiting', 'session', 'wait'],
  ['Locks and read/write locks', 'lock', 'rw'],
  ['Elections', 'election', 'transfer'],
  ['Semaphores', 'semaphore'],
  ['Barriers and latches', 'barrier', 'double', 'latch'],
  ['Queues', 'queue'],
  ['Memberships, counters and sequences', 'membership', 'counter', 'sequence'],
  ['Transactions, caches and views', 'stm', 'cache', 'view'],
  ['Reboot coordination', 'reboot'],
  ['Configuration and rollouts', 'config', 'rollout'],
];

const INTRODUCTION = `# Bugs of recipes

Coordination libraries have shipped the same bugs again and again. Each that is known to us, and
each that ours is one line away from, is planted in a copy of the compiled recipes, one at a time;
the test that is named for it has to fail, and has to pass without it. The rows are made of
\`test/mutants/recipes\`, and a test compares them with this page: \`TIDELOCK_REWRITE=1\` writes it
anew. With \`TIDELOCK_CI=1\` all are planted, otherwise two.

"Found by" has the file below \`test/recipes\` and a part of the title of the test. Where nothing is
said of where a bug was seen, it is one that was never shipped to our knowledge.
`;

/** @throws Error when an id belongs under no heading */
export function recipeBugsPage(bugs: readonly RecipeBug[]): string {
  const known = new Set(PARTS.flatMap(([, ...words]) => words));
  const stray = bugs.find(({ id }) => !known.has(wordOf(id)));
  if (stray !== undefined) throw new Error(`no heading is for the bug ${stray.id}`);
  const parts = PARTS.map(([heading, ...words]) => {
    const rows = bugs.filter(({ id }) => words.includes(wordOf(id))).map(rowOf);
    const head = ['| | bug | seen in | found by |', '|---|---|---|---|'];
    return [`## ${heading}\n`, ...head, ...rows, ''].join('\n');
  });
  const absent = ABSENT_BUGS.map(({ bug, precedent, why }) => `- ${bug} (${precedent}): ${why}.`);
  return [
    INTRODUCTION,
    `${bugs.length} bugs are planted.\n`,
    ...parts,
    '## What cannot be planted\n',
    ...absent,
    '',
  ].join('\n');
}

function wordOf(id: string): string {
  return id.split('-')[0] ?? '';
}

function rowOf({ id, bug, precedent, suite, title }: RecipeBug): string {
  const file = suite.replace(/\.test\.js$/, '');
  return `| \`${id}\` | ${bug} | ${precedent ?? ''} | \`${file}\`: ${title} |`;
}
