// The application of example 6 without any container: one object has every recipe.
//
// Nothing in the recipes needs dependency injection. `coordinate(store)` gives one object; handles
// come from its methods, what is held comes from theirs, and `await using` ends everything in
// order.
//
// Run it:                  npm run example 10
// Against a server:        npm run example 10 -- --endpoints http://127.0.0.1:2379
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, coordinate, openEmbedded, prefix, toText } from 'tidelock';
import { z } from 'zod';

const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
{
  await using store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });
  await store.delete(prefix('example-10/'));
  await store.put({ key: 'example-10/settings/currency', value: 'EUR' });
  await store.put({ key: 'example-10/settings/firstInvoice', value: '1000' });

  await using coord = coordinate(store, { identity: 'billing' });
  const Settings = z.object({ currency: z.string().length(3), firstInvoice: z.number().int() });
  const settings = coord.config('example-10/settings/', Settings);
  console.log(`The settings: ${JSON.stringify(await settings.ready())}`);

  const nextInvoice = (): Promise<string> =>
    coord.lock('example-10/invoices', {}, async (held) => {
      const { currency, firstInvoice } = settings.value;
      const { kvs } = await store.range({ key: 'example-10/last-invoice' });
      const number = kvs[0] === undefined ? firstInvoice : Number(toText(kvs[0].value)) + 1;
      const written = await coord
        .txn()
        .if(held, settings)
        .put('example-10/last-invoice', String(number))
        .commit();
      if (!written.succeeded) throw new Error('the lock was lost, or the settings are others now');
      return `${currency}-${number}`;
    });
  const numbers = await Promise.all(Array.from({ length: 5 }, nextInvoice));
  console.log(`Five callers at the same time got ${numbers.sort().join(', ')}`);

  const instances = coord.members('example-10/instances');
  await instances.join({ id: 'instance-1' });
  const closed = await coord.election('example-10/closing').runWhileLeader(async () => {
    const { members } = await instances.list();
    return `the books are closed, with ${members.length} instance there`;
  });
  console.log(`While it led: ${closed}`);
}
await rm(dataDir, { recursive: true });
console.log('\nDone: the same application, and no container.');
