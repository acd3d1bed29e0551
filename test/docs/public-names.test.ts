// Proves that every public name says what it is, and that each class, function and constant shows
// how it is used.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../house/repository.js';
import { publicNames } from './doors.js';

const LEAST_NAMES = 300;

describe('docs: public names', () => {
  const names = publicNames();

  it('are all found', () => {
    assert.ok(names.length >= LEAST_NAMES, `only ${names.length} names`);
    const list = readFileSync(join(ROOT, 'test', 'house', 'surface.json'), 'utf8');
    const surface = JSON.parse(list) as Record<string, { readonly names: readonly string[] }>;
    for (const [path, { names: listed }] of Object.entries(surface)) {
      const door = path.replace('.', 'tidelock');
      const found = new Set(names.filter((one) => one.door === door).map(({ name }) => name));
      const missed = listed.filter((name) => !found.has(name));
      assert.deepEqual(missed, [], `not found at ${door}`);
    }
  });

  it('say what they are', () => {
    const silent = names.filter(({ comment }) => comment === '');
    none(silent.map(({ door, name, file }) => `${door}: ${name} has no comment in ${file}`));
  });

  it('show how they are used', () => {
    const shown = names.filter(({ kinds }) =>
      ['class', 'function', 'const'].some((kind) => kinds.has(kind)),
    );
    assert.ok(shown.length >= 100, `only ${shown.length} names to show`);
    const bare = shown.filter(({ comment }) => !/^\s*\* @example$/m.test(comment));
    none(bare.map(({ door, name, file }) => `${door}: ${name} has no @example in ${file}`));
  });
});

function none(problems: readonly string[]): void {
  assert.equal(problems.length, 0, `\n  ${problems.join('\n  ')}\n`);
}
