// Proves that watches of our server see what those of etcd see: opened at the same points of the
// same random stream of requests, each must get the same events in the same order, and the same
// answers when it is created, cancelled, or too late.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { SimRandom } from '../../src/simulation/sim-random.js';
import {
  type WatchCreateRequest,
  WatchCreateRequestSchema,
  type WatchCreateRequest_FilterType,
} from '../../src/wire/gen/etcdserverpb/watch_pb.js';
import { etcdMissing } from '../support/etcd-process.js';
import { inCi } from '../support/in-ci.js';
import { skipWhen } from '../support/skip.js';
import { plainOf, showPlain } from './plain.js';
import { randomKey, randomRangeEnd } from './random-keys.js';
import { revisionOf } from './normalise.js';
import { ServerPair } from './server-pair.js';
import { StepMaker } from './step-maker.js';
import { WatchSide } from './watch-pair.js';

const REQUEST_COUNT = inCi ? 1500 : 250;
const WATCHER_COUNT = inCi ? 150 : 40;
const TIMEOUT_MS = 120_000;
/** etcd looks after watchers that are behind every 100 ms; a compaction must not overtake them. */
const CATCH_UP_MS = 250;
/** How long to wait for what must not come. */
const QUIET_MS = 300;

const oldSeeds = (
  JSON.parse(
    readFileSync(new URL('../../../test/differential/seeds.json', import.meta.url), 'utf8'),
  ) as { watches: number[] }
).watches;

function makeWatch(maker: StepMaker): WatchCreateRequest {
  const { random, view } = maker;
  const request = create(WatchCreateRequestSchema, {
    key: randomKey(random),
    rangeEnd: maker.chance(3) ? new Uint8Array(0) : randomRangeEnd(random),
    prevKv: maker.chance(2),
    progressNotify: maker.chance(5),
    fragment: maker.chance(5),
  });
  if (maker.chance(5)) request.filters = [random.below(2) as WatchCreateRequest_FilterType];
  if (maker.chance(2)) {
    const from = view.compactRevision - 3;
    request.startRevision = BigInt(Math.max(0, from + random.below(view.revision - from + 8)));
  }
  if (maker.chance(20)) request.watchId = BigInt(random.below(60));
  return request;
}

async function runWatches(seed: number): Promise<void> {
  const maker = new StepMaker(new SimRandom(seed));
  const pair = await ServerPair.start();
  const ours = new WatchSide(pair.ours.client);
  const etcd = new WatchSide(pair.etcd.client);
  const opened: WatchCreateRequest[] = [];
  try {
    for (let at = 0; at < REQUEST_COUNT; at++) {
      const step = maker.next();
      // What was there before may be caught up with now; afterwards it may be gone.
      if (step.method === 'compact') await sleep(CATCH_UP_MS);
      const answers = await pair.ask(step);
      const revision = revisionOf(answers.etcd) ?? 0;
      maker.view.revision = Math.max(maker.view.revision, revision);
      if (step.method === 'compact' && answers.etcd.kind === 'message') {
        const { revision: compacted } = step.request as typeof step.request & { revision: bigint };
        maker.view.compactRevision = Number(compacted);
      }
      if (at % Math.floor(REQUEST_COUNT / WATCHER_COUNT) !== 0) continue;
      const request = makeWatch(maker);
      opened.push(request);
      await Promise.all([ours.open(request), etcd.open(request)]);
      if (maker.chance(4)) {
        const place = maker.random.below(opened.length);
        await sleep(CATCH_UP_MS);
        await Promise.all([ours.cancel(place), etcd.cancel(place)]);
      }
    }
    await ours.until(() => ours.eventCount >= etcd.eventCount);
    await etcd.until(() => etcd.eventCount >= ours.eventCount);
    await sleep(QUIET_MS);
    for (const [place, request] of opened.entries()) {
      const shown = `watch ${place}: ${showPlain(plainOf(request))}`;
      assert.deepEqual(ours.records[place], etcd.records[place], shown);
    }
    assert.ok(etcd.eventCount > REQUEST_COUNT, `only ${etcd.eventCount} events`);
  } finally {
    ours.close();
    etcd.close();
    await pair.stop();
  }
}

describe('watches, compared with etcd', () => {
  before(function () {
    skipWhen(this, etcdMissing());
  });

  const named = process.env['TIDELOCK_SEED'];
  const seeds = named === undefined ? [1, ...oldSeeds] : [Number(named)];
  for (const seed of seeds) {
    it(`sees what etcd's watches see, with seed ${seed}`, async function () {
      this.timeout(TIMEOUT_MS);
      try {
        await runWatches(seed);
      } catch (error) {
        throw new Error(`TIDELOCK_SEED=${seed}: ${String(error)}`, { cause: error });
      }
    });
  }
});
