// The recipes as services that a container injects into an application's own classes.
//
// With inversify, a class asks for what it uses: `@inject(LOCKS)` gives it locks, and it neither
// knows nor cares whether they come from a store in this process or from a cluster. The module
// binds light objects that open nothing until they are used, and unloading it ends all that was
// held, in order. A lock that is held is a return value and never a binding.
//
// Run it:                  npm run example 6
// Against a server:        npm run example 6 -- --endpoints http://127.0.0.1:2379
import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Container, inject, injectable } from 'inversify';
import { connect, openEmbedded, prefix, type Store, toText } from 'tidelock';
import { type Locks, LOCKS, recipesModule, STORE } from 'tidelock/inversify';

/** The application's own class. A test gives it the store in memory, or locks of its own making. */
@injectable()
class Billing {
  readonly #locks: Locks;
  readonly #store: Store;

  constructor(@inject(LOCKS) locks: Locks, @inject(STORE) store: Store) {
    this.#locks = locks;
    this.#store = store;
  }

  /** Gives out the next invoice number; never the same one twice, however many do it at once. */
  nextInvoice(): Promise<number> {
    return this.#locks.withLock('example-6/invoices', {}, async (held) => {
      const { kvs } = await this.#store.range({ key: 'example-6/last-invoice' });
      const number = Number(kvs[0] === undefined ? 0 : toText(kvs[0].value)) + 1;
      const { succeeded } = await this.#store.txn({
        compare: [held.guard()],
        success: [{ kind: 'put', key: 'example-6/last-invoice', value: String(number) }],
      });
      if (!succeeded) throw new Error('the lock was lost under the work');
      return number;
    });
  }
}

const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
const store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });
await store.delete(prefix('example-6/'));

const container = new Container();
const recipes = recipesModule({ store, identity: 'billing' });
container.load(recipes);
container.bind(Billing).toSelf().inSingletonScope();

console.log('Five callers ask the injected service for invoice numbers at the same time.');
const billing = container.get(Billing);
const numbers = await Promise.all(Array.from({ length: 5 }, () => billing.nextInvoice()));
console.log(`  they got ${numbers.sort((a, b) => a - b).join(', ')}`);

console.log('\nUnloading the module ends the recipes, then their sessions. The store stays open.');
await container.unloadAsync(recipes);
const { ids } = await store.leases.list();
console.log(
  endpoints ? '  the leases of this process are revoked' : `  leases left: ${ids.length}`,
);

await store.close();
await rm(dataDir, { recursive: true });
console.log('\nDone: an application class that knows nothing of where its locks come from.');
