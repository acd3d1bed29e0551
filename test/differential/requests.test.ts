// Proves that our server answers as etcd does: the same random requests go to both over the wire,
// and every field of every answer and the code and text of every error must be equal, but for what
// normalise.ts hides and known-differences.ts explains.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { etcdMissing } from '../support/etcd-process.js';
import { inCi } from '../support/in-ci.js';
import { skipWhen } from '../support/skip.js';
import { type RunCounts, runDifferential } from './run.js';

const REQUESTS_PER_SEED = 2000;
const REQUESTS_PER_OLD_SEED = 500;
const SEED_COUNT = inCi ? 10 : 1;
/** A run that takes longer hangs. */
const TIMEOUT_MS = 120_000;

/** Seeds that found something once. */
const oldSeeds = (
  JSON.parse(
    readFileSync(new URL('../../../test/differential/seeds.json', import.meta.url), 'utf8'),
  ) as { requests: number[] }
).requests;

function seeds(): readonly number[] {
  const named = process.env['TIDELOCK_SEED'];
  if (named !== undefined) return [Number(named)];
  return Array.from({ length: SEED_COUNT }, (_, i) => i + 1);
}

describe('requests, compared with etcd', () => {
  const counts: RunCounts = { requests: {}, errors: {}, knownDifferences: {} };

  before(function () {
    skipWhen(this, etcdMissing());
  });

  for (const seed of seeds()) {
    it(`answers ${REQUESTS_PER_SEED} requests of seed ${seed} as etcd does`, async function () {
      this.timeout(TIMEOUT_MS);
      await runDifferential(seed, REQUESTS_PER_SEED, counts);
    });
  }

  for (const seed of oldSeeds) {
    it(`still answers seed ${seed}, which failed once`, async function () {
      this.timeout(TIMEOUT_MS);
      await runDifferential(seed, REQUESTS_PER_OLD_SEED, counts);
    });
  }

  it('asked everything often enough to mean something', () => {
    if (process.env['TIDELOCK_SEED'] !== undefined) return;
    for (const [method, least] of Object.entries({ put: 300, range: 300, txn: 300, compact: 10 })) {
      assert.ok((counts.requests[method] ?? 0) >= least, `${method}: ${JSON.stringify(counts)}`);
    }
    assert.ok(Object.keys(counts.errors).length >= 8, JSON.stringify(counts.errors));
  });
});
