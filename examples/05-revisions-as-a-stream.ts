// Every change as a stream of revisions, and a view that can stop, miss things, and catch up.
//
// The store gives each change a number, the revision, and remembers the changes. So a program can
// keep a copy of some keys that is exactly right: read the keys at one revision, then apply what
// happened from the next revision on. When it was away it resumes at the revision after the last
// one that it has seen, and gets what it missed, in order, without gap or repetition. This is how
// caches, indexes and the recipes of this package are made.
//
// Run it:                  npm run example 5
// Against a server:        npm run example 5 -- --endpoints http://127.0.0.1:2379
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  BehaviorSubject,
  filter,
  firstValueFrom,
  type Subscription,
  take,
  tap,
  toArray,
} from 'rxjs';
import { connect, openEmbedded, prefix, type Store, toText } from 'tidelock';

const STOCK = prefix('example-5/stock/');

/** A copy in memory of the keys under a prefix, as of `revision$.value`. */
class StockView {
  readonly items = new Map<string, string>();
  readonly revision$ = new BehaviorSubject(0);
  #watching: Subscription | undefined;

  /** Reads everything at one revision. Also the way back when history was compacted meanwhile. */
  async load(store: Store): Promise<void> {
    const { kvs, header } = await store.range(STOCK);
    this.items.clear();
    for (const { key, value } of kvs) this.items.set(toText(key), toText(value));
    this.revision$.next(header.revision);
  }

  /** Applies each revision whole: a batch is never split, so the copy is never half-way. */
  follow(store: Store): void {
    const startRevision = this.revision$.value + 1;
    this.#watching = store.watch({ ...STOCK, startRevision }).subscribe({
      next: ({ revision, events }) => {
        for (const { type, kv } of events) {
          if (type === 'put') this.items.set(toText(kv.key), toText(kv.value));
          else this.items.delete(toText(kv.key));
        }
        console.log(`    view: revision ${revision}, ${events.length} change(s)`);
        this.revision$.next(revision);
      },
      // The code would be Compacted if the revisions that it asks for are gone: then load() again.
      error: (error: Error) => console.log(`    view: ${error.message}`),
    });
  }

  pause(): void {
    this.#watching?.unsubscribe();
  }

  async reached(revision: number): Promise<void> {
    await firstValueFrom(this.revision$.pipe(filter((seen) => seen >= revision)));
  }
}

const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
const store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });
await store.delete(prefix('example-5/'));

const put = async (item: string, amount: number): Promise<number> => {
  const key = `example-5/stock/${item}`;
  const { header } = await store.put({ key, value: String(amount) });
  return header.revision;
};

console.log('There is some stock. The view reads it at one revision.');
await put('apples', 10);
await put('pears', 5);
const view = new StockView();
await view.load(store);
console.log(`  loaded ${view.items.size} items at revision ${view.revision$.value}`);

console.log('\nIt follows. A transaction over several keys arrives as one revision.');
view.follow(store);
await put('apples', 9);
const sale = await store.txn({
  success: [
    { kind: 'put', key: 'example-5/stock/apples', value: '8' },
    { kind: 'put', key: 'example-5/stock/pears', value: '4' },
  ],
});
await view.reached(sale.header.revision);

console.log('\nThe view stops, and the world goes on without it.');
view.pause();
await put('plums', 7);
await store.delete({ key: 'example-5/stock/pears' });
const last = await put('apples', 20);
console.log(`  the view is at revision ${view.revision$.value}, the store at ${last}`);

console.log(
  '\nIt resumes after the last revision that it has seen: nothing missed, nothing twice.',
);
view.follow(store);
await view.reached(last);

const fresh = new StockView();
await fresh.load(store);
assert.deepEqual(view.items, fresh.items);
const items = [...view.items].map(([key, value]) => `${key} ${value}`);
console.log(`  the view equals a fresh read: ${items.join(', ')}`);

console.log('\nThe past is still there: the stock as it was before the sale.');
const past = await store.range({ ...STOCK, revision: sale.header.revision - 1 });
console.log(`  ${past.kvs.map(({ key, value }) => `${toText(key)} ${toText(value)}`).join(', ')}`);

console.log(
  '\nrevisions$ is the whole store as one hot stream of revisions, with the usual operators.',
);
const seen = firstValueFrom(
  store.revisions$.pipe(
    filter(({ events }) => events.some(({ kv }) => toText(kv.key).startsWith('example-5/'))),
    tap(({ revision }) => console.log(`    revisions$: ${revision}`)),
    take(3),
    toArray(),
  ),
);
// A hot stream has no past, and towards a server it takes a moment to begin: so sell until it has
// told.
let selling = true;
void seen.then(() => (selling = false));
for (let apples = 19; selling; apples--) {
  await put('apples', apples);
  await sleep(20);
}
const revisions = (await seen).map(({ revision }) => revision);
assert.deepEqual(
  revisions,
  [...revisions].sort((a, b) => a - b),
);

view.pause();
await store.close();
await rm(dataDir, { recursive: true });
console.log('\nDone: the view was away, and is exactly right again.');
