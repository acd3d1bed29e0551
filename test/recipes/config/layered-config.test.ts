// Proves that of several layers the last one that has a key wins, that all prefixes are of one
// revision however settings move between them, and that it can be told which layer won and why.
import assert from 'node:assert/strict';
import { z } from 'zod';
import type { SavedBytes } from '../../../src/ports/saved-bytes.js';
import {
  type ConfigLayer,
  fromEnvironment,
  mergeLayers,
} from '../../../src/recipes/config/config-layers.js';
import type { ConfigRejection } from '../../../src/recipes/config/config-status.js';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { toBytes, toText } from '../../../src/store/index.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { type Client, testSeed, World } from '../../support/world.js';

const Settings = z.object({
  port: z.number(),
  db: z.object({ url: z.string(), pool: z.number() }),
});

describe('LayeredConfig', () => {
  let world: World;
  let a: Client;
  const layers: readonly ConfigLayer[] = [
    { name: 'defaults', values: { port: 80, db: { url: 'none', pool: 4 } } },
    { name: 'shared', prefix: 'shared/' },
    { name: 'app', prefix: 'app' },
    { name: 'instance', prefix: 'host/' },
    { name: 'env', values: fromEnvironment({ X_DB__POOL: '9', PATH: '/' }, { prefix: 'X_' }) },
  ];

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

  it('takes each key from the last layer that has it', async () => {
    set({ 'shared/port': '1', 'shared/db/url': 'pg://shared', 'app/port': '2', 'host/port': '3' });
    const config = a.coord.layeredConfig(layers, Settings);
    assert.deepEqual(await world.run(config.ready()), {
      port: 3,
      db: { url: 'pg://shared', pool: 9 },
    });
    set({ 'host/port': undefined });
    await world.settle();
    assert.equal(config.value.port, 2);
    set({ 'app/port': undefined, 'shared/port': undefined });
    await world.settle();
    assert.equal(config.value.port, 80);
    assert.deepEqual(config.status, { kind: 'live', content: 'present' });
    assert.equal(a.store.watchCount, 3);
  });

  it('explains which layer won, and what the others say', async () => {
    set({ 'shared/port': '1', 'app/port': '2' });
    const config = a.coord.layeredConfig(layers, Settings);
    assert.match(config.explain('port').reason, /no valid value yet/);
    await world.run(config.ready());
    assert.deepEqual(config.explain('port'), {
      key: 'port',
      layer: 'app',
      value: 2,
      sayings: [
        { layer: 'defaults', value: 80, revision: undefined, wins: false },
        { layer: 'shared', value: 1, revision: 2, wins: false },
        { layer: 'app', value: 2, revision: 2, wins: true },
      ],
      reason: 'port is 2 by app since revision 2; 80 by defaults, 1 by shared since revision 2',
    });
    assert.equal(config.explain('db/pool').layer, 'env');
    assert.equal(config.explain('nothing').reason, 'no layer has nothing');
    assert.deepEqual(
      config.explainAll().map(({ key }) => key),
      ['db/pool', 'db/url', 'port'],
    );
  });

  it('a refused update of any layer is refused as a whole, and explained as what is in force', async () => {
    set({ 'shared/port': '1' });
    const config = a.coord.layeredConfig(layers, Settings);
    await world.run(config.ready());
    const rejected: ConfigRejection[] = [];
    config.rejected$.subscribe((rejection) => rejected.push(rejection));
    set({ 'app/port': 'eighty', 'shared/db/url': 'pg://new' });
    await world.settle();
    assert.equal(rejected[0]?.revision, 3);
    assert.deepEqual(config.value, { port: 1, db: { url: 'none', pool: 9 } });
    assert.equal(config.explain('port').layer, 'shared');
  });

  it('a setting that moves from one layer to another is never seen twice or not at all', async () => {
    const random = new SimRandom(testSeed());
    const latencyMaxMs = 20;
    world = new World({ seed: testSeed(), latencyMaxMs });
    a = world.client('a');
    set({ 'shared/token': '0' });
    const config = a.coord.layeredConfig(
      [
        { name: 'shared', prefix: 'shared/' },
        { name: 'app', prefix: 'app/' },
      ],
      z.record(z.string(), z.number()),
      {
        decode: (raw) => ({
          count: raw.size,
          token: Number(toText([...raw.values()][0] ?? toBytes('-1'))),
        }),
      },
    );
    const seen: Record<string, number>[] = [];
    config.value$.subscribe((value) => seen.push(value));
    let now = 'shared';
    for (let i = 1; i <= 200; i++) {
      const next = random.below(2) === 0 ? 'shared' : 'app';
      // Two names for one thing: a torn read would find both of them, or neither.
      set({ [`${now}/${now}`]: undefined, [`${now}/token`]: undefined });
      set({ [`${next}/${next}`]: `${i}` });
      now = next;
      await world.advance(random.below(15));
    }
    await world.advance(1000);
    assert.ok(seen.length > 20);
    assert.ok(
      seen.every(({ count }) => (count ?? 9) <= 1),
      `seed ${testSeed()}`,
    );
    assert.equal(seen.at(-1)?.['token'], 200);
  });

  it('starts from a cache, and guards all its prefixes', async () => {
    let bytes: Uint8Array | undefined;
    const saved: SavedBytes = {
      load: async () => bytes,
      save: async (fresh) => {
        bytes = fresh;
      },
    };
    set({ 'shared/port': '1', 'host/port': '3' });
    const config = a.coord.layeredConfig(layers, Settings, { cache: { saved } });
    await world.run(config.ready());
    const guard = config.guard();
    const holds = (): boolean =>
      world.server.run(() => world.server.kv.txn({ compare: guard })).succeeded;
    assert.ok(holds());
    set({ 'app/new': '1' });
    assert.ok(!holds());
    const b = world.client('b');
    b.store.partition('fail');
    const offline = b.coord.layeredConfig(layers, Settings, { cache: { saved } });
    assert.equal((await world.run(offline.ready())).port, 3);
    assert.equal(offline.status.kind, 'cached');
    assert.equal(offline.explain('port').layer, 'instance');
  });

  it('has a view for one revision', async () => {
    set({ 'shared/port': '1' });
    const seen: (number | undefined)[] = [];
    a.coord.layeredConfig(layers, Settings).at$.subscribe((value) => seen.push(value?.port));
    await world.settle();
    set({ 'app/port': 'x' });
    await world.settle();
    set({ 'app/port': '5' });
    await world.settle();
    assert.deepEqual(seen, [1, undefined, 5]);
  });

  it('refuses layers without names, with names twice, and without any prefix', () => {
    const values = {};
    const wrong: ConfigLayer[][] = [
      [],
      [{ name: 'a', values }],
      [{ name: '', prefix: 'a/' }],
      [
        { name: 'a', prefix: 'a/' },
        { name: 'a', values },
      ],
      [{ name: 'a', prefix: '' }],
      [
        { name: 'a', prefix: 'a/' },
        { name: 'b', values: { f: () => 0 } },
      ],
    ];
    for (const bad of wrong) {
      assert.throws(
        () => a.coord.layeredConfig(bad, Settings),
        (error) => isCoordinationError(error, 'InvalidArgument'),
      );
    }
  });
});

