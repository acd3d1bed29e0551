/**
 * Proves that every tracked file keeps the rules of the house that neither the compiler nor the
 * linter sees, that the import table in ARCHITECTURE.md, the one in rooms.ts and the references of
 * the tsconfigs are the same table, and that the documents point at things that exist. It also
 * proves that it looked at a plausible number of files: a check that sees nothing finds nothing.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { skipWhen } from '../support/skip.js';
import { tableProblems } from './architecture-table.js';
import { checkoutMissing, ROOT, trackedFiles } from './repository.js';
import { ROOMS } from './rooms.js';
import { importProblems } from './tidy-imports.js';
import { linkProblems } from './tidy-links.js';
import { textProblems } from './tidy-text.js';

const LEAST_FILES = 250;
const LEAST_SOURCES = 150;

describe('house/tidy', () => {
  let files: readonly string[] = [];
  const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

  before(function () {
    skipWhen(this, checkoutMissing());
    files = trackedFiles();
  });

  it('sees the whole repository', () => {
    assert.ok(files.length >= LEAST_FILES, `only ${files.length} tracked files`);
    const sources = files.filter((path) => /^src\/.*\.ts$/.test(path));
    assert.ok(sources.length >= LEAST_SOURCES, `only ${sources.length} source files`);
    for (const known of ['package.json', 'src/store/store.ts', 'test/house/tidy.test.ts']) {
      assert.ok(files.includes(known), `${known} is not among them`);
    }
  });

  it('finds no fault in the text of a file', () => {
    none(files.filter(isText).flatMap((path) => textProblems(path, read(path))));
  });

  it('finds no import that the table refuses', () => {
    const doors = publishedDoors(read('package.json'));
    const sources = files.filter((path) => /^src\/.*\.ts$/.test(path));
    const known = new Set(files);
    none(
      sources.flatMap((path) =>
        importProblems(
          path,
          read(path),
          (other) => known.has(other),
          (other) => doors.has(other),
        ),
      ),
    );
  });

  it('finds the same table in ARCHITECTURE.md, in the tsconfigs and here', () => {
    none(tableProblems(ROOMS, read('ARCHITECTURE.md')));
    none(ROOMS.flatMap((room) => referenceProblems(room.name, read)));
  });

  it('finds every relative link of a document', () => {
    const documents = files.filter((path) => path.endsWith('.md'));
    assert.ok(documents.length >= 15, `only ${documents.length} documents`);
    none(
      documents.flatMap((path) =>
        linkProblems(path, read(path), (target) => existsSync(join(ROOT, target))),
      ),
    );
  });

  it('finds a decision for every runtime dependency', () => {
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    const dependencies = Object.keys({
      ...manifest['dependencies'],
      ...manifest['peerDependencies'],
    });
    assert.ok(dependencies.length >= 5, `only ${dependencies.length} dependencies`);
    const decisions = files.filter((path) => /^docs\/decisions\/\d{4}-.*\.md$/.test(path));
    const text = decisions.map(read).join('\n');
    const unexplained = dependencies.filter((name) => !text.includes(`\`${name}\``));
    none(unexplained.map((name) => `${name} has no page in docs/decisions`));
  });

  it('finds no registry address in the lock file', () => {
    const lock = read('package-lock.json');
    assert.ok(lock.includes('"lockfileVersion"'));
    assert.ok(!lock.includes('"resolved": "http'), 'package-lock.json names a registry');
  });
});

function none(problems: readonly string[]): void {
  assert.equal(problems.length, 0, `\n  ${problems.join('\n  ')}\n`);
}

function isText(path: string): boolean {
  return !/\.(png|jpg|ico|bin)$/.test(path);
}

/** Source paths of the doors in the exports map. */
function publishedDoors(manifest: string): ReadonlySet<string> {
  const { exports } = JSON.parse(manifest) as { exports: Record<string, unknown> };
  const doors = Object.values(exports).flatMap((door) =>
    typeof door === 'object' && door !== null && 'default' in door ? [String(door.default)] : [],
  );
  return new Set(doors.map((door) => door.replace(/^\.\/build\//, '').replace(/\.js$/, '.ts')));
}

/** Where the references of a room's tsconfig differ from the table. */
function referenceProblems(name: string, read: (path: string) => string): readonly string[] {
  const room = ROOMS.find((candidate) => candidate.name === name);
  assert.ok(room !== undefined);
  const path = name === '.' ? 'src/tsconfig.json' : `src/${name}/tsconfig.json`;
  const config = JSON.parse(read(path)) as {
    compilerOptions: { types?: readonly string[] };
    references?: readonly { path: string }[];
  };
  const referenced = (config.references ?? [])
    .map((reference) => join(dirname(path), reference.path).replace(/^src\//, ''))
    .toSorted();
  const problems: string[] = [];
  if (referenced.join() !== [...room.mayImport].toSorted().join()) {
    problems.push(
      `${path} references ${referenced.join()}, the table says ${room.mayImport.join()}`,
    );
  }
  const host = (config.compilerOptions.types ?? []).includes('node') ? 'node' : 'none';
  if (host !== room.host) problems.push(`${path} sees host ${host}, the table says ${room.host}`);
  return problems;
}
