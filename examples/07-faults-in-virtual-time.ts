// A service of your own under a partition and a long pause, tested in virtual time.
//
// The Reporter below is application code: whoever leads writes a report every second. Its test runs
// three real members and two instances of the service inside this process, on simulated machines,
// wires, disks and clocks. A minute of trouble takes about a second, and one seed always gives the
// same run. The test finds what a demonstration would not: an instance that sleeps through the loss
// of its leadership writes one more report when it wakes, unless the ledger looks at the term.
//
// Run it:                  npm run example 7
// Another world:           npm run example 7 -- --seed 42
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { coordinate, type Store } from 'tidelock';
import type { Coordination } from 'tidelock/recipes';
import { type SimClient, Simulation, World } from 'tidelock/simulation';

interface Report {
  readonly atMs: number;
  readonly by: string;
  readonly term: number;
}

type Send = (report: Omit<Report, 'atMs'>) => void;

/** Where reports go: a resource outside the store. It can be made to refuse terms that are over. */
class Ledger {
  readonly reports: Report[] = [];
  readonly refused: Report[] = [];
  readonly #isFenced: boolean;
  #termMax = 0;

  constructor(isFenced: boolean) {
    this.#isFenced = isFenced;
  }

  append(report: Report): void {
    if (this.#isFenced && report.term < this.#termMax) {
      this.refused.push(report);
      return;
    }
    this.#termMax = Math.max(this.#termMax, report.term);
    this.reports.push(report);
  }
}

/** The application's service. It knows no simulation: in production it has the same constructor. */
class Reporter {
  readonly name: string;
  readonly #coord: Coordination;
  readonly #clock: Store['clock'];
  readonly #send: Send;

  constructor(name: string, store: Store, send: Send) {
    this.name = name;
    this.#coord = coordinate(store, { identity: name, ttlSeconds: 5 });
    this.#clock = store.clock;
    this.#send = send;
  }

  /** Reports for as long as it leads, and stands again when it does not. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#coord.election('reporter').runWhileLeader(
      async (term, leading) => {
        while (!leading.aborted) {
          this.#send({ by: this.name, term });
          await new Promise<void>((resolve) => {
            this.#clock.timer(1000, resolve);
          });
        }
      },
      { signal },
    );
  }
}

/** One run: what the ledger holds after a partition, a long pause and a quiet end. */
async function play(seed: number, isFenced: boolean): Promise<Ledger> {
  // The host can tell better than a fixed number of turns when nothing is left to run.
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const sim = new Simulation({ seed, settle });
  const world = new World({ sim, memberCount: 3, callsPerSecond: 0 });
  const { cluster, network } = world;
  const ledger = new Ledger(isFenced);
  const stop = new AbortController();
  await sim.run(cluster.start(), 10_000);

  const instances = ['anna', 'boris'].map((name) => {
    const client = world.addClient();
    // The way to the ledger takes 20 ms: time in which a sender may fall asleep.
    const send: Send = (report) => {
      client.store.clock.timer(20, () => ledger.append({ ...report, atMs: sim.nowMs }));
    };
    return { client, reporter: new Reporter(name, client.store, send) };
  });
  const running = instances.map(({ reporter }) => reporter.run(stop.signal));
  const clientOf = (name: string | undefined): SimClient => {
    const found = instances.find(({ reporter }) => reporter.name === name);
    assert(found !== undefined, `${name} is no instance`);
    return found.client;
  };
  await sim.advance(5000);

  const first = ledger.reports.at(-1)?.by;
  story(sim, `${first} leads; her machine loses every wire to the cluster`);
  const cut = (isCut: boolean): void => {
    for (const { machine } of cluster.members) {
      network.setCut(clientOf(first).machine, machine, isCut);
      network.setCut(machine, clientOf(first).machine, isCut);
    }
  };
  cut(true);
  await sim.advance(15_000);
  cut(false);

  const second = ledger.reports.at(-1)?.by;
  story(sim, `${second} has taken over; now that machine falls asleep, half way to the ledger`);
  // Asleep in the moment after a report was sent and before it arrived.
  const before = ledger.reports.length;
  await sim.run(
    world.until(() => ledger.reports.length > before, 5000, 1).then(() => sim.pause(1000 - 10)),
    10_000,
  );
  clientOf(second).machine.pause();
  await sim.advance(20_000);
  clientOf(second).machine.resume();
  await sim.advance(5000);
  story(sim, `${second} woke up; ${ledger.reports.at(-1)?.by} leads`);

  stop.abort();
  await sim.run(Promise.all(running), 30_000);
  return ledger;
}

function story(sim: Simulation, text: string): void {
  console.log(`  ${(sim.nowMs / 1000).toFixed(1).padStart(5)} s  ${text}`);
}

/** Reports that came after one of a later term: two leaders wrote side by side. */
function outOfTurn(reports: readonly Report[]): readonly Report[] {
  return reports.filter((report, at) =>
    reports.slice(0, at).some((earlier) => earlier.term > report.term),
  );
}

const { seed } = parseArgs({ options: { seed: { type: 'string', default: '7' } } }).values;

const startMs = performance.now();

console.log('A ledger that takes everything:');
const open = await play(Number(seed), false);
const late = outOfTurn(open.reports);
console.log(`  ${open.reports.length} reports, ${late.length} of them by a leader of the past`);
assert(late.length > 0, 'a sender that slept half way does write late');

console.log('\nThe same world, and a ledger that refuses terms that are over:');
const fenced = await play(Number(seed), true);
console.log(`  ${fenced.reports.length} reports, ${fenced.refused.length} refused`);
assert.deepEqual(outOfTurn(fenced.reports), []);
assert(fenced.refused.length > 0);
assert(new Set(fenced.reports.map(({ by }) => by)).size === 2, 'both had their turn');

const seconds = Math.round((open.reports.at(-1)?.atMs ?? 0) / 1000);
const took = Math.round(performance.now() - startMs);
console.log(`\nDone: twice ${seconds} seconds of trouble in ${took} ms, the same every time.`);
