// Twenty machines in two zones get a new image, the image is bad, and the budget stops the fleet.
//
// Each machine runs an agent: it asks for a slot, reboots, and reports that it is back. The policy
// lets two machines go at a time, never two of one zone. The first five reboots go well. From the
// sixth on the image does not boot: those machines never come back. A lock with a time limit would
// hand their slots on, and the bad image would walk through the whole fleet. Here a machine that is
// not back in time becomes stuck; one stuck machine is within the budget, two are not, and then
// nobody else may go. An operator looks, repairs the image and the machines, and the rest follows.
//
// Run it:                  npm run example 8
// Against a server:        npm run example 8 -- --endpoints http://127.0.0.1:2379
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { filter, firstValueFrom } from 'rxjs';
import { connect, coordinate, openEmbedded, prefix } from 'tidelock';
import type { Coordination, RebootPhase, RebootStatus } from 'tidelock/recipes';

const { endpoints } = parseArgs({ options: { endpoints: { type: 'string' } } }).values;
const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-example-'));
const store = endpoints ? await connect(endpoints) : await openEmbedded({ dataDir });

const GROUP = 'example-8';
const MACHINES = 20;
const GOOD_REBOOTS = 5;
const REBOOT_MS = 150;
await store.delete(prefix(`reboot/${GROUP}/`));

type Mark = RebootPhase | 'old image' | 'new image';
const SYMBOLS: Record<Mark, string> = {
  'old image': '·',
  granted: '?',
  rebooting: '↻',
  soaking: '↻',
  stuck: '✗',
  'new image': '✓',
};
const COLOURS: Record<Mark, number> = {
  'old image': 2,
  granted: 36,
  rebooting: 33,
  soaking: 33,
  stuck: 31,
  'new image': 32,
};

const machines = Array.from({ length: MACHINES }, (_, at) => ({
  node: `host-${String(at + 1).padStart(2, '0')}`,
  zone: at < MACHINES / 2 ? 'east' : 'west',
}));
const renewed = new Set<string>();
let image: 'good' | 'bad' = 'good';

// The screen: one row for each zone. On a terminal it is drawn in place, elsewhere line by line.
const live = process.stdout.isTTY === true;
let drawn = '';
let milestone = '';
function draw(status: RebootStatus): void {
  const phases = new Map(status.holders.map(({ node, phase }) => [node, phase]));
  const rows = ['east', 'west'].map((zone) => {
    const marks = machines
      .filter((machine) => machine.zone === zone)
      .map(({ node }): Mark => phases.get(node) ?? (renewed.has(node) ? 'new image' : 'old image'))
      .map((mark) => (live ? `\u001b[${COLOURS[mark]}m${SYMBOLS[mark]}\u001b[0m` : SYMBOLS[mark]));
    return `  ${zone} ${marks.join(' ')}`;
  });
  const state = status.exhausted ? 'STOPPED: the failure budget is exhausted' : 'rolling';
  const counts = `  ${status.taken} rebooting, ${status.stuck} stuck, ${status.queue.length} waiting; ${state}`;
  const text = [...rows, counts].join('\n');
  const reached = `${renewed.size} ${status.stuck}`;
  if (text === drawn || (!live && reached === milestone)) return;
  milestone = reached;
  if (live && drawn !== '') process.stdout.write(`\u001b[${rows.length + 1}A\u001b[J`);
  console.log(text);
  drawn = text;
}

const operator = coordinate(store, { identity: 'operator' });
const group = operator.reboots(GROUP);
await group.setPolicy({
  max: 2,
  order: { by: 'zone', rule: 'one-per-zone' },
  rebootTimeoutSeconds: 2,
  failureBudget: 1,
});
console.log('Two at a time, one of each zone; back within two seconds; one may fail.\n');
group.status$.subscribe(draw);

/** What runs on a machine; `boot` is how its agent lives through one reboot. */
let reboots = 0;
async function agent({ node, zone }: { node: string; zone: string }): Promise<void> {
  const before: Coordination = coordinate(store, { identity: node });
  const slots = before.reboots(GROUP);
  await slots.acquire({ node, zone, bootId: 'old', reason: 'image 42' });
  await slots.rebooting({ node });
  await before.close(); // the machine goes down, and its agent with it
  reboots += 1;
  if (reboots > GOOD_REBOOTS) image = repaired ? 'good' : 'bad';
  const boots = image === 'good';
  await sleep(REBOOT_MS);
  if (boots) await comeBack(node);
  else await repair.then(() => comeBack(node));
}

/** The first thing that an agent does on a machine that is up again. */
async function comeBack(node: string): Promise<void> {
  const after = coordinate(store, { identity: `${node} after the reboot` });
  renewed.add(node);
  await after.reboots(GROUP).steady({ node, bootId: 'new' });
  await after.close();
}

let repaired = false;
let finishRepair = (): void => undefined;
const repair = new Promise<void>((resolve) => {
  finishRepair = resolve;
});

const fleet = Promise.all(machines.map(agent));
const stopped = await firstValueFrom(group.status$.pipe(filter((status) => status.exhausted)));
draw(stopped);
const safe = MACHINES - renewed.size - stopped.holders.length;
const stuck = stopped.holders.map(({ node }) => node).join(' and ');
console.log(`\n${stuck} did not come back. ${safe} machines still run the old image, untouched.`);
const plan = await group.plan(stopped.queue[0]?.node ?? 'host-20');
console.log(`Asked why, ${plan.node} would say: ${plan.reason}\n`);

console.log(
  'The operator repairs the image and the two machines; they report, the fleet goes on.\n',
);
drawn = '';
milestone = '';
repaired = true;
finishRepair();
await fleet;
draw(await group.status());

if (endpoints) console.log(`\nThe audit trail: npx tidelock reboot log --group ${GROUP}`);
const log = await group.log();
const times = (kind: string): number => log.filter((entry) => entry.kind === kind).length;
console.log(
  `\n${times('granted')} slots granted, ${times('stuck')} stuck, all ${renewed.size} machines renewed.`,
);

await operator.close();
await store.close();
await rm(dataDir, { recursive: true });
console.log('\nDone: a bad image stopped at two machines of twenty.');
