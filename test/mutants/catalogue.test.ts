// Proves that every mutant can still be planted: that each edit finds its place in the compiled
// code exactly once. That the simulation finds mutants: some here, all quick ones where time
// allows. And that only a find by what must find a mutant counts, also on the page that tells them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCENARIO_NAMES } from '../../src/simulation/index.js';
import { ROOT } from '../house/repository.js';
import { inCi } from '../support/in-ci.js';
import { ABSENT, MUTANTS } from './catalogue.js';
import { hunt } from './hunt.js';
import { COMPILED, edited, PlantedCopy } from './planted-copy.js';

/** Of the list of bugs, those that have to do with what there is so far. */
const NUMBERS = 52;
const BUDGET = { seedFirst: 1, seedCount: 20, wallMs: 60_000 };
/** Planted wherever the tests run. */
const FEW: readonly string[] = ['6', '14'];

describe('mutants', function () {
  this.timeout(600_000);

  it('have every bug of the list, or the reason why not', () => {
    const ids = new Set([...MUTANTS, ...ABSENT].map(({ id }) => id));
    const missing = Array.from({ length: NUMBERS }, (_, at) => String(at + 1));
    assert.deepEqual(
      missing.filter((id) => !ids.has(id)),
      [],
    );
    assert.equal(ids.size, MUTANTS.length + ABSENT.length, 'an id is used twice');
  });

  it('are hunted in scenarios that there are', () => {
    for (const { id, hunts } of MUTANTS) {
      assert.ok(hunts.length > 0, id);
      for (const { scenario } of hunts) assert.ok(SCENARIO_NAMES.includes(scenario), scenario);
    }
  });

  for (const { id, bug, edits } of MUTANTS) {
    it(`${id} can be planted: ${bug}`, () => {
      const texts = new Map<string, string>();
      for (const edit of edits) {
        const text = texts.get(edit.file) ?? readFileSync(join(COMPILED, edit.file), 'utf8');
        texts.set(edit.file, edited(text, edit));
      }
    });
  }

  it('refuse an edit whose place is not there, or there twice', () => {
    const edit = { file: 'x.js', find: 'let a = 1;', replace: '' };
    assert.equal(edited('b; let a\n   = 1; c;', edit), 'b;  c;');
    assert.throws(() => edited('let a = 2;', edit), /0 times/);
    assert.throws(() => edited('let a = 1; let a = 1;', edit), /2 times/);
  });

  it('were found by what must find them, as docs/mutants.md tells', () => {
    const page = readFileSync(join(ROOT, 'docs', 'mutants.md'), 'utf8');
    for (const { id, expected } of MUTANTS) {
      const cells = page.split('\n').find((line) => line.startsWith(`| ${id} |`));
      const foundBy = cells?.split(' | ')[3] ?? 'nothing';
      assert.ok(expected.includes(foundBy), `${id} by ${foundBy}, not ${expected.join(' or ')}`);
    }
  });

  describe('are found by the simulation', () => {
    const planted = MUTANTS.filter(({ id, isQuick }) => FEW.includes(id) || (inCi && isQuick));
    let copy: PlantedCopy;
    before(() => {
      copy = new PlantedCopy();
    });
    after(() => copy.remove());

    it('or not, when something else is what broke', async () => {
      const [first] = planted;
      assert.ok(first !== undefined);
      const result = await hunt(copy, { ...first, expected: ['K1'] }, BUDGET);
      assert.match(result.kind === 'survived' ? result.why : '', /broken is S2, and not K1$/);
    });

    for (const mutant of planted) {
      it(`${mutant.id}: ${mutant.bug}`, async () => {
        const result = await hunt(copy, mutant, BUDGET);
        assert.equal(result.kind, 'caught', result.kind === 'survived' ? result.why : '');
      });
    }
  });
});
