// Proves that the scripts of the simulation, of the mutants and of the soak refuse what makes no
// sense, by one line and code 2, instead of a run of nothing that ends well; and that they explain
// themselves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../house/repository.js';

const REFUSED: readonly (readonly [script: string, args: readonly string[], line: RegExp])[] = [
  [
    'simulate',
    ['--seeds', 'many'],
    /^simulate: --seeds "many" is not a whole number of 1 or more; /,
  ],
  ['simulate', ['--seeds', '0'], /--seeds "0" is not/],
  ['simulate', ['--jobs', '0'], /--jobs "0" is not/],
  ['simulate', ['--seed', 'x', '--trace'], /--seed "x" is not a whole number of 0 or more/],
  ['simulate', ['--minutes', ''], /--minutes "" is not a number above 0/],
  ['simulate', ['--calls', '1:x'], /--calls "1:x" is not like 1:600:10/],
  ['simulate', ['--scenario', 'chaos'], /^no scenario "chaos"; there are: swarm /],
  ['simulate', ['swarm'], /Unexpected argument 'swarm'/],
  ['simulate', ['--sed', '7'], /Unknown option '--sed'/],
  ['mutants', ['--seeds', 'x'], /^mutants: --seeds "x" is not/],
  ['mutants', ['--only', '1,999'], /^no mutant 999; there are: 1 /],
  ['mutants', ['-w', 'xml'], /"xml" is neither table nor json/],
  ['soak', ['--minutes', 'long'], /^soak: --minutes "long" is not a number above 0/],
  ['soak', ['--kill', '3'], /Unknown option '--kill'/],
];

function run(script: string, ...args: readonly string[]) {
  const path = join(ROOT, 'scripts', `${script}.mjs`);
  return spawnSync(process.execPath, [path, ...args], { encoding: 'utf8', timeout: 60_000 });
}

describe('the scripts that look for bugs', function () {
  this.timeout(60_000);

  it('refuse what makes no sense', () => {
    for (const [script, args, line] of REFUSED) {
      const { status, stdout, stderr } = run(script, ...args);
      const words = `${script} ${args.join(' ')}`;
      assert.equal(status, 2, `${words}: ${stdout}${stderr}`);
      assert.match(stderr, line, words);
      assert.equal(stderr.trim().split('\n').length, 1, `${words}: ${stderr}`);
    }
  });

  it('explain their flags', () => {
    for (const [script, flag] of [
      ['simulate', '--trace'],
      ['mutants', '--quick'],
      ['soak', '--minutes'],
    ] as const) {
      const { status, stdout } = run(script, '--help');
      assert.equal(status, 0);
      assert.match(
        stdout,
        new RegExp(`^npm run ${script} -- \\[flags\\]\\n(.*\\n)*  ${flag} +\\S`),
      );
    }
  });
});
