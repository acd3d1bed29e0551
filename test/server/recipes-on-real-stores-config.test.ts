// Proves that what follows a configuration needs nothing but what a real etcd has: layers that are
// never seen half moved, a file of this machine that follows them, and a rollout by turns that
// stops at a failure, at a crash, and goes on when somebody says so; also over a compaction and
// while the server is away.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { filter, firstValueFrom, type Observable } from 'rxjs';
import { z } from 'zod';
import { nodeSink } from '../../src/host/node-sink.js';
import {
  type Coordination,
  type FileSink,
  type LayeredConfig,
  type Rollout,
  type RolloutOptions,
  type SinkStatus,
  sinkToFile,
} from '../../src/recipes/index.js';
import { prefix, type Store } from '../../src/store/index.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { overEveryServer, overEveryStore, type Rivals } from './support/recipe-places.js';

const Settings = z.object({ port: z.number(), host: z.string() });
type Values = z.infer<typeof Settings>;

const LAYERS = [
  { name: 'defaults', values: { port: 80, host: 'nowhere' } },
  { name: 'shared', prefix: 'shared/' },
  { name: 'app', prefix: 'app/' },
] as const;

overEveryStore('layers', (rivals) => {
  let store: Store;
  let config: LayeredConfig<Values>;

  before(async () => {
    ({ store } = rivals());
    await store.put({ key: 'shared/port', value: '1' });
    config = rivals().b.layeredConfig(LAYERS, Settings);
    await config.ready();
  });

  it('the last layer that has a key wins, and says so', async () => {
    assert.deepEqual(config.value, { port: 1, host: 'nowhere' });
    await store.put({ key: 'app/host', value: 'here' });
    await seen(config.value$, ({ host }) => host === 'here');
    const { layer, sayings, reason } = config.explain('host');
    assert.deepEqual([layer, sayings.length], ['app', 2]);
    assert.match(reason, /by app since revision \d+; "nowhere" by defaults$/);
  });

  it('a setting that moves from one layer to another is never seen in none or both', async () => {
    const ports = new Set<number>();
    const watching = config.value$.subscribe(({ port }) => ports.add(port));
    for (let round = 0; round < 5; round++) {
      const [from, to] = round % 2 === 0 ? ['shared', 'app'] : ['app', 'shared'];
      await store.txn({
        success: [
          { kind: 'delete', key: `${from}/port` },
          { kind: 'put', key: `${to}/port`, value: '1' },
        ],
      });
    }
    const { header } = await store.put({ key: 'app/host', value: 'moved' });
    await seen(config.accepted$, (accepted) => (accepted?.revision ?? 0) >= header.revision);
    watching.unsubscribe();
    assert.deepEqual([...ports], [1]);
  });

  it('an update that the schema refuses changes nothing, and a guard fails after it', async () => {
    const write = (): Promise<{ readonly succeeded: boolean }> =>
      store.txn({ compare: config.guard(), success: [{ kind: 'put', key: 'guarded' }] });
    assert.equal((await write()).succeeded, true);
    const refusal = firstValueFrom(config.rejected$);
    await store.put({ key: 'app/port', value: 'many' });
    assert.match((await refusal).issues[0]?.message ?? '', /number/);
    assert.equal(config.value.port, 1);
    assert.equal((await write()).succeeded, false);
    await store.put({ key: 'app/port', value: '2' });
    await seen(config.value$, ({ port }) => port === 2);
    assert.equal((await write()).succeeded, true);
  });

  it('goes on over a compaction of what it read', async () => {
    const { header } = await store.put({ key: 'noise' });
    await store.compact({ revision: header.revision });
    await store.delete({ key: 'app/port' });
    await seen(config.value$, ({ port }) => port !== 2);
    await store.put({ key: 'app/port', value: '3' });
    await seen(config.value$, ({ port }) => port === 3);
  });
});