describe('mergeLayers', () => {
  const merge = (...layers: Record<string, string>[]): Record<string, string> => {
    const raw = mergeLayers(
      layers.map((keys, at) => ({
        name: `layer-${at}`,
        raw: new Map(Object.entries(keys).map(([key, value]) => [key, toBytes(value)])),
      })),
    );
    return Object.fromEntries([...raw].map(([key, value]) => [key, toText(value)]));
  };

  it('a key takes the place of what is above and below it in earlier layers', () => {
    assert.deepEqual(merge({ db: 'none' }, { 'db/url': 'x' }), { 'db/url': 'x' });
    assert.deepEqual(merge({ 'db/url': 'x', 'db/pool/max': '1', dbx: '2' }, { db: 'none' }), {
      dbx: '2',
      db: 'none',
    });
    assert.deepEqual(merge({ 'a/b/c': '1' }, { 'a/b': '2' }, { 'a/b/d': '3' }), { 'a/b/d': '3' });
  });

  it('leaves a contradiction within one layer to the decoder', () => {
    assert.deepEqual(merge({ a: '1', 'a/b': '2' }), { a: '1', 'a/b': '2' });
    assert.deepEqual(merge({}, { 'a/b': '2', a: '1' }), { a: '1', 'a/b': '2' });
  });
});

describe('fromEnvironment', () => {
  it('takes what begins with the prefix, in lower case, with paths', () => {
    const raw = fromEnvironment(
      { APP_PORT: '80', APP_DB__POOL_MAX: '4', APP_: 'x', OTHER: 'y', APP_GONE: undefined },
      { prefix: 'APP_' },
    );
    assert.deepEqual([...raw.keys()], ['port', 'db/pool_max']);
    assert.equal(toText(raw.get('port') ?? new Uint8Array()), '80');
  });
});
