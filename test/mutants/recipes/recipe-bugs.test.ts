// Proves that the suites of the recipes find the bugs that other libraries shipped: each is planted
// in a copy of the compiled code, and the suite named for it has to fail, and to pass without it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../house/repository.js';
import { inCi } from '../../support/in-ci.js';
import { COMPILED, edited } from '../planted-copy.js';
import { PlantedSuite } from './planted-suite.js';
import { RECIPE_BUGS } from './recipe-bugs.js';
import { recipeBugsPage } from './recipe-bugs-page.js';

/** Planted wherever the tests run. */
const FEW = 2;
const PAGE = join(ROOT, 'docs/recipe-bugs.md');

describe('bugs of recipes', function () {
  this.timeout(120_000);

  for (const { id, bug, edits } of RECIPE_BUGS) {
    it(`${id} can be planted: ${bug}`, () => {
      const texts = new Map<string, string>();
      for (const edit of edits) {
        const text = texts.get(edit.file) ?? readFileSync(join(COMPILED, edit.file), 'utf8');
        texts.set(edit.file, edited(text, edit));
      }
    });
  }

  it('have names of their own', () => {
    assert.equal(new Set(RECIPE_BUGS.map(({ id }) => id)).size, RECIPE_BUGS.length);
  });

  it('are told of in docs/recipe-bugs.md', () => {
    const page = recipeBugsPage(RECIPE_BUGS);
    if (process.env['TIDELOCK_REWRITE'] === '1') writeFileSync(PAGE, page);
    assert.equal(readFileSync(PAGE, 'utf8'), page);
  });

  describe('are found by their suites', () => {
    let copy: PlantedSuite;
    before(() => {
      copy = new PlantedSuite();
    });
    after(() => copy.remove());
    const planted = inCi ? RECIPE_BUGS : RECIPE_BUGS.slice(0, FEW);

    for (const suite of new Set(planted.map((bug) => bug.suite))) {
      it(`${suite} passes without any of them`, async () => {
        const titles = planted.filter((bug) => bug.suite === suite).map(({ title }) => title);
        const { passed, failed } = await copy.runSound(suite, titles);
        assert.deepEqual(failed, []);
        for (const title of titles) {
          assert.ok(
            passed.some((full) => full.includes(title)),
            `no test has the title "${title}"`,
          );
        }
      });
    }

    for (const bug of planted) {
      it(`${bug.id}: ${bug.bug}`, async () => {
        const { failed } = await copy.runPlanted(bug);
        assert.ok(failed.length > 0, 'nothing noticed');
      });
    }
  });
});