overEveryStore('a file that follows a configuration', (rivals) => {
  let store: Store;
  let folder: string;
  let sink: FileSink<Values>;

  before(async () => {
    ({ store } = rivals());
    folder = await mkdtemp(join(scratchFolder(), 'tidelock-sink-'));
    await store.put({ key: 'shared/port', value: '1' });
    sink = sinkOf(rivals(), folder);
  });

  it('is rendered, checked, put in place and announced', async () => {
    await seen(sink.status$, ({ kind }) => kind === 'written');
    assert.equal(await readFile(sink.path, 'utf8'), 'nowhere:1\n');
    assert.equal(await readFile(join(folder, 'told'), 'utf8'), 'nowhere:1\n');
  });

  it('keeps its content when the check refuses the new one, and follows the next', async () => {
    await store.put({ key: 'app/host', value: 'bad' });
    const failed = await seen(sink.status$, ({ kind }) => kind === 'failed');
    assert.ok(failed.kind === 'failed' && failed.step === 'check');
    assert.equal(await readFile(sink.path, 'utf8'), 'nowhere:1\n');
    const { header } = await store.put({ key: 'app/host', value: 'good' });
    await seen(sink.status$, isWritten(header.revision));
    assert.equal(await readFile(sink.path, 'utf8'), 'good:1\n');
    assert.deepEqual((await readdir(folder)).toSorted(), ['out', 'told']);
    await sink.close();
    await rm(folder, { recursive: true, force: true });
  });
});

overEveryServer('a file while the server is away', (rivals) => {
  it('stays as it is, and follows what was written since', async () => {
    const { store, server } = rivals();
    const folder = await mkdtemp(join(scratchFolder(), 'tidelock-sink-'));
    await store.put({ key: 'shared/port', value: '1' });
    const sink = sinkOf(rivals(), folder);
    await seen(sink.status$, ({ kind }) => kind === 'written');
    await server?.kill();
    assert.equal(await readFile(sink.path, 'utf8'), 'nowhere:1\n');
    await server?.start();
    const { header } = await store.put({ key: 'shared/port', value: '2' });
    await seen(sink.status$, isWritten(header.revision));
    assert.equal(await readFile(sink.path, 'utf8'), 'nowhere:2\n');
    await sink.close();
    await rm(folder, { recursive: true, force: true });
  });
});

