/**
 * Three real members under load that are killed, stopped and cut off, until there were enough kills
 * or the time is over; then what the users saw is judged by the checkers of the simulation, and the
 * members must hold the same. What is left of a failed run is kept, and the failure names it.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../../src/client/index.js';
import { checkHistory } from '../../../src/simulation/check/check-history.js';
import type { History, Violation } from '../../../src/simulation/check/history.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { allKeys, type Store } from '../../../src/store/index.js';
import { ClusterProcesses } from '../../support/cluster-processes.js';
import { RunRecorder } from '../../support/recording-client.js';
import { until } from '../../server/support/until.js';
import { Disturbances } from './disturbances.js';
import { keepEvidence } from './evidence.js';
import { hashKv } from './hash-kv.js';
import { Load } from './load.js';

/** After each round the cluster must take writes again: at once, but for a busy machine. */
const PROGRESS_WITHIN_MS = 30_000;
const SETTLED_WITHIN_MS = 60_000;
/** How long a watch may take to hear of a revision when everything is healed. */
const TAIL_BOUND_MS = 10_000;
/** Small limits, so that flushes, marks and states for members that lag happen all the time. */
const FLAGS = [
  ...['--snapshot-count', '50', '--snapshot-catchup-entries', '20'],
  ...['--backend-batch-interval', '15ms', '--backend-batch-limit', '40'],
];
const USERS = { writers: 6, leasers: 2, watchers: 3 };

export interface KillRunOptions {
  readonly seed: number;
  /** Whether the run has had enough. */
  readonly over: (kills: number) => boolean;
  /** Told after each round. */
  readonly tell?: (line: string) => void;
}

export interface KillReport {
  readonly kills: number;
  readonly disturbances: ReadonlyMap<string, number>;
  readonly revisions: number;
  readonly operations: number;
  readonly answered: number;
  readonly watches: number;
}

/** @throws Error that names the seed, what was broken and where the evidence is */
export async function runKills(options: KillRunOptions): Promise<KillReport> {
  const { seed } = options;
  const cluster = await ClusterProcesses.start({ program: 'tidelock', flags: FLAGS });
  const recorder = new RunRecorder();
  const random = new SimRandom(seed);
  const disturbances = new Disturbances(cluster, recorder, random.split('disturbances'));
  try {
    const { endpoints } = cluster;
    const load = await Load.start({ ...USERS, endpoints, recorder, random: random.split('load') });
    try {
      await disturb(options, disturbances, recorder);
      const healedMs = performance.now();
      await load.stop();
      await cluster.settled(SETTLED_WITHIN_MS);
      await sameEverywhere(cluster, recorder);
      const history = recorder.finish();
      const violations = checkHistory(history, { tail: { healedMs, boundMs: TAIL_BOUND_MS } });
      assert.deepEqual(violations.map(lineOf), []);
      return reportOf(history, disturbances);
    } finally {
      await load.close();
    }
  } catch (error) {
    const { log, failures } = recorder;
    const facts = { failures: [...failures], history: log.finish() };
    const folder = keepEvidence(cluster, facts);
    const reason = error instanceof Error ? error.message : String(error);
    const what = `TIDELOCK_SEED=${seed}, after ${disturbances.kills} kills`;
    throw new Error(`${what}: ${reason}\nHistory, logs and data are in ${folder}.`, {
      cause: error,
    });
  } finally {
    await cluster.stop();
  }
}

async function disturb(
  options: KillRunOptions,
  disturbances: Disturbances,
  recorder: RunRecorder,
): Promise<void> {
  const { over, tell } = options;
  const startMs = performance.now();
  while (!over(disturbances.kills)) {
    await disturbances.round();
    const { answeredWrites } = recorder.log;
    const progress = (): boolean => recorder.log.answeredWrites > answeredWrites;
    await until('a write after everything was healed', progress, PROGRESS_WITHIN_MS);
    const seconds = Math.round((performance.now() - startMs) / 1000);
    const { operationCount, nextRevision } = recorder.log;
    tell?.(
      `${disturbances.kills} kills in ${seconds} s, ${operationCount} calls, revision ${nextRevision - 1}`,
    );
  }
}

/** Every member holds the same, each by itself, and the observer has seen all of it. */
async function sameEverywhere(cluster: ClusterProcesses, recorder: RunRecorder): Promise<void> {
  const store = await connect(cluster.endpoints);
  const { header, kvs } = await store.range(allKeys());
  await store.close();
  const { revision } = header;
  await until('the observer', () => recorder.log.nextRevision > revision, SETTLED_WITHIN_MS);
  const hashes = await Promise.all(cluster.endpoints.map((url) => hashKv(url, revision)));
  assert.equal(new Set(hashes).size, 1, `members differ: ${hashes.join('; ')}`);
  for (const endpoint of cluster.endpoints) {
    const one: Store = await connect(endpoint);
    try {
      const request = { ...allKeys(), revision, serializable: true };
      assert.deepEqual((await one.range(request)).kvs, kvs);
    } finally {
      await one.close();
    }
  }
  // Watches hear of the end a little later than the observer.
  await sleep(200);
}

function lineOf({ property, message, atMs }: Violation): string {
  return `${property} at ${Math.round(atMs ?? 0)} ms: ${message}`;
}

function reportOf(history: History, disturbances: Disturbances): KillReport {
  const { operations, revisions, watches } = history;
  return {
    kills: disturbances.kills,
    disturbances: disturbances.counts,
    revisions: revisions.length,
    operations: operations.length,
    answered: operations.filter(({ outcome }) => outcome.kind === 'answered').length,
    watches: watches.length,
  };
}
