/**
 * Proves that the second lock bites: the linter's real settings, applied to planted faults, report
 * each of them, by its rule, in the file where it was planted; and a clean file passes.
 */
import assert from 'node:assert/strict';
import { PlantedHouse } from './planted-house.js';
import { LONE_IMPORTERS, ROOMS } from './rooms.js';

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

/** Path of a planted file, its text, and the rule that must name it. */
type Fault = readonly [path: string, rule: string, text: string];

const FAULTS: readonly Fault[] = [
  ['src/kernel/raft/clock-a.ts', 'no-restricted-globals', 'export const now = Date.now();\n'],
  ['src/recipes/clock-b.ts', 'no-restricted-globals', 'export const now = new Date();\n'],
  ['src/kernel/lease/dice.ts', 'no-restricted-properties', 'export const dice = Math.random();\n'],
  ['src/recipes/sleep.ts', 'no-restricted-globals', 'setTimeout(() => {}, 1);\n'],
  [
    'src/recipes/time.ts',
    'no-restricted-imports',
    "import { debounceTime } from 'rxjs';\nexport const calm = debounceTime(1);\n",
  ],
  ['src/kernel/wal/any.ts', 'no-explicit-any', 'export const loose = (x: any): unknown => x;\n'],
  [
    'src/kernel/codec/unsafe.ts',
    'no-unsafe-member-access',
    "export const deep: unknown = JSON.parse('{}').deep;\n",
  ],
  [
    'src/kernel/replica/floating.ts',
    'no-floating-promises',
    'export function forget(work: () => Promise<void>): void {\n  work();\n}\n',
  ],
  [
    'src/kernel/replica/misused.ts',
    'no-misused-promises',
    'export const lengths = [1].filter(async () => true);\n',
  ],
  [
    'src/kernel/apply/switch.ts',
    'switch-exhaustiveness-check',
    "export function f(kind: 'a' | 'b'): void {\n  switch (kind) {\n    case 'a':\n  }\n}\n",
  ],
  ['src/store/default.ts', 'no-default-export', 'export default 1;\n'],
  ['src/server/print.ts', 'no-console', "console.log('here');\n"],
  [
    'src/server/cycle-a.ts',
    'no-cycle',
    "import { b } from './cycle-b.js';\nexport const a = (): unknown => b;\n",
  ],
  [
    'src/server/cycle-b.ts',
    'no-cycle',
    "import { a } from './cycle-a.js';\nexport const b = (): unknown => a;\n",
  ],
  [
    'src/server/long.ts',
    'max-lines-per-function',
    `export function long(f: () => void): void {\n${'  f();\n'.repeat(71)}}\n`,
  ],
  ['examples/planted.ts', 'no-restricted-imports', "import '../src/store/index.js';\n"],
];

describe('house/lint', () => {
  let house: PlantedHouse;
  let reported: readonly Diagnostic[] = [];
  const wrongImports = roomFaults();

  before(async () => {
    house = new PlantedHouse();
    for (const [path, , text] of [...FAULTS, ...wrongImports]) house.plant(path, text);
    house.plant('src/recipes/clean.ts', "export type { Store } from '../store/index.js';\n");
    const { output } = await house.run(
      'oxlint',
      '--type-aware',
      '--format=json',
      'src',
      'examples',
    );
    reported = (JSON.parse(output) as { diagnostics: readonly Diagnostic[] }).diagnostics;
  });
  after(() => house.remove());

  const rulesOf = (path: string): readonly string[] =>
    reported.filter(({ filename }) => filename === path).map(({ code }) => code);

  for (const [path, rule] of FAULTS) {
    it(`reports ${rule} in ${path}`, () => {
      const found = rulesOf(path);
      assert.ok(
        found.some((code) => code.includes(`(${rule})`)),
        `reported: ${found.join()}`,
      );
    });
  }

  it('reports every import that the table of rooms refuses', () => {
    assert.ok(wrongImports.length > 150, `only ${wrongImports.length} were planted`);
    const missed = wrongImports.filter(
      ([path]) => !rulesOf(path).some((code) => code.includes('(no-restricted-imports)')),
    );
    assert.deepEqual(
      missed.map(([path]) => path),
      [],
    );
  });

  it('leaves a clean file alone', () => {
    assert.deepEqual(rulesOf('src/recipes/clean.ts'), []);
  });
});

/** One file for each pair of rooms, and of room and package, that the table does not allow. */
function roomFaults(): readonly Fault[] {
  const packages = [...new Set(ROOMS.flatMap((room) => room.packages))];
  return ROOMS.filter(({ name }) => name !== '.').flatMap((room) => {
    const up = '../'.repeat(room.name.split('/').length);
    const rooms = ROOMS.map(({ name }) => name)
      .filter((name) => name !== room.name && name !== '.' && !room.mayImport.includes(name))
      .map((name) => [name, `${up}${name}/index.js`] as const);
    const foreign = packages
      .filter((name) => !room.packages.includes(name) || name in LONE_IMPORTERS)
      .map((name) => [name, name] as const);
    const host = room.host === 'none' ? ([['node', 'node:fs']] as const) : [];
    return [...rooms, ...foreign, ...host].map(([name, specifier]): Fault => {
      const path = `src/${room.name}/planted-${name.replace(/\W/g, '-')}.ts`;
      return [path, 'no-restricted-imports', `export type * from '${specifier}';\n`];
    });
  });
}
