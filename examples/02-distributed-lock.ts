// A lock that survives the holder's own mistakes: fences, guarded writes and a signal.
//
// Two workers want to write the same ledger, one at a time. Taking turns is the easy half of a
// lock. The hard half: a holder that stalls (a long garbage collection, a suspended laptop) does
// not know that its lock has gone to somebody else, and goes on writing. Three things catch it, and
// this shows each at work:
//
// - held.signal is aborted before the store can give the lock away: stop what you do.
// - held.guard() is a condition for a transaction: the write succeeds only under this very lock.
// - held.fence is larger for every later holder: whatever is not in the store, such as a database
//   or an HTTP service, is safe when it refuses numbers smaller than it has seen.
//
// Run it:                  npm run example 2
// Against a server:        npm run example 2 -- --endpoints http://127.0.0.1:2379
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect, coordinate, openEmbedded, prefix, toText } from 'tidelock';

const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
const store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });
await store.delete(prefix('example-2/'));

// Each worker would be a process of its own; here they share one store and nothing else.
const anna = coordinate(store, { identity: 'anna' });
const boris = coordinate(store, { identity: 'boris' });

console.log('Both workers add to a counter, a hundred times in all, each time under the lock.');
await store.put({ key: 'example-2/counter', value: '0' });
async function addFifty(coord: typeof anna): Promise<void> {
  for (let i = 0; i < 50; i++) {
    await coord.lock('example-2/lock', {}, async (held) => {
      const { kvs } = await store.range({ key: 'example-2/counter' });
      const counter = Number(toText(kvs[0]?.value ?? new Uint8Array()));
      await store.txn({
        compare: [held.guard()],
        success: [{ kind: 'put', key: 'example-2/counter', value: String(counter + 1) }],
      });
    });
  }
}
await Promise.all([addFifty(anna), addFifty(boris)]);
const { kvs } = await store.range({ key: 'example-2/counter' });
console.log(`  the counter says ${toText(kvs[0]?.value ?? new Uint8Array())}`);

console.log('\nWho holds the lock, and who waits, is no secret:');
const first = await anna.lock('example-2/lock').acquire();
const next = boris.lock('example-2/lock').acquire();
while ((await anna.lock('example-2/lock').waiters()).length === 0) await sleep(10);
for (const { position, identity, fence } of await anna.lock('example-2/lock').entries()) {
  const what = position === 0 ? 'holds it' : 'is next';
  console.log(`  ${identity} ${what}${position === 0 ? ` with fence ${fence}` : ''}`);
}

// A resource outside the store: it knows nothing of locks, only the largest fence that it has seen.
let largestFence = 0;
function ledgerWrite(who: string, fence: number): void {
  if (fence < largestFence) {
    console.log(`  the ledger refuses ${who}: fence ${fence} is smaller than ${largestFence}`);
    return;
  }
  largestFence = fence;
  console.log(`  the ledger takes a line from ${who}, fence ${fence}`);
}
ledgerWrite('anna', first.fence);

// A lock that is held for longer than a moment is watched, in case somebody takes it away.
await sleep(200);

console.log("\nAnna stalls for too long: her lease ends, and the lock is Boris's.");
first.signal.addEventListener('abort', () => {
  console.log(`  anna's signal: ${(first.signal.reason as Error).message}`);
});
const [holder] = await anna.lock('example-2/lock').entries();
await store.leases.revoke(holder?.lease ?? 0n); // what the end of her TTL would do
const second = await next;
ledgerWrite('boris', second.fence);

console.log('\nAnna wakes up, and has not looked at her signal. Both of her writes fail:');
const { succeeded } = await store.txn({
  compare: [first.guard()],
  success: [{ kind: 'put', key: 'example-2/counter', value: 'anna was here' }],
});
console.log(`  her guarded write ${succeeded ? 'SUCCEEDED' : 'did nothing'}`);
ledgerWrite('anna', first.fence);
await second.release();

console.log('\nWhoever cannot wait asks without waiting:');
const busy = await boris.lock('example-2/lock').acquire();
const tried = await anna.lock('example-2/lock').tryAcquire();
console.log(tried.ok ? '  anna got it' : `  busy: ${tried.holder?.identity} has it`);
await busy.release();

await anna.close();
await boris.close();
await store.close();
await rm(dataDir, { recursive: true });
console.log('\nDone: no addition was lost, and the stale holder harmed nothing.');
