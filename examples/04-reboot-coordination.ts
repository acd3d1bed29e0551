// Machines that reboot one at a time, and slots that outlive the machines that hold them.
//
// A fleet gets a new kernel, and every machine has to reboot; never more than `max` of a group at
// once. Each runs an agent that asks for a slot, reboots, and gives the slot back when it is
// healthy again. A slot is no lock: its holder is meant to disappear. So it hangs on no lease and
// no process; it stays until it is given back, and an agent that asks again after the reboot simply
// finds it.
//
// Run it:                  npm run example 4
// Against a server:        npm run example 4 -- --endpoints http://127.0.0.1:2379
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { filter, firstValueFrom } from 'rxjs';
import { connect, coordinate, openEmbedded, prefix } from 'tidelock';
import type { RebootStatus } from 'tidelock/recipes';

const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
const store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });

const GROUP = 'example-4';
await store.delete(prefix(`reboot/${GROUP}/`));

// What an operator sees. In a terminal: npx tidelock reboot status --group example-4
const operator = coordinate(store, { identity: 'operator' });
const { status$ } = operator.reboots(GROUP);
let lastLine = '';
status$.subscribe(({ max, holders, queue }) => {
  const names = (list: readonly { readonly node: string }[]): string =>
    list.map(({ node }) => node).join(', ') || 'nobody';
  const taken = `  [${holders.length} of ${max}] may reboot: ${names(holders)}`;
  const line = `${taken}; waiting: ${names(queue)}`;
  if (line !== lastLine) console.log(line);
  lastLine = line;
});
await firstValueFrom(status$);

console.log('\nFour agents ask for a slot. One gets it, the others stand in line.');
const nodes = ['host-1', 'host-2', 'host-3', 'host-4'];
const agents = new Map(nodes.map((node) => [node, coordinate(store, { identity: node })]));
const grants = new Map<string, Promise<{ readonly revision: number }>>();
const seen = (nodes: number) => (status: RebootStatus) =>
  status.holders.length + status.queue.length >= nodes;
for (const [node, agent] of agents) {
  grants.set(node, agent.reboots(GROUP).acquire({ node, reason: 'kernel 6.12' }));
  await firstValueFrom(status$.pipe(filter(seen(grants.size)))); // one after the other
}
const grant = await grants.get('host-1');
console.log(`  host-1 was granted its slot at revision ${grant?.revision}`);

console.log('\nhost-1 reboots: its agent, with all it had open, is gone. Its slot is not.');
await agents.get('host-1')?.close();
const { holders } = await operator.reboots(GROUP).status();
console.log(`  still holding: ${holders.map(({ node }) => node).join()}`);

console.log(
  '\nIt comes back, and its agent asks again, as it does at each start. That is harmless:',
);
const reborn = coordinate(store, { identity: 'host-1 after the reboot' });
const again = await reborn.reboots(GROUP).acquire({ node: 'host-1' });
console.log(`  it is the same slot, of revision ${again.revision}`);

console.log('\nhost-1 is healthy and gives the slot back. The next in line has it at once.');
await reborn.reboots(GROUP).release({ node: 'host-1' });
await grants.get('host-2');

console.log('\nThe operator is in a hurry: two at a time from now on.');
await operator.reboots(GROUP).setMax(2);
await grants.get('host-3');

console.log('\nhost-2 will never come back. The operator gives its slot back in its place.');
await operator.reboots(GROUP).release({ node: 'host-2' });
await grants.get('host-4');

console.log('\nThe others finish.');
await agents.get('host-3')?.reboots(GROUP).release({ node: 'host-3' });
await agents.get('host-4')?.reboots(GROUP).release({ node: 'host-4' });
await firstValueFrom(status$.pipe(filter((status) => status.holders.length === 0)));

for (const coord of [...agents.values(), reborn, operator]) await coord.close();
await store.close();
await rm(dataDir, { recursive: true });
console.log('\nDone: four reboots asked for, and never more at once than allowed.');
