// Proves that docs/faults.md names every scenario of the simulation, and none that does not exist,
// and every property that a run can be told to have broken; that its links to tests lead somewhere
// is for the tidy test.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findScenario, SCENARIO_NAMES } from '../../src/simulation/scenario/catalogue.js';
import { ROOT } from '../house/repository.js';

/** What is in backticks behind this heading, commands apart. */
const HEADING = '## Which faults';

function namesOnPage(): ReadonlySet<string> {
  const text = readFileSync(join(ROOT, 'docs', 'faults.md'), 'utf8');
  const at = text.indexOf(HEADING);
  assert.ok(at >= 0, `docs/faults.md has no "${HEADING}"`);
  const quoted = [...text.slice(at).matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '');
  return new Set(quoted.filter((name) => !name.includes(' ')));
}

/** Where a violation gets its name: written out, or a parameter that is by default. */
const NAMED_HERE: readonly RegExp[] = [
  /\breport\(\s*'([\w-]+)'/g,
  /\badd\(\s*'([A-Z]\d+)'/g,
  /\bproperty = '([\w-]+)'/g,
];

/** Every property that the sources of the simulation name. */
function properties(): ReadonlySet<string> {
  const folder = join(ROOT, 'src', 'simulation');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const names = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .flatMap((text) => NAMED_HERE.flatMap((pattern) => [...text.matchAll(pattern)]))
    .map(([, name = '']) => name);
  return new Set(names);
}

describe('docs/faults.md', () => {
  it('tells what every property says', () => {
    const text = readFileSync(join(ROOT, 'docs', 'faults.md'), 'utf8');
    const all = properties();
    for (const name of ['L1', 'K16', 'S1', 'S2', 'V1', 'crash-stop', 'run'])
      assert.ok(all.has(name), name);
    // In a table, as the name of its row.
    const rows = new Set(
      [...text.matchAll(/^\| ([^|]+) \|/gm)].flatMap(
        ([, cell = '']) => cell.match(/[\w-]+/g) ?? [],
      ),
    );
    assert.deepEqual([...all].filter((name) => !rows.has(name)).toSorted(), []);
  });

  it('names every scenario', () => {
    const named = namesOnPage();
    assert.deepEqual(
      SCENARIO_NAMES.filter((name) => !named.has(name)),
      [],
    );
  });

  it('names no scenario that is not there', () => {
    const strange = [...namesOnPage()].filter(
      (name) => name !== 'P7.n' && findScenario(name) === undefined,
    );
    assert.deepEqual(strange, []);
  });

  it('is right about crashes in one call', () => {
    assert.equal(findScenario('P7.17')?.endsAtCall, 17);
    assert.equal(findScenario('P7.0'), undefined);
    assert.equal(findScenario('P7.x'), undefined);
  });
});
