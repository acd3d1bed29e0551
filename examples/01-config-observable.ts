// Configuration that changes while the program runs, and is valid at every moment.
//
// A service reads its settings from keys under one prefix. `coord.config` turns the prefix into one
// typed value: `config.value` is the last good one, `config.value$` tells of each new one. Four
// things are worth seeing here:
//
//   1. The schema stands at the door. An update that it refuses never becomes the value; the last
//      good one stays, and `rejected$` says what was wrong.
//   2. A value is built from one revision. Keys that are written together, in one transaction, are
//      seen together: no reader ever meets the new minimum beside the old maximum.
//   3. A program can start while the store is away, with the last settings that were good.
//   4. Any schema library with the Standard Schema interface will do. This uses zod.
//
// Run it:                  npm run example 1
// Against a server:        npm run example 1 -- --endpoints http://127.0.0.1:2379
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { filter, firstValueFrom } from 'rxjs';
import { connect, coordinate, openEmbedded, prefix, savedFile } from 'tidelock';
import { z } from 'zod';

// Where the settings live: in a server, or in this process with the data in a folder of its own.
const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
const store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });
await store.delete(prefix('example-1/')); // what an earlier run may have left on a server

// The keys become a tree by their slashes: example-1/pool/min is settings.pool.min. Values are read
// as JSON where they are JSON, so "8080" is a number.
const Settings = z.object({
  port: z.number().int().min(1).max(65_535),
  pool: z
    .object({ min: z.number(), max: z.number() })
    .refine(({ min, max }) => min <= max, 'min is above max'),
});

console.log('The publisher writes the first settings, all in one transaction.');
await store.txn({
  success: [
    { kind: 'put', key: 'example-1/port', value: '8080' },
    { kind: 'put', key: 'example-1/pool/min', value: '1' },
    { kind: 'put', key: 'example-1/pool/max', value: '4' },
  ],
});

const coord = coordinate(store);
const cache = { saved: savedFile(join(dataDir, 'settings-cache.json')) };
const config = coord.config('example-1/', Settings, { cache });
await config.ready();
config.value$.subscribe(({ port, pool }) => {
  const settings = `port ${port}, pool ${pool.min} to ${pool.max}`;
  console.log(`  the service runs with ${settings} (revision ${config.revision})`);
});

console.log('\nSomebody mistypes the port. The service is told, and goes on with what it has.');
const refused = firstValueFrom(config.rejected$);
await store.put({ key: 'example-1/port', value: 'eighty' });
const { revision, issues } = await refused;
console.log(`  revision ${revision} was refused: ${issues[0]?.message}`);
console.log(`  the port still is ${config.value.port}`);

console.log('\nThe typo is mended, and the pool moved from 1..4 to 8..16 in the same revision.');
console.log('Between the two writes of the pool, min would be above max; nobody ever sees that.');
const moved = firstValueFrom(config.value$.pipe(filter(({ pool }) => pool.min === 8)));
await store.txn({
  success: [
    { kind: 'put', key: 'example-1/port', value: '9090' },
    { kind: 'put', key: 'example-1/pool/min', value: '8' },
    { kind: 'put', key: 'example-1/pool/max', value: '16' },
  ],
});
await moved;

await coord.close();
await store.close();

console.log('\nThe store goes away, and the service starts anew. It has a cache, and comes up.');
const alive = setInterval(() => undefined, 1000); // as the open port of a service would keep it
const reborn = coordinate(store); // all it knows is a store that does not answer
const offline = reborn.config('example-1/', Settings, { cache });
await offline.ready({ cachedAfterMs: 100 });
console.log(`  status ${offline.status.kind}: port ${offline.value.port}, until the store answers`);

clearInterval(alive);
await reborn.close();
await rm(dataDir, { recursive: true });
console.log('\nDone: two values, one refusal, and never a moment without valid settings.');
