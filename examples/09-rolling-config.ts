// A change of configuration that walks through a fleet, and stops when it does harm.
//
// Six servers share one configuration. When it changes they do not all jump at once: a semaphore
// admits two at a time, each applies the change and must be well with it for a while, and only then
// the next may go. When too many are not well, nobody else takes the change; the first ones go back
// to what they had. A change that mends it needs no command: it takes the place of the bad one.
//
// Run it:                  npm run example 9
// Against a server:        npm run example 9 -- --endpoints http://127.0.0.1:2379
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { filter, firstValueFrom } from 'rxjs';
import { connect, coordinate, openEmbedded, prefix } from 'tidelock';
import { z } from 'zod';

const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
const store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });
for (const text of ['example-9/', 'example-9@', 'example-9-rollout/']) {
  await store.delete(prefix(text));
}

const Settings = z.object({ cacheMb: z.number().int().min(1) });
const publish = (cacheMb: number) =>
  store.put({ key: 'example-9/cacheMb', value: String(cacheMb) });

console.log(
  'Six servers start with a cache of 64 MB. They run on small machines, so what the schema',
);
console.log('lets pass can still be too much: with more than 512 MB they are not well.');
await publish(64);
const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const fleet = names.map((name) => {
  const coord = coordinate(store, { identity: `server-${name}` });
  const config = coord.config('example-9/', Settings);
  let cacheMb = 0;
  const rollout = config.applyWith(coord.semaphore('example-9-rollout', { initialLimit: 2 }), {
    apply: (settings) => {
      cacheMb = settings.cacheMb;
      console.log(`  server-${name} now uses ${cacheMb} MB`);
    },
    healthy: () => {
      if (cacheMb > 512) throw new Error(`${cacheMb} MB are more than the machine has`);
      return true;
    },
    soakMs: 100,
    healthTimeoutMs: 200,
    healthPollMs: 20,
    failureBudget: 1,
    first: 'at-once', // there is nothing to go easy on yet
  });
  return { coord, config, rollout };
});

// What a publisher sees. In a terminal: npx tidelock config status example-9/
const publisher = coordinate(store, { identity: 'publisher' });
const { rollout$ } = publisher.config('example-9/', Settings);
const everywhere = () => firstValueFrom(rollout$.pipe(filter(({ done }) => done.length === 6)));
await everywhere();

console.log('\nThe cache grows to 128 MB, two servers at a time.');
await publish(128);
await everywhere();

console.log('\nSomebody means well: 4096 MB. The schema has nothing against it.');
await publish(4096);
const stopped = await Promise.all(
  fleet.map(({ rollout }) =>
    firstValueFrom(
      rollout.state$.pipe(filter(({ kind }) => kind === 'failed' || kind === 'stopped')),
    ),
  ),
);
const { failures } = await firstValueFrom(rollout$.pipe(filter((now) => now.failures.length > 1)));
console.log(`  failed: ${failures.map(({ instance }) => instance).join(', ')}`);
console.log(`  because: ${failures[0]?.message}`);
const untouched = stopped.filter(({ kind }) => kind === 'stopped').length;
console.log(`  ${untouched} servers never tried it; those that did are back at 128 MB`);

console.log('\nThe publisher thinks again: 256 MB. It rolls on by itself, to all of them.');
await publish(256);
await everywhere();

for (const { coord } of fleet) await coord.close();
await publisher.close();
await store.close();
await rm(dataDir, { recursive: true });
console.log('\nDone: a bad value met two or three servers of six, for a moment.');
