// Proves that a guard holds exactly while the store has the keys of the value in force, that the
// view at a revision shows what is there at that revision, and that quiet times save work without
// ever showing less than the newest.
// The bug that is looked for: consul-template's quiet time holds up the first start, and never ends
// while something changes.
import assert from 'node:assert/strict';
import { z } from 'zod';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import type { Compare } from '../../../src/store/index.js';
import { type Client, World } from '../../support/world.js';

const Settings = z.object({ low: z.number(), high: z.number() }).partial();

describe('Config beside other things', () => {
  let world: World;
  let a: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
  });

  const set = (keys: Record<string, string | undefined>): void => {
    const success = Object.entries(keys).map(([key, value]) =>
      value === undefined
        ? ({ kind: 'delete', key } as const)
        : ({ kind: 'put', key, value } as const),
    );
    world.server.run(() => world.server.kv.txn({ success }));
  };
  const holds = (compare: readonly Compare[]): boolean =>
    world.server.run(() => world.server.kv.txn({ compare })).succeeded;

  it('a guard fails after a change, an addition, a deletion, and a refused update', async () => {
    const changes: Record<string, string | undefined>[] = [
      { 'app/low': '5' },
      { 'app/low': '1' }, // the same value, written again
      { 'app/new': '5' },
      { 'app/low': undefined },
      { 'app/low': 'much' },
      { 'app/low': undefined, 'app/high': undefined },
    ];
    for (const change of changes) {
      set({ 'app/low': '1', 'app/high': '2', 'app/new': undefined });
      await world.settle();
      const config = a.coord.config('app/', Settings);
      await world.run(config.ready());
      const guard = config.guard();
      set({ appx: '1', ap: '1', app0: '2' });
      assert.ok(holds(guard));
      set(change);
      assert.ok(!holds(guard), JSON.stringify(change));
      await world.run(config.close());
    }
  });

  it('a guard of what was reread later is as good as one of what was seen at once', async () => {
    set({ 'app/low': '1' });
    set({ other: '1' });
    const config = a.coord.config('app/', Settings);
    await world.run(config.ready());
    assert.equal(config.revision, 3);
    assert.ok(holds(config.guard()));
    const later = a.coord.config('app/', Settings);
    set({ other: '2' });
    await world.run(later.ready());
    assert.equal(later.stateId, config.stateId);
  });

  it('what is kept beside nested prefixes is no write, before and after it is known', async () => {
    set({ 'app/low': '1', 'app/web/port': '80', 'app/web@status/host-7': '{' });
    const config = a.coord.config('app/', z.unknown());
    await world.run(config.ready());
    const guard = config.guard();
    set({ 'app/web@status/host-7': '{}', 'app/web@status/host-8': '{' });
    assert.ok(holds(guard), 'a report of a nested configuration counts as a write');
    // Of this one nothing was known.
    set({ 'app/web@rollout/trying/host-7': '{', 'app/db/eu@status/host-9': '{' });
    await world.settle();
    const later = config.guard();
    assert.ok(holds(later), 'after a report that is new no guard ever holds again');
    set({ 'app/web@rollout/trying/host-7': undefined, 'app/db/eu@status/host-9': '{}' });
    assert.ok(holds(later));
    for (const key of ['app/web@', 'app/web@q/x', 'app/web@status', 'app/web@statut/x', 'app/z']) {
      set({ [key]: '1' });
      assert.ok(!holds(later), `${key} was written, and the guard holds`);
      await world.settle();
      set({ [key]: undefined });
      await world.settle();
    }
    set({ 'app/web/port': undefined });
    assert.ok(!holds(config.guard()));
  });

  it('a guard of the default holds beside nested reports', async () => {
    set({ 'app/web@status/host-7': '{' });
    const config = a.coord.config('app/', Settings, { default: {} });
    await world.run(config.ready());
    const guard = config.guard();
    set({ 'app/web@status/host-7': '{}' });
    assert.ok(holds(guard));
    set({ 'app/web/port': '1' });
    assert.ok(!holds(guard));
  });

  it('with more nested prefixes than a transaction can leave out, the guard is only stricter', async () => {
    set({ 'app/low': '1' });
    for (let i = 0; i < 120; i++) set({ [`app/n${i}@status/x`]: '{' });
    const config = a.coord.config('app/', z.unknown());
    await world.run(config.ready());
    const guard = config.guard();
    assert.ok(guard.length <= 100 && holds(guard));
    set({ 'app/n7@status/x': '{}' });
    await world.settle();
    assert.ok(holds(config.guard()));
  });

  it('a guard of the default holds while there is no key', async () => {
    const config = a.coord.config('app/', Settings, { default: {} });
    const guard = config.guard();
    assert.ok(holds(guard));
    set({ 'app/low': '1' });
    assert.ok(!holds(guard));
  });

  it('a guard of nothing, or of too much, is refused with a reason', async () => {
    const nothing = a.coord.config('none/', z.object({ low: z.number() }));
    assert.throws(
      () => nothing.guard(),
      (error) => isCoordinationError(error, 'NoValue'),
    );
    for (let i = 0; i < 101; i++) set({ [`app/k${i}`]: '1' });
    const config = a.coord.config('app/', z.unknown());
    await world.run(config.ready());
    assert.throws(
      () => config.guard(),
      (error) => isCoordinationError(error, 'InvalidArgument') && /101 keys/.test(error.message),
    );
  });

  it('the view at a revision has no memory: what is refused there is no value', async () => {
    set({ 'app/low': '1' });
    const seen: unknown[] = [];
    const config = a.coord.config('app/', Settings, { default: { low: 0 } });
    assert.equal(config.at$, config.at$);
    config.at$.subscribe((value) => seen.push(value));
    await world.settle();
    set({ 'app/low': 'much' });
    await world.settle();
    set({ 'app/low': '3' });
    await world.settle();
    set({ 'app/low': undefined });
    await world.settle();
    assert.deepEqual(seen, [{ low: 1 }, undefined, { low: 3 }, { low: 0 }]);
  });

  it('the view at a revision refuses a schema that takes its time', async () => {
    set({ 'app/low': '1' });
    const config = a.coord.config('app/', Settings, { check: async () => [] });
    let failure: unknown;
    config.at$.subscribe({ error: (error: unknown) => (failure = error) });
    await world.settle();
    assert.ok(isCoordinationError(failure, 'InvalidArgument'));
    assert.deepEqual(config.value, { low: 1 });
  });

  it('quiet times: the first value at once, then the newest, never later than the limit', async () => {
    set({ 'app/low': '0' });
    let judgedCount = 0;
    const check = (): string[] => {
      judgedCount += 1;
      return [];
    };
    const startMs = world.clock.monotonic();
    const config = a.coord.config('app/', Settings, { quietMs: 100, maxWaitMs: 450, check });
    const seen: (readonly [number, number | undefined])[] = [];
    config.value$.subscribe(({ low }) => seen.push([world.clock.monotonic(), low]));
    await world.run(config.ready());
    for (let i = 1; i <= 10; i++) {
      set({ 'app/low': `${i}` });
      await world.advance(50);
    }
    await world.advance(1000);
    assert.deepEqual(seen, [
      [startMs, 0],
      [startMs + 450, 9],
      [startMs + 550, 10],
    ]);
    assert.equal(judgedCount, 3);
    set({ 'app/low': '11' });
    await world.advance(99);
    assert.equal(config.value.low, 10);
    await world.advance(1);
    assert.equal(config.value.low, 11);
  });

  it('keys that are kept beside a nested prefix are no settings', async () => {
    set({ 'app/low': '1', 'app/web@status/host-7': '{', 'app/web@rollout/trying/x': '{' });
    const config = a.coord.config('app/', z.record(z.string(), z.unknown()));
    await world.run(config.ready());
    set({ 'app/web@status/host-8': '{' });
    await world.settle();
    assert.deepEqual(config.value, { low: 1 });
    assert.equal(config.revision, 2);
  });
});
