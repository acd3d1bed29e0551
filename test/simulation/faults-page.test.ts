// Proves that docs/faults.md names every scenario of the simulation, and none that does not exist;
// that its links to tests lead somewhere is for the tidy test.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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

describe('docs/faults.md', () => {
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
