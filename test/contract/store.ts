// The contract of Store, as one suite that runs against every implementation: the embedded kernel,
// the client of our server, the client of a real etcd, and the model that tests are written
// against.
import { leaseContract } from './store-lease.js';
import { compactionContract, kvContract } from './store-kv.js';
import type { StoreHarness, StoreSetUp } from './store-harness.js';
import { skipWhen } from '../support/skip.js';
import { txnContract } from './store-txn.js';
import { watchContract } from './store-watch.js';

/**
 * Declares the suite for one implementation; `setUp` makes a new, empty store, and `missing` says
 * what this machine lacks for it.
 */
export function storeContract(
  name: string,
  setUp: StoreSetUp,
  missing: () => string | undefined = () => undefined,
): void {
  describe(`Store contract: ${name}`, () => {
    let current: StoreHarness | undefined;
    const harness = (): StoreHarness => {
      if (current === undefined) throw new Error('the store is not set up');
      return current;
    };
    before(async function () {
      skipWhen(this, missing());
      current = await setUp();
    });
    after(async () => {
      await current?.close();
    });
    describe('key-value', () => kvContract(harness));
    describe('txn', () => txnContract(harness));
    describe('lease', () => leaseContract(harness));
    describe('watch', () => watchContract(harness));
    describe('compaction', () => compactionContract(harness));
  });
}
