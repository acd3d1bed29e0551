// One leader among three candidates, and what everybody else sees of it.
//
// Some work may be done by one process at a time: a scheduler, a compactor, whoever sends the
// invoices. Three candidates stand for election. `runWhileLeader` is all that such a process needs:
// it waits for its turn, runs the work with a term and a signal, and stands again when the
// leadership was lost. `leader$` is for everybody else: who leads, and null in the moments when
// nobody does.
//
// Run it:                  npm run example 3
// Against a server:        npm run example 3 -- --endpoints http://127.0.0.1:2379
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BehaviorSubject, filter, firstValueFrom } from 'rxjs';
import { connect, coordinate, openEmbedded, prefix } from 'tidelock';

const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
const store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });
await store.delete(prefix('example-3/'));

const ELECTION = 'example-3/scheduler';

// An observer, which is no candidate. In a terminal: npx tidelock elect example-3/scheduler
// --listen
const observer = coordinate(store);
const { leader$ } = observer.election(ELECTION);
leader$.subscribe((leader) => {
  console.log(leader ? `  (${leader.value} leads in term ${leader.term})` : '  (nobody leads)');
});
await firstValueFrom(leader$);

console.log('\nAda campaigns by hand: she holds a leadership until she resigns.');
const ada = coordinate(store, { identity: 'ada' });
const leadership = await ada.election(ELECTION).campaign();
await firstValueFrom(leader$.pipe(filter((leader) => leader?.value === 'ada')));

console.log('\nBo and Cy stand in line. Their work runs only while they lead.');
const bo = coordinate(store, { identity: 'bo' });
const cy = coordinate(store, { identity: 'cy' });
const stop = new AbortController();

// Bo does three small jobs and is done; then he leaves the election by himself.
const boDone = bo.election(ELECTION).runWhileLeader(async (term, signal) => {
  for (let job = 1; job <= 3 && !signal.aborted; job++) {
    console.log(`  bo does job ${job} of term ${term}`);
    await sleep(20);
  }
  return 'three jobs';
});
await sleep(200); // so that Bo stands before Cy

// Cy leads for as long as the signal lets him, as a service would.
const cyTerm$ = new BehaviorSubject(0);
const cyDone = cy.election(ELECTION).runWhileLeader(
  async (term, signal) => {
    console.log(`  cy begins term ${term}`);
    cyTerm$.next(term);
    while (!signal.aborted) await sleep(10);
    console.log(`  cy stops: ${(signal.reason as Error).message}`);
  },
  { signal: stop.signal },
);
await sleep(200);

console.log('\nAda tells the observers where she can be reached, without a new term.');
await leadership.proclaim('ada at 10.0.0.1:8080');
await firstValueFrom(leader$.pipe(filter((leader) => leader?.value.includes('10.0.0.1') === true)));

console.log('\nAda resigns. The next in line follows at once, the one after when he is done.');
await leadership.resign();
console.log(`  bo reports: ${await boDone}`);
const firstTerm = await firstValueFrom(cyTerm$.pipe(filter((term) => term > 0)));
await firstValueFrom(leader$.pipe(filter((leader) => leader?.term === firstTerm)));

console.log("\nCy's leadership is lost: somebody deletes the key. He stops, then stands again.");
await store.delete({ key: `${ELECTION}/leader` });
const nextTerm = await firstValueFrom(cyTerm$.pipe(filter((term) => term > firstTerm)));
await firstValueFrom(leader$.pipe(filter((leader) => leader?.term === nextTerm)));

console.log('\nCy is asked to stop: he ends his work, resigns, and nobody is left.');
const empty = firstValueFrom(leader$.pipe(filter((leader) => leader === null)));
stop.abort();
await cyDone;
await empty;

for (const coord of [ada, bo, cy, observer]) await coord.close();
await store.close();
await rm(dataDir, { recursive: true });
console.log('\nDone: never two leaders, and a larger term each time.');
