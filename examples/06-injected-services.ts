// An application whose classes are given a lock, an election, a typed configuration and its peers.
//
// With inversify, a class asks for what it uses: `@inject(LOCKS)` gives it locks, and it neither
// knows nor cares whether they come from a store in this process or from a cluster. The module
// binds light objects that open nothing until they are used, and unloading it ends all that was
// held, in order. A lock that is held is a return value and never a binding. The same application
// without any container is example 10.
//
// Run it:                  npm run example 6
// Against a server:        npm run example 6 -- --endpoints http://127.0.0.1:2379
import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Container, ContainerModule, inject, injectable, type ServiceIdentifier } from 'inversify';
import { filter, firstValueFrom } from 'rxjs';
import { connect, openEmbedded, prefix, type Store, toText } from 'tidelock';
import {
  bindConfig,
  bindElection,
  type Locks,
  LOCKS,
  MEMBERSHIPS,
  type Memberships,
  recipesModule,
  STORE,
} from 'tidelock/inversify';
import type { Config, Election } from 'tidelock/recipes';
import { z } from 'zod';

const Settings = z.object({ currency: z.string().length(3), firstInvoice: z.number().int() });
type Settings = z.infer<typeof Settings>;

// The application's own tokens, for the two things that its classes want whole.
const SETTINGS = Symbol.for('billing/Settings') as ServiceIdentifier<Config<Settings>>;
const CLOSING = Symbol.for('billing/Closing') as ServiceIdentifier<Election>;

/** Gives out invoice numbers; never the same one twice, however many do it at once. */
@injectable()
class Invoices {
  readonly #locks: Locks;
  readonly #settings: Config<Settings>;
  readonly #store: Store;

  constructor(
    @inject(LOCKS) locks: Locks,
    @inject(SETTINGS) settings: Config<Settings>,
    @inject(STORE) store: Store,
  ) {
    this.#locks = locks;
    this.#settings = settings;
    this.#store = store;
  }

  next(): Promise<string> {
    return this.#locks.withLock('example-6/invoices', {}, async (held) => {
      const { currency, firstInvoice } = this.#settings.value;
      const { kvs } = await this.#store.range({ key: 'example-6/last-invoice' });
      const number = kvs[0] === undefined ? firstInvoice : Number(toText(kvs[0].value)) + 1;
      const { succeeded } = await this.#store.txn({
        compare: [held.guard()],
        success: [{ kind: 'put', key: 'example-6/last-invoice', value: String(number) }],
      });
      if (!succeeded) throw new Error('the lock was lost under the work');
      return `${currency}-${number}`;
    });
  }
}

/** Closes the books: one instance of all does it, as long as it leads. */
@injectable()
class Bookkeeper {
  readonly #closing: Election;
  readonly #memberships: Memberships;

  constructor(@inject(CLOSING) closing: Election, @inject(MEMBERSHIPS) memberships: Memberships) {
    this.#closing = closing;
    this.#memberships = memberships;
  }

  /** Says that this instance is there. It is taken back when the recipes end. */
  async join(id: string): Promise<void> {
    await this.#memberships.members('example-6/instances').join({ id });
  }

  /** @returns in which term the books were closed, with how many instances looking on */
  closeBooks(): Promise<string | undefined> {
    return this.#closing.runWhileLeader(async (term) => {
      const { members } = await this.#memberships.members('example-6/instances').list();
      return `the books are closed in term ${term}, with ${members.length} instance there`;
    });
  }
}

const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
const store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });
await store.delete(prefix('example-6/'));
await store.put({ key: 'example-6/settings/currency', value: 'EUR' });
await store.put({ key: 'example-6/settings/firstInvoice', value: '1000' });

const container = new Container();
const recipes = recipesModule({ store, identity: 'billing' });
container.load(recipes);
container.load(
  new ContainerModule((binder) => {
    bindConfig(binder, SETTINGS, { prefix: 'example-6/settings/', schema: Settings });
    bindElection(binder, CLOSING, 'example-6/closing');
    binder.bind(Invoices).toSelf().inSingletonScope();
    binder.bind(Bookkeeper).toSelf().inSingletonScope();
  }),
);

console.log('The settings are injected as an object that follows the store.');
const settings = container.get(SETTINGS);
console.log(`  ${JSON.stringify(await settings.ready())}`);

console.log('\nFive callers ask the injected service for invoice numbers at the same time.');
const invoices = container.get(Invoices);
const numbers = await Promise.all(Array.from({ length: 5 }, () => invoices.next()));
console.log(`  they got ${numbers.sort().join(', ')}`);

console.log('\nSomebody changes the currency; the next number has it.');
await store.put({ key: 'example-6/settings/currency', value: 'CHF' });
await firstValueFrom(settings.value$.pipe(filter(({ currency }) => currency === 'CHF')));
console.log(`  ${await invoices.next()}`);

console.log('\nThe bookkeeper joins its peers and closes the books while it leads.');
const bookkeeper = container.get(Bookkeeper);
await bookkeeper.join('instance-1');
console.log(`  ${await bookkeeper.closeBooks()}`);

console.log('\nUnloading the module ends the recipes, then their sessions. The store stays open.');
await container.unloadAsync(recipes);
const left = await store.range({ ...prefix('example-6/instances/'), countOnly: true });
console.log(`  instances that are still there: ${left.count}`);

await store.close();
await rm(dataDir, { recursive: true });
console.log('\nDone: classes that know nothing of where their locks and settings come from.');
