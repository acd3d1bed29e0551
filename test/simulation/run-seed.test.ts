// Proves that whole clusters come through the scenarios of the simulation without a broken promise,
// that a seed does the same twice and in another process, that kept seeds which once failed pass,
// and that a cluster which breaks a promise is found out.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findScenario, SCENARIO_NAMES } from '../../src/simulation/scenario/catalogue.js';
import { runSeed, type SeedReport } from '../../src/simulation/scenario/run-seed.js';
import { ROOT } from '../house/repository.js';
import { inCi } from '../support/in-ci.js';
import { settle } from './settle.js';

/** A seed that failed once, and what keeps it. */
interface KeptSeed {
  readonly scenario: string;
  readonly seed: number;
  readonly seconds: number;
  readonly why: string;
}

const SECONDS = 12;
const QUICK: readonly string[] = ['swarm', 'one', 'membership', 'damage', 'recipes'];

async function play(name: string, seed: number, seconds: number): Promise<SeedReport> {
  const scenario = findScenario(name);
  assert.ok(scenario !== undefined, `there is no scenario ${name}`);
  return await runSeed({ seed, scenario: { ...scenario, seconds }, settle });
}

function passes(report: SeedReport): void {
  const { scenario, seed, violations } = report;
  const lines = violations.map(({ property, message }) => `${property}: ${message}`);
  assert.deepEqual(lines, [], `again: npm run simulate -- --scenario ${scenario} --seed ${seed}`);
}

describe('runSeed', function () {
  this.timeout(60_000);

  for (const name of QUICK) {
    it(`finds no broken promise in ${name}`, async () => {
      const named = process.env['TIDELOCK_SEED'];
      const seeds = named === undefined ? (inCi ? [1, 2, 3, 4, 5] : [1, 2]) : [Number(named)];
      for (const seed of seeds) {
        const report = await play(name, seed, SECONDS);
        passes(report);
        assert.ok(report.answeredWrites > SECONDS, String(report.answeredWrites));
      }
    });
  }

  it('plays every scenario by its name, single faults too', async () => {
    assert.ok(SCENARIO_NAMES.length > 40);
    assert.equal(findScenario('no such'), undefined);
    for (const name of inCi ? SCENARIO_NAMES : ['P7', 'D2', 'N7', 'T3', 'M1', 'C9']) {
      const report = await play(name, 1, 6);
      passes(report);
      assert.deepEqual([report.scenario, report.faults.length > 0], [name, name !== 'calm']);
    }
  });

  it('does the same with the same seed, and something else with another', async () => {
    const first = await play('swarm', 3, SECONDS);
    const again = await play('swarm', 3, SECONDS);
    const other = await play('swarm', 4, SECONDS);
    assert.deepEqual(again, first);
    assert.notEqual(other.hash, first.hash);
  });

  it('does the same in another process, with readable lines or without', async () => {
    const here = await play('five', 2, SECONDS);
    const script = join(ROOT, 'scripts', 'simulate.mjs');
    const args = ['--scenario', 'five', '--seed', '2', '--seconds', String(SECONDS), '--trace'];
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], {
      maxBuffer: 64 * 1024 * 1024,
    });
    assert.match(stdout, new RegExp(`^hash ${here.hash} of ${here.eventCount} events`, 'm'));
    for (const line of [
      /m1#1 serves/,
      /m\d#1 is leader in term 1/,
      /client \d+: put "[^"]+" to m\d: revision \d+/,
    ]) {
      assert.match(stdout, line);
    }
  });

  it('passes the seeds that failed once', async () => {
    const path = join(ROOT, 'test', 'simulation', 'seeds.json');
    const kept = JSON.parse(readFileSync(path, 'utf8')) as readonly KeptSeed[];
    for (const { scenario, seed, seconds } of kept) passes(await play(scenario, seed, seconds));
  });
});
