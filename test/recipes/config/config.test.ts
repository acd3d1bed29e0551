// Proves that a configuration value is always valid, never torn, never emptied by an accident of
// the connection, and that what was refused and how fresh the value is can be seen.
import assert from 'node:assert/strict';
import { config as rxConfig } from 'rxjs';
import { z } from 'zod';
import type { ConfigRejection, ConfigStatus } from '../../../src/recipes/config/config-status.js';
import { decodeTree } from '../../../src/recipes/config/config-decode.js';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { StandardSchema } from '../../../src/recipes/config/standard-schema.js';
import { toBytes } from '../../../src/store/index.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const Range = z.object({ low: z.number(), high: z.number() });

describe('Config', () => {
  let world: World;
  let a: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
  });

  /** Sets keys in one revision; undefined deletes. */
  const set = (keys: Record<string, string | undefined>): void => {
    const success = Object.entries(keys).map(([key, value]) =>
      value === undefined
        ? ({ kind: 'delete', key } as const)
        : ({ kind: 'put', key, value } as const),
    );
    world.server.run(() => world.server.kv.txn({ success }));
  };

  it('gives one typed value from one revision, and each later one whole', async () => {
    set({ 'app/low': '1', 'app/high': '2' });
    const config = a.coord.config('app/', Range);
    assert.throws(() => config.value, is('NoValue'));
    assert.deepEqual(await world.run(config.ready()), { low: 1, high: 2 });
    assert.equal(config.revision, 2);
    const seen: number[] = [];
    config.value$.subscribe(({ low, high }) => seen.push(low, high));
    for (let i = 1; i <= 20; i++) set({ 'app/low': `${i}`, 'app/high': `${i + 1}` });
    await world.settle();
    for (let i = 0; i < seen.length; i += 2) assert.equal(seen[i], (seen[i + 1] ?? 0) - 1);
    assert.equal(seen.length, 42);
    assert.deepEqual(config.status, { kind: 'live', content: 'present' });
  });

  it('refuses an invalid update as a whole and keeps the last good value', async () => {
    set({ 'app/low': '1', 'app/high': '2' });
    const config = a.coord.config('app', Range);
    await world.run(config.ready());
    const rejected: ConfigRejection[] = [];
    config.rejected$.subscribe((rejection) => rejected.push(rejection));
    set({ 'app/low': '5', 'app/high': 'much' });
    await world.settle();
    assert.deepEqual(config.value, { low: 1, high: 2 });
    assert.equal(config.revision, 2);
    assert.equal(rejected.length, 1);
    assert.equal(rejected[0]?.revision, 3);
    assert.deepEqual(rejected[0]?.issues[0]?.path, ['high']);
    assert.deepEqual([...(rejected[0]?.raw.keys() ?? [])], ['high', 'low']);
    set({ 'app/high': '6' });
    await world.settle();
    assert.deepEqual(config.value, { low: 5, high: 6 });
  });

  it('checks settings against each other, also asynchronously', async () => {
    set({ 'app/low': '1', 'app/high': '2' });
    const check = async ({ low, high }: z.infer<typeof Range>): Promise<string[]> => {
      await Promise.resolve();
      return low < high ? [] : [`low ${low} is not below high ${high}`];
    };
    const config = a.coord.config('app/', Range, { check });
    await world.run(config.ready());
    const messages: string[] = [];
    config.rejected$.subscribe(({ issues }) => messages.push(...issues.map((i) => i.message)));
    set({ 'app/low': '9' });
    await world.settle();
    assert.deepEqual(messages, ['low 9 is not below high 2']);
    assert.equal(config.value.low, 1);
  });

  it('a slow validator sees the newest state and never two at once', async () => {
    set({ 'app/n': '1' });
    let running = 0;
    const judged: unknown[] = [];
    const schema: StandardSchema<unknown> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) => {
          running += 1;
          assert.equal(running, 1);
          judged.push(value);
          await new Promise<void>((resolve) => world.clock.timer(100, resolve));
          running -= 1;
          return { value };
        },
      },
    };
    const config = a.coord.config('app/', schema);
    await world.run(config.ready());
    for (let i = 2; i <= 10; i++) set({ 'app/n': `${i}` });
    await world.advance(1000);
    assert.deepEqual(judged, [{ n: 1 }, { n: 2 }, { n: 10 }]);
    assert.deepEqual(config.value, { n: 10 });
    assert.equal(config.revision, 11);
  });

  it('a validator that throws, at once or later, refuses', async () => {
    set({ 'app/n': '1' });
    const throwing = (later: boolean): StandardSchema<unknown> => ({
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          if (later) return Promise.reject(new Error('no idea'));
          throw new Error('no idea');
        },
      },
    });
    for (const later of [false, true]) {
      const config = a.coord.config('app/', throwing(later), { default: 'safe' });
      const messages: string[] = [];
      config.rejected$.subscribe(({ issues }) => messages.push(...issues.map((i) => i.message)));
      await world.advance(10);
      assert.deepEqual(messages, ['no idea']);
      assert.equal(config.value, 'safe');
    }
  });

  it('tells never synced, empty, present and deleted apart', async () => {
    const config = a.coord.config('app/', Range, { default: { low: 0, high: 1 } });
    const seen: string[] = [];
    config.status$.subscribe(({ kind, content }) => seen.push(`${kind}/${content}`));
    assert.deepEqual(config.value, { low: 0, high: 1 });
    await world.settle();
    set({ 'app/low': '3', 'app/high': '4' });
    await world.settle();
    set({ 'app/low': undefined, 'app/high': undefined });
    await world.settle();
    assert.deepEqual(seen, ['default/unknown', 'default/empty', 'live/present', 'live/deleted']);
    assert.deepEqual(config.value, { low: 3, high: 4 });
  });

  it('an empty prefix does not replace a default, though the schema would take it', async () => {
    const config = a.coord.config('app/', Range.partial(), { default: { low: 0, high: 1 } });
    await world.run(config.ready());
    assert.deepEqual(config.value, { low: 0, high: 1 });
    assert.deepEqual(config.status, { kind: 'default', content: 'empty' });
    set({ 'app/low': '3' });
    await world.settle();
    assert.deepEqual(config.value, { low: 3 });
  });

  it('an empty prefix is a value only if the schema says so', async () => {
    const optional = a.coord.config('app/', z.object({ low: z.number().optional() }));
    const strict = a.coord.config('app/', Range);
    await world.advance(10);
    assert.deepEqual(optional.value, {});
    assert.throws(() => strict.value, /status starting, content empty/);
  });

  it('keeps the value and says stale while the store is away, and follows on afterwards', async () => {
    set({ 'app/low': '1', 'app/high': '2' });
    const config = a.coord.config('app/', Range);
    const states: ConfigStatus[] = [];
    await world.run(config.ready());
    config.status$.subscribe((status) => states.push(status));
    const values: number[] = [];
    config.value$.subscribe(({ low }) => values.push(low));
    a.store.partition('fail');
    a.store.health$.next({ healthy: false, reason: 'no route' });
    await world.advance(1000);
    const stale = states.at(-1);
    assert.ok(stale?.kind === 'stale' && stale.reason === 'no route');
    assert.equal(stale.sinceMs, world.clock.wall() - 1000);
    set({ 'app/low': '7', 'app/high': '8' });
    await world.advance(1000);
    assert.equal(config.value.low, 1);
    a.store.heal();
    a.store.health$.next({ healthy: true, reason: '' });
    await world.advance(5000);
    assert.equal(states.at(-1)?.kind, 'live');
    assert.deepEqual(values, [1, 7]);
  });

  it('notices an unreachable store by itself, within a poll', async () => {
    set({ 'app/low': '1', 'app/high': '2' });
    const config = a.coord.config('app/', Range);
    await world.run(config.ready());
    a.store.partition('fail');
    await world.advance(31_000);
    assert.equal(config.status.kind, 'stale');
    a.store.heal();
    await world.advance(5000);
    assert.equal(config.status.kind, 'live');
  });

  it('after compaction emits the difference as one value, and never an empty one', async () => {
    set({ 'app/low': '1', 'app/high': '2' });
    const config = a.coord.config(
      'app/',
      z.object({ low: z.number(), high: z.number() }).partial(),
    );
    await world.run(config.ready());
    const seen: unknown[] = [];
    config.value$.subscribe((value) => seen.push(value));
    a.store.partition('fail');
    for (let i = 0; i < 5; i++) set({ 'app/low': `${i}` });
    set({ 'app/high': undefined });
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
    a.store.heal();
    await world.advance(5000);
    assert.deepEqual(seen, [{ low: 1, high: 2 }, { low: 4 }]);
  });

  it('finds a change whose event never came', async () => {
    set({ 'app/low': '1', 'app/high': '2' });
    const config = a.coord.config('app/', Range);
    await world.run(config.ready());
    a.store.dropNextEvent((key) => key === 'app/low');
    set({ 'app/low': '0' });
    await world.settle();
    assert.equal(config.value.low, 1);
    await world.advance(31_000);
    assert.equal(config.value.low, 0);
    assert.equal(a.store.watchCount, 1);
  });

  it('reads more pairs than fit in one answer, at one revision', async () => {
    for (let page = 0; page < 12; page++) {
      const keys: Record<string, string> = {};
      for (let i = 0; i < 100; i++) keys[`app/${page * 100 + i}`] = '1';
      set(keys);
    }
    a.store.loseRequest((call) => {
      const { revision } = call.request as { revision?: number };
      // Between two pages somebody writes.
      if (call.name === 'range' && revision !== undefined) set({ 'app/5': '2', 'app/1100': '2' });
      return false;
    });
    const seen: unknown[] = [];
    const config = a.coord.config('app/', z.record(z.string(), z.number()));
    config.value$.subscribe((value) => seen.push([value['5'], value['1100']]));
    await world.run(config.ready());
    await world.settle();
    assert.deepEqual(seen[0], [1, 1]);
    assert.deepEqual(seen.at(-1), [2, 2]);
    assert.equal(Object.keys(config.value).length, 1200);
  });

  it('a subscriber that throws harms no other, and is reported', async () => {
    const reported: unknown[] = [];
    const before = rxConfig.onUnhandledError;
    rxConfig.onUnhandledError = (error) => reported.push(error);
    try {
      set({ 'app/low': '1', 'app/high': '2' });
      const config = a.coord.config('app/', Range);
      await world.run(config.ready());
      const boom = new Error('subscriber');
      const seen: number[] = [];
      config.value$.subscribe(() => {
        throw boom;
      });
      config.value$.subscribe(({ low }) => seen.push(low));
      set({ 'app/low': '0' });
      await world.settle();
      while (reported.length < 2) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(seen, [1, 0]);
      assert.ok(reported.includes(boom));
    } finally {
      rxConfig.onUnhandledError = before;
    }
  });

  it('takes a decoder of the caller', async () => {
    set({ 'app/a': 'x', 'app/b': 'y' });
    const config = a.coord.config('app/', z.array(z.string()), {
      decode: (raw) => [...raw.keys()],
    });
    assert.deepEqual(await world.run(config.ready()), ['a', 'b']);
  });

  it('closing completes the streams, ends the watch, and keeps the value', async () => {
    set({ 'app/low': '1', 'app/high': '2' });
    const config = a.coord.config('app/', Range);
    await world.run(config.ready());
    let completed = 0;
    const complete = (): number => completed++;
    config.value$.subscribe({ complete });
    config.status$.subscribe({ complete });
    config.rejected$.subscribe({ complete });
    const waiting = peek(a.coord.config('other/', Range).ready());
    await world.run(a.coord.close());
    assert.equal(completed, 3);
    assert.equal(a.store.watchCount, 0);
    assert.equal(world.clock.timerCount, 0);
    assert.deepEqual(config.value, { low: 1, high: 2 });
    assert.ok(is('Aborted')(waiting.error));
    assert.throws(() => a.coord.config('app/', Range), is('Aborted'));
    for (const bad of ['', '/']) {
      assert.throws(() => world.client('z').coord.config(bad, Range), is('InvalidArgument'));
    }
  });
});

