// Proves that a cluster of three real members keeps every promise while its members are killed,
// stopped for longer than an election, ended and cut off from each other under load: everything
// that users saw passes the checkers of the simulation, and the members end up with the same.
import assert from 'node:assert/strict';
import { inCi } from '../support/in-ci.js';
import { testSeed } from '../support/world.js';
import { runKills } from './support/kill-run.js';

const KILL_COUNT = inCi ? 100 : 4;
const RUN_TIMEOUT_MS = 900_000;
const LINE_EVERY_KILLS = 10;

describe('three members that are killed under load', () => {
  it(`keep every promise over ${KILL_COUNT} kills`, async function () {
    this.timeout(RUN_TIMEOUT_MS);
    let told = 0;
    const { kills, operations, answered, revisions, watches } = await runKills({
      seed: testSeed(),
      over: (count) => count >= KILL_COUNT,
      tell: (line) => {
        const tens = Math.floor(Number.parseInt(line, 10) / LINE_EVERY_KILLS);
        if (inCi && tens > told) process.stdout.write(`    ${line}\n`);
        told = tens;
      },
    });
    assert.ok(kills >= KILL_COUNT);
    // A run in which hardly anything happened would prove nothing.
    assert.ok(answered > operations / 2 && answered > KILL_COUNT * 20, `${answered} answers`);
    assert.ok(revisions > KILL_COUNT * 5 && watches > 3, `${revisions} revisions`);
  });
});