overEveryStore('rollout', (rivals) => {
  let store: Store;
  let fleet: Rollout<unknown>[];
  /** Who has what, and who has it in hands at the moment. */
  let applied: Map<string, number>;
  let busy: Set<string>;
  let busiest: number;

  beforeEach(async () => {
    ({ store } = rivals());
    fleet = [];
    applied = new Map();
    busy = new Set();
    busiest = 0;
    await store.delete(prefix('svc'));
  });

  afterEach(async () => {
    for (const rollout of fleet) await rollout.close();
  });

  const set = (n: number): Promise<{ readonly header: { readonly revision: number } }> =>
    store.put({ key: 'svc/n', value: String(n) });

  /** An instance that applies `n` unless it is in its list of bad ones. */
  const joinFleet = (
    coord: Coordination,
    instance: string,
    options: Partial<RolloutOptions<{ n: number }>> = {},
  ): Rollout<unknown> => {
    const config = coord.config('svc/', z.object({ n: z.number() }));
    const rollout = config.applyWith(coord.semaphore('svc-gate', { initialLimit: 1 }), {
      instance,
      apply: ({ n }) => {
        busy.add(instance);
        busiest = Math.max(busiest, busy.size);
        applied.set(instance, n);
      },
      healthy: () => true,
      soakMs: 60,
      healthPollMs: 20,
      ...options,
    });
    rollout.state$.subscribe(({ kind }) => {
      if (kind !== 'applying' && kind !== 'soaking') busy.delete(instance);
    });
    fleet.push(rollout);
    return rollout;
  };

  it('goes from one to the next, never to two at a time', async () => {
    const { a, b } = rivals();
    await set(1);
    const all = [joinFleet(a, 'one'), joinFleet(b, 'two'), joinFleet(b, 'three')];
    for (const rollout of all) await seen(rollout.state$, ({ kind }) => kind === 'applied');
    const { header } = await set(2);
    for (const rollout of all) await seen(rollout.state$, isApplied(header.revision));
    assert.deepEqual(new Set(applied.values()), new Set([2]));
    assert.equal(busiest, 1);
    const config = a.config('svc/', z.object({ n: z.number() }));
    const { done, trying, failures } = await firstValueFrom(config.rollout$);
    assert.deepEqual([done.length, trying.length, failures.length], [3, 0, 0]);
    await config.close();
  });

  it('stops at the first failure, and goes on when that is cleared', async () => {
    const { a, b } = rivals();
    let isBad = true;
    const apply = (instance: string) => ({
      apply: ({ n }: { n: number }): void => {
        if (n === 2 && isBad) throw new Error('cannot run with 2');
        applied.set(instance, n);
      },
    });
    await set(1);
    const all = [joinFleet(a, 'one', apply('one')), joinFleet(b, 'two', apply('two'))];
    for (const rollout of all) await seen(rollout.state$, ({ kind }) => kind === 'applied');
    const { header } = await set(2);
    await Promise.race(all.map(({ state$ }) => seen(state$, ({ kind }) => kind === 'failed')));
    await Promise.race(all.map(({ state$ }) => seen(state$, ({ kind }) => kind === 'stopped')));
    assert.deepEqual([...applied.values()], [1, 1]);
    isBad = false;
    const config = a.config('svc/', z.object({ n: z.number() }));
    assert.equal(await config.clearRollout(), 1);
    for (const rollout of all) await seen(rollout.state$, isApplied(header.revision));
    assert.deepEqual([...applied.values()], [2, 2]);
    await config.close();
  });

  it('an instance whose lease ends while it applies counts as one that died of it', async () => {
    const { b } = rivals();
    const doomed = rivals().another('doomed');
    await set(1);
    let begun: () => void = () => undefined;
    const applying = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let end: () => void = () => undefined;
    const hang = new Promise<void>((resolve) => {
      end = resolve;
    });
    joinFleet(doomed, 'doomed', {
      apply: () => {
        begun();
        return hang;
      },
    });
    await applying;
    const { kvs } = await store.range({ key: 'svc@rollout/live/doomed' });
    await store.leases.revoke(kvs[0]?.lease ?? 0n);
    const other = joinFleet(b, 'other');
    const stopped = await seen(other.state$, ({ kind }) => kind === 'stopped');
    assert.ok(stopped.kind === 'stopped');
    assert.deepEqual(
      stopped.failures.map(({ instance, kind }) => [instance, kind]),
      [['doomed', 'crashed']],
    );
    end();
    await doomed.close();
  });
});

/** A sink whose check refuses what has "bad" in it, and which tells others by a second file. */
function sinkOf({ b }: Rivals, folder: string): FileSink<Values> {
  const path = join(folder, 'out');
  return sinkToFile(b.layeredConfig(LAYERS, Settings), {
    host: nodeSink,
    path,
    render: ({ host, port }) => `${host}:${port}\n`,
    check: ['sh', '-c', '! grep -q bad "$TIDELOCK_FILE"'],
    reload: ['cp', path, join(folder, 'told')],
    retryMs: 20,
  });
}

function isWritten(revision: number): (status: SinkStatus) => boolean {
  return (status) => status.kind === 'written' && status.revision >= revision;
}

function isApplied(revision: number): (state: { kind: string; revision?: number }) => boolean {
  return (state) => state.kind === 'applied' && (state.revision ?? 0) >= revision;
}

/** The first value for which it holds. */
function seen<T>(values$: Observable<T>, holds: (value: T) => boolean): Promise<T> {
  return firstValueFrom(values$.pipe(filter(holds)));
}