describe('decodeTree', () => {
  const decode = (keys: Record<string, string>): unknown =>
    decodeTree(new Map(Object.entries(keys).map(([key, value]) => [key, toBytes(value)])));

  it('nests by segments and reads JSON where it is JSON', () => {
    const tree = decode({
      'db/pool/max': '10',
      'db/url': 'postgres://x',
      flag: 'true',
      list: '[1,"a"]',
      name: '"10"',
      nothing: 'null',
      blank: '',
      bad: '{"a":',
    });
    assert.deepEqual(tree, {
      db: { pool: { max: 10 }, url: 'postgres://x' },
      flag: true,
      list: [1, 'a'],
      name: '10',
      nothing: null,
      blank: '',
      bad: '{"a":',
    });
  });

  it('keeps as text an integer that a number cannot hold', () => {
    const tree = decode({ big: '12345678901234567890', small: '-12', odd: '007' });
    assert.deepEqual(tree, { big: '12345678901234567890', small: -12, odd: '007' });
  });

  it('leaves out the key that is the prefix itself, and keeps strange names', () => {
    const tree = decode({ '': 'x', __proto__x: '1', constructor: '2' });
    assert.deepEqual(tree, { __proto__x: 1, constructor: 2 });
    const sneaky = decodeTree(new Map([['__proto__/polluted', toBytes('1')]]));
    assert.deepEqual(Object.keys(sneaky as object), ['__proto__']);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });

  it('refuses empty segments, and keys that are both value and parent', () => {
    for (const keys of [{ 'a//b': '1' }, { '/a': '1' }, { 'a/': '1' }]) {
      assert.throws(() => decode(keys as unknown as Record<string, string>), /empty segment/);
    }
    assert.throws(() => decode({ a: '1', 'a/b': '2' }), /both a value and a parent/);
    assert.throws(() => decode({ 'a/b': '2', a: '1' }), /both a value and a parent/);
  });
});
