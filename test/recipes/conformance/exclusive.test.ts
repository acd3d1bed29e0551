// The suite that every recipe with one owner at a time has to pass, for each that is ours.
import { soleOwnerCases } from '../../../src/simulation/conformance/sole-owner-cases.js';
import { inCi } from '../../support/in-ci.js';
import { CONTENDERS } from './contender.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const contender of CONTENDERS) {
  describe(`conformance: ${contender.name}`, function () {
    this.timeout(60_000);
    const cases = soleOwnerCases(contender, { settle, crowd: inCi ? 1000 : 200 });
    for (const { title, run } of cases) it(title, run);
  });
}
