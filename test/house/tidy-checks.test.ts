/**
 * Proves that the checks behind the tidy test find what they are there for: each is given a planted
 * fault, and a clean sample beside it.
 */
import assert from 'node:assert/strict';
import { tableProblems } from './architecture-table.js';
import { findImports } from './import-scan.js';
import { ROOMS, roomOf } from './rooms.js';
import { importProblems } from './tidy-imports.js';
import { linkProblems } from './tidy-links.js';
import { textProblems } from './tidy-text.js';

const OPENING = '/** Owns nothing. */\n';

describe('house/tidy checks', () => {
  it('reads every form of import', () => {
    const source = [
      "import { a, type B } from './a.js';",
      "import type { C } from '../c.js';",
      "import {\n  type D,\n  type E,\n} from 'd';",
      "export { f } from '@scope/f/deep';",
      "export * from './g.js';",
      "import './h.js';",
      "const i = await import('node:fs');",
      "const text = 'import nothing from here';",
    ].join('\n');
    assert.deepEqual(
      findImports(source).map(({ specifier, typeOnly, line }) => [specifier, typeOnly, line]),
      [
        ['./a.js', false, 1],
        ['../c.js', true, 2],
        ['d', true, 3],
        ['@scope/f/deep', false, 7],
        ['./g.js', false, 8],
        ['./h.js', false, 9],
        ['node:fs', false, 10],
      ],
    );
  });

  it('knows the room of a file', () => {
    assert.equal(roomOf('src/kernel/raft/a.ts')?.name, 'kernel/raft');
    assert.equal(roomOf('src/kernel/kernel.ts')?.name, 'kernel');
    assert.equal(roomOf('src/server/http/deep/a.ts')?.name, 'server');
    assert.equal(roomOf('src/index.ts')?.name, '.');
    assert.equal(roomOf('src/attic/a.ts'), undefined);
    assert.equal(roomOf('test/kernel/a.ts'), undefined);
  });

  it('refuses every room that the table does not name', () => {
    let refused = 0;
    for (const room of ROOMS) {
      for (const other of ROOMS) {
        if (other === room || other.name === '.') continue;
        const up = '../'.repeat(room.name === '.' ? 0 : room.name.split('/').length);
        const source = `import type { X } from '${up || './'}${other.name}/index.js';`;
        const path = room.name === '.' ? 'src/index.ts' : `src/${room.name}/planted.ts`;
        const allowed = room.mayImport.includes(other.name);
        assert.equal(problemsOf(path, source).length, allowed ? 0 : 1, `${path}: ${source}`);
        refused += allowed ? 0 : 1;
      }
    }
    assert.ok(refused > 150, `only ${refused} wrong imports were tried`);
  });

  it('refuses what lies past a door, and knows the published ones', () => {
    const deep = "import { x } from '../store/key-range.js';";
    assert.match(problemsOf('src/recipes/a.ts', deep).join(), /past the door of room store/);
    assert.deepEqual(problemsOf('src/store/a.ts', "import { x } from './key-range.js';"), []);
    const second = "import { x } from '../recipes/inversify.js';";
    assert.deepEqual(problemsOf('src/cli/a.ts', second), []);
    const part = "import { x } from '../mvcc/deep.js';";
    assert.deepEqual(problemsOf('src/kernel/apply/a.ts', part), []);
    assert.match(problemsOf('src/store/a.ts', "import '../../test/x.js';").join(), /leaves/);
  });

  it('refuses packages by room and by file', () => {
    const refused: readonly (readonly [string, string])[] = [
      ['src/kernel/raft/a.ts', "import { Subject } from 'rxjs';"],
      ['src/kernel/wal/a.ts', "import { readFile } from 'node:fs/promises';"],
      ['src/store/a.ts', "import { Subject } from 'rxjs';"],
      ['src/host/node-disk.ts', "import { open } from 'lmdb';"],
      ['src/recipes/mutex.ts', "import { inject } from 'inversify';"],
      ['src/client/a.ts', "import { create } from '@bufbuild/protobuf';"],
      ['src/server/a.ts', "import { open } from 'lmdb';"],
      ['src/kernel/local-store.ts', "const { pino } = await import('pino');"],
    ];
    for (const [path, source] of refused) {
      assert.equal(problemsOf(path, source).length, 1, `${path}: ${source}`);
    }
    const allowed: readonly (readonly [string, string])[] = [
      ['src/kernel/streams.ts', "import { Subject } from 'rxjs';"],
      ['src/store/a.ts', "import type { Observable } from 'rxjs';"],
      ['src/host/lmdb-backend.ts', "import { open } from 'lmdb';"],
      ['src/recipes/inversify.ts', "import { ContainerModule } from 'inversify';"],
      ['src/wire/a.ts', "import { status } from '@grpc/grpc-js';"],
    ];
    for (const [path, source] of allowed) {
      assert.deepEqual(problemsOf(path, source), [], `${path}: ${source}`);
    }
  });

  it('finds words that must not stay', () => {
    const planted: readonly string[] = [
      ['// TO', 'DO later'],
      ['// FIX', 'ME later'],
      ['const path = "/ho', 'me/someone/x";'],
      ['it.on', 'ly("x", () => {});'],
      ['describe.sk', 'ip("x", () => {});'],
      ['// @ts-ig', 'nore'],
      ['// see iss', 'ue 12'],
    ].map((halves) => halves.join(''));
    for (const line of planted) {
      const problems = textProblems('test/store/sample.test.ts', `${OPENING}${line}\n`);
      assert.equal(problems.length, 1, `${line}: ${problems.join('; ')}`);
    }
    const waits = `${OPENING}setTimeout(() => {}, 10);\nDate.now();\n`;
    assert.equal(textProblems('test/kernel/sample.test.ts', waits).length, 2);
    assert.equal(textProblems('test/server/sample.test.ts', waits).length, 0);
    const seed = `${OPENING}const seed = process.env['TIDELOCK_SEED'] ?? Date.now();\n`;
    assert.equal(textProblems('test/kernel/sample.test.ts', seed).length, 0);
  });

  it('finds lines, files and names that are out of measure', () => {
    const one = (path: string, text: string): string => textProblems(path, text).join('; ');
    assert.match(one('test/a.ts', `${OPENING}// ${'word '.repeat(21)}\n`), /108 characters/);
    assert.equal(one('test/a.ts', `it('${'word '.repeat(21)}', run);\n`), '');
    assert.match(one('test/a.ts', 'const a = 1;\n'.repeat(401)), /401 lines of code/);
    assert.match(one('test/a.ts', '// why\n'.repeat(601)), /never more than 600/);
    assert.match(one('src/store/util.ts', `${OPENING}export const util = 1;\n`), /says nothing/);
    assert.match(one('test/someThing.ts', OPENING), /kebab-case/);
    assert.match(one('test/a.ts', '// why'), /line break/);
    assert.equal(one('test/a.ts', `${'// why\n'.repeat(299)}${'f();\n'.repeat(300)}`), '');
  });

  it('wants an opening and an export of the name of the file', () => {
    const one = (path: string, text: string): string => textProblems(path, text).join('; ');
    assert.match(one('src/store/a.ts', 'export const a = 1;\n'), /says nowhere/);
    const late = "import { b } from './b.js';\n\n/** Why. */\nexport const a = b;\n";
    assert.equal(one('src/store/a.ts', late), '');
    assert.match(one('src/store/a.ts', late.replace('/** Why. */\n', '')), /says nowhere/);
    const other = `${OPENING}export function parseRow(): void {}\n`;
    assert.match(one('src/store/cursor.ts', other), /exports parseRow, which is not its name/);
    assert.equal(one('src/store/rows.ts', other), '');
    const kin = `${OPENING}export function loadState(): void {}\n`;
    assert.equal(one('src/store/loader.ts', kin), '');
    const family = `${other}export function formatRow(): void {}\n`;
    assert.equal(one('src/store/cursor.ts', family), '');
    const two = `${OPENING}export class A {}\nexport class B {}\n`;
    assert.match(one('src/store/a.ts', two), /class B needs a file of its own/);
  });

  it('finds links that lead nowhere', () => {
    const page = '[a](b.md) [c](../d.md#x) [e](https://e.example) `[f](f.md)` [g](#g)\n';
    const there = (path: string): boolean => path === 'docs/b.md';
    assert.deepEqual(linkProblems('docs/a.md', page, there), [
      'docs/a.md: links to ../d.md, which is not there',
    ]);
  });

  it('finds a table that differs', () => {
    const room = { name: 'host', mayImport: ['ports'], host: 'node', packages: ['lmdb'] } as const;
    const table = (row: string): string =>
      `| room | may import | host | packages |\n| --- | --- | --- | --- |\n${row}\n`;
    assert.deepEqual(tableProblems([room], table('| `host` | ports | node | `lmdb` |')), []);
    assert.equal(tableProblems([room], table('| host | ports, store | node | lmdb |')).length, 1);
    assert.equal(tableProblems([room], table('| host | ports | none | none |')).length, 2);
    assert.equal(tableProblems([room], table('| attic | ports | none | none |')).length, 2);
    assert.equal(tableProblems([room], 'no table\n').length, 1);
  });
});

const INDEXES = new Set(['store', 'client', 'recipes', 'server', 'kernel']);

function problemsOf(path: string, source: string): readonly string[] {
  const exists = (other: string): boolean => {
    const name = /^src\/([a-z]+)\/index\.ts$/.exec(other)?.[1];
    return name !== undefined && INDEXES.has(name);
  };
  const isDoor = (other: string): boolean => exists(other) || other === 'src/recipes/inversify.ts';
  return importProblems(path, source, exists, isDoor);
}
