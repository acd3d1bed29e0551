/**
 * Proves that the package's doors offer exactly the names that surface.json lists and reach exactly
 * the packages listed there, and that importing a door does nothing: it prints nothing and leaves
 * nothing behind that would keep the process alive. After a wanted change of the surface, run the
 * test once with TIDELOCK_REWRITE=1 and commit the list with the change.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findImports } from './import-scan.js';
import { ROOT } from './repository.js';

const LIST = join(ROOT, 'test', 'house', 'surface.json');
const REWRITE = process.env['TIDELOCK_REWRITE'] === '1';
const IMPORT_TIMEOUT_MS = 15_000;

interface DoorSurface {
  /** Exported names that exist at run time, sorted. */
  readonly names: readonly string[];
  /** Packages that importing the door loads, directly or through its own files, sorted. */
  readonly packages: readonly string[];
}
type Surface = Record<string, DoorSurface>;

describe('house/surface', () => {
  const doors = doorsInBuild();
  const listed = JSON.parse(readFileSync(LIST, 'utf8')) as Surface;
  const seen: Surface = {};

  it('has doors', () => {
    assert.ok(doors.length > 0, 'no door of the exports map is in build/');
    if (REWRITE) return;
    assert.deepEqual(
      doors.map(([door]) => door),
      Object.keys(listed),
      'the doors in build/ and in surface.json differ',
    );
  });

  for (const [door, file] of doors) {
    it(`${door} offers what is listed, and importing it does nothing`, async () => {
      const names = await importAlone(door.replace('.', 'tidelock'));
      const surface = { names, packages: packagesOf(file) };
      if (REWRITE) seen[door] = surface;
      else assert.deepEqual(surface, listed[door]);
    });
  }

  it('keeps the container out of the first door', function () {
    const first = doors.find(([door]) => door === '.');
    const packages = first === undefined ? [] : packagesOf(first[1]);
    for (const name of ['inversify', 'reflect-metadata']) assert.ok(!packages.includes(name));
  });

  after(() => {
    if (REWRITE) writeFileSync(LIST, `${JSON.stringify(seen, undefined, 2)}\n`);
  });
});

/** Doors of the exports map whose compiled file exists, with that file. */
function doorsInBuild(): readonly (readonly [door: string, file: string])[] {
  const manifest = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const { exports } = JSON.parse(manifest) as { exports: Record<string, { default?: string }> };
  return Object.entries(exports)
    .map(([door, target]) => [door, join(ROOT, target.default ?? 'package.json')] as const)
    .filter(([, file]) => file.endsWith('.js') && existsSync(file));
}

/** Imports a door in a process of its own, which must end by itself and print nothing else. */
function importAlone(specifier: string): Promise<readonly string[]> {
  const script = `
    const door = await import(${JSON.stringify(specifier)});
    process.on('exit', () => console.log(JSON.stringify(Object.keys(door).sort())));
  `;
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { cwd: ROOT, timeout: IMPORT_TIMEOUT_MS, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        if (error !== null) {
          reject(new Error(`importing ${specifier} failed or did not end: ${stderr}${stdout}`));
          return;
        }
        assert.equal(stderr, '', `importing ${specifier} printed to stderr`);
        assert.equal(stdout.split('\n').length, 2, `importing ${specifier} printed: ${stdout}`);
        resolve(JSON.parse(stdout) as readonly string[]);
      },
    );
  });
}

/** The packages that a compiled file loads, found by walking its imports. */
function packagesOf(start: string): readonly string[] {
  const packages = new Set<string>();
  const files = new Set([start]);
  for (const file of files) {
    for (const { specifier } of findImports(readFileSync(file, 'utf8'))) {
      if (specifier.startsWith('.')) files.add(join(dirname(file), specifier));
      else if (!specifier.startsWith('node:')) packages.add(packageName(specifier));
    }
  }
  return [...packages].toSorted();
}

function packageName(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
