// What the lessor does in a second with 100,000 leases: renewals, puts that attach a key, and ticks
// that find nothing due.
// Run: node build/bench/micro/lessor.js
import { performance } from 'node:perf_hooks';
import { Lessor } from '../../src/kernel/lease/lessor.js';
import { toBytes } from '../../src/store/index.js';

const LEASES = 100_000;

function measure(name: string, count: number, run: (i: number) => void): void {
  const start = performance.now();
  for (let i = 0; i < count; i++) run(i);
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(`lessor ${name}: ${Math.round(count / seconds)}/s\n`);
}

const nowhere = { put: () => undefined, remove: () => undefined, range: () => [] };
const lessor = new Lessor({ buffer: nowhere, minTtlSeconds: 2 });
const keys = Array.from({ length: LEASES }, (_, i) => toBytes(`/locks/owner-${i}`));
const ids = keys.map((_, i) => BigInt(i + 1) * 0x1_0001n);

measure('grants', LEASES, (i) => lessor.grant(ids[i] as bigint, 60, i + 1));
measure('attached keys', LEASES, (i) => lessor.attach(keys[i] as Uint8Array, ids[i] as bigint));
measure('promotions of all', 5, (i) => lessor.promote(i, 0));
measure('renewals', LEASES * 5, (i) => lessor.renew(ids[i % LEASES] as bigint, i / 100));
measure('ticks without work', LEASES, () => lessor.due(5000, 1000));
measure('expiries', 100, () => {
  for (const { id } of lessor.due(1e6, 1000)) lessor.revoke(id);
});
