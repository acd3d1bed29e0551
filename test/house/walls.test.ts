/**
 * Proves that the first lock on a room's door is real: with the project references of this very
 * repository, the compiler refuses an import of every room that cannot be reached through the
 * table, type-only imports included, and a pure room cannot name what belongs to its host. A room
 * that is reached through another one (mvcc → codec → raft) the compiler lets in: the linter
 * refuses it.
 */
import assert from 'node:assert/strict';
import { type Outcome, PlantedHouse } from './planted-house.js';
import { ROOMS } from './rooms.js';

const HOST_NAMES = ['setTimeout', 'process', 'Buffer', 'performance', 'fetch'] as const;

describe('house/walls', () => {
  let house: PlantedHouse;

  before(() => {
    house = new PlantedHouse();
    for (const { name } of ROOMS.filter((room) => room.name !== '.')) {
      house.plant(`src/${name}/here.ts`, 'export interface Here {\n  readonly here: true;\n}\n');
    }
    house.plant('src/index.ts', 'export {};\n');
  });
  after(() => house.remove());

  it('lets every allowed import through', async () => {
    for (const room of ROOMS.filter(({ name }) => name !== '.')) {
      house.plant(`src/${room.name}/planted.ts`, importsOf(room.name, room.mayImport));
    }
    const { code, output } = await compile(house, ['src/simulation', 'src/cli', 'src/kernel']);
    assert.equal(code, 0, output);
  });

  for (const { name } of ROOMS.filter((room) => room.name !== '.')) {
    it(`refuses what ${name} may not import`, async () => {
      const room = ROOMS.find((candidate) => candidate.name === name);
      assert.ok(room !== undefined);
      const reached = closureOf(name);
      const others = ROOMS.map((other) => other.name).filter(
        (other) => other !== '.' && !reached.has(other),
      );
      house.plant(`src/${name}/planted.ts`, importsOf(name, others));
      const { code, output } = await compile(house, [`src/${name}`]);
      assert.notEqual(code, 0);
      for (const other of others) {
        const refused = new RegExp(`TS6307:.*src/${other}/here\\.ts`);
        assert.match(output, refused, `${name} could import ${other}`);
      }
      house.plant(`src/${name}/planted.ts`, importsOf(name, room.mayImport));
    });
  }

  it('hides the host from a pure room', async () => {
    const lines = HOST_NAMES.map((word) => `export const ${word}Here = ${word};`);
    const text = [...lines, "import 'node:fs';", ''].join('\n');
    house.plant('src/kernel/raft/planted.ts', text);
    const { output } = await compile(house, ['src/kernel/raft']);
    for (const word of [...HOST_NAMES, 'node:fs']) {
      assert.match(output, new RegExp(`error TS\\d+: Cannot find .*'${word}'`), `${word} is known`);
    }
    house.plant('src/kernel/raft/planted.ts', 'export {};\n');
  });
});

/** The room itself and every room that its imports lead to. */
function closureOf(name: string): ReadonlySet<string> {
  const reached = new Set([name]);
  for (const one of reached) {
    for (const next of ROOMS.find((room) => room.name === one)?.mayImport ?? []) reached.add(next);
  }
  return reached;
}

function importsOf(name: string, others: readonly string[]): string {
  const up = '../'.repeat(name.split('/').length);
  return others
    .map((other, index) => `export type { Here as H${index} } from '${up}${other}/here.js';\n`)
    .concat('export {};\n')
    .join('');
}

function compile(house: PlantedHouse, projects: readonly string[]): Promise<Outcome> {
  return house.run('tsc', '-b', '--pretty', 'false', ...projects);
}
