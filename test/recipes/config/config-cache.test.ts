// Proves that a process can start from its cache while the store is away, that the store wins as
// soon as it answers, that secrets stay out, and that no state of the cache can do harm.
// What is looked for: clients of spring-cloud-config cannot start while its server is down.
import assert from 'node:assert/strict';
import { z } from 'zod';
import type { SavedBytes } from '../../../src/ports/saved-bytes.js';
import type { CacheTrouble, ConfigCacheOptions } from '../../../src/recipes/config/config-cache.js';
import type { ConfigOptions } from '../../../src/recipes/config/config.js';
import { toBytes, toText } from '../../../src/store/index.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const Settings = z.object({ low: z.number(), high: z.number() });

/** A cache in memory that can be made to fail. */
class Shelf implements SavedBytes {
  bytes: Uint8Array | undefined;
  saveCount = 0;
  fails = false;

  async load(): Promise<Uint8Array | undefined> {
    if (this.fails) throw new Error('shelf is broken');
    return this.bytes;
  }

  async save(bytes: Uint8Array): Promise<void> {
    if (this.fails) throw new Error('shelf is broken');
    this.saveCount += 1;
    this.bytes = bytes;
  }

  get text(): string {
    return toText(this.bytes ?? new Uint8Array());
  }
}

describe('Config with a cache', () => {
  let world: World;
  let shelf: Shelf;
  let clientCount = 0;

  const set = (keys: Record<string, string | Uint8Array | undefined>): void => {
    const success = Object.entries(keys).map(([key, value]) =>
      value === undefined
        ? ({ kind: 'delete', key } as const)
        : ({ kind: 'put', key, value } as const),
    );
    world.server.run(() => world.server.kv.txn({ success }));
  };
  const process = (): Client => world.client(`p${clientCount++}`);
  const open = (
    client: Client,
    cache: Partial<ConfigCacheOptions> = {},
    options: ConfigOptions<z.infer<typeof Settings>> = {},
  ) => {
    const config = client.coord.config('app/', Settings, {
      ...options,
      cache: { saved: shelf, ...cache },
    });
    const troubles: CacheTrouble[] = [];
    config.cacheTrouble$.subscribe((trouble) => troubles.push(trouble));
    return { config, troubles };
  };
  /** One process that has seen the store, and has ended. */
  const fill = async (cache: Partial<ConfigCacheOptions> = {}): Promise<void> => {
    const client = process();
    await world.run(open(client, cache).config.ready());
    await world.settle();
    await world.run(client.coord.close());
  };
  const cutOff = (): Client => {
    const client = process();
    client.store.partition('fail');
    return client;
  };

  beforeEach(() => {
    world = new World();
    shelf = new Shelf();
    set({ 'app/low': '1', 'app/high': '2' });
  });

  it('starts from the cache while the store is away, and goes live when it answers', async () => {
    await fill();
    set({ 'app/high': '3' });
    const client = cutOff();
    const { config } = open(client);
    const seen: string[] = [];
    config.status$.subscribe(({ kind, content }) => seen.push(`${kind}/${content}`));
    assert.deepEqual(await world.run(config.ready()), { low: 1, high: 2 });
    assert.equal(config.status.kind, 'cached');
    assert.equal(config.revision, 2);
    client.store.heal();
    await world.advance(5000);
    assert.deepEqual(config.value, { low: 1, high: 3 });
    assert.equal(config.status.kind, 'live');
    assert.equal(seen.at(-1), 'live/present');
  });

  it('waits for the store a while before a cached value will do', async () => {
    await fill();
    const client = cutOff();
    const { config } = open(client);
    const ready = peek(config.ready({ cachedAfterMs: 700 }));
    await world.advance(699);
    assert.equal(ready.value, undefined);
    assert.deepEqual(config.value, { low: 1, high: 2 });
    await world.advance(1);
    assert.deepEqual(ready.value, { low: 1, high: 2 });
  });

  it('a store that answers before the cache is heard, and one that has nothing new is no news', async () => {
    await fill();
    const { config } = open(process());
    const seen: unknown[] = [];
    config.value$.subscribe((value) => seen.push(value));
    await world.run(config.ready());
    await world.advance(10_000);
    assert.deepEqual(seen, [{ low: 1, high: 2 }]);
    assert.equal(config.status.kind, 'live');
  });

  it('a cache that is slow does not take the place of what the store has said', async () => {
    await fill();
    set({ 'app/high': '3' });
    const cached = shelf.bytes;
    let arrive = (): void => undefined;
    const load = (): Promise<Uint8Array | undefined> =>
      new Promise((resolve) => {
        arrive = () => resolve(cached);
      });
    const { config } = open(process(), { saved: { load, save: () => Promise.resolve() } });
    await world.run(config.ready());
    arrive();
    await world.advance(1000);
    assert.deepEqual(config.value, { low: 1, high: 3 });
    assert.equal(config.status.kind, 'live');
  });

  it('the store wins though its revision is lower, and though its keys are gone', async () => {
    await fill();
    const cached = shelf.bytes;
    world = new World();
    set({ other: 'x' });
    shelf.bytes = cached;
    const client = cutOff();
    const { config } = open(client);
    await world.run(config.ready());
    client.store.heal();
    await world.advance(5000);
    // No keys where there were some: judged, and refused by this schema.
    assert.equal(`${config.status.kind}/${config.status.content}`, 'cached/deleted');
    set({ 'app/low': '7', 'app/high': '8' });
    await world.advance(1000);
    assert.deepEqual(config.value, { low: 7, high: 8 });
  });

  it('never caches what is marked secret, unless told to', async () => {
    set({ 'app/low': '1', 'app/high': '2', 'app/db/password': 'hunter2', 'app/token': 't0k' });
    await fill({ secrets: ['**/password', 'token'] });
    assert.ok(!shelf.text.includes('hunter2') && !shelf.text.includes('t0k'));
    assert.ok(shelf.text.includes('"high"'));
    await fill({ secrets: ['**/password', 'token'], cacheSecrets: true });
    assert.ok(shelf.text.includes('hunter2') && shelf.text.includes('t0k'));
    // A schema that demands a secret refuses the cache, visibly.
    await fill({ secrets: ['high'] });
    const { config, troubles } = open(cutOff());
    await world.advance(5000);
    assert.equal(troubles[0]?.kind, 'refused');
    assert.throws(() => config.value, /no valid value/);
  });

  it('a damaged, foreign, old or missing cache is ignored, visibly, and never fatal', async () => {
    await fill({ schemaName: 'v1', maxAgeMs: 60_000 });
    const good = shelf.bytes ?? new Uint8Array();
    const damages: readonly (readonly [
      string,
      Uint8Array | undefined,
      Partial<ConfigCacheOptions>,
    ])[] = [
      ['missing', undefined, { schemaName: 'v1' }],
      ['damaged', good.subarray(0, good.length - 20), { schemaName: 'v1' }],
      ['damaged', toBytes(toText(good).replace('"1"', '"9"')), { schemaName: 'v1' }],
      ['damaged', toBytes('null'), { schemaName: 'v1' }],
      ['damaged', toBytes('{}'), { schemaName: 'v1' }],
      ['other', good, { schemaName: 'v2' }],
    ];
    for (const [kind, bytes, cache] of damages) {
      shelf.bytes = bytes;
      const client = cutOff();
      const { config, troubles } = open(client, cache);
      await world.advance(10);
      assert.deepEqual(
        troubles.map((trouble) => trouble.kind),
        [kind],
      );
      assert.throws(() => config.value);
      client.store.heal();
      await world.run(config.ready());
      assert.deepEqual(config.value, { low: 1, high: 2 });
      await world.run(client.coord.close());
    }
    shelf.bytes = good;
    await world.advance(60_001);
    const { troubles } = open(cutOff(), { schemaName: 'v1', maxAgeMs: 60_000 });
    await world.advance(10);
    assert.equal(troubles[0]?.kind, 'expired');
  });

  it('the age of the cache is that of the last contact, not of the last change', async () => {
    const client = process();
    const { config } = open(client, { maxAgeMs: 60_000 });
    await world.run(config.ready());
    await world.advance(3_600_000);
    assert.equal(config.status.kind, 'live');
    client.store.partition('fail');
    await world.advance(50_000);
    const { config: next } = open(cutOff(), { maxAgeMs: 60_000 });
    await world.run(next.ready());
    assert.equal(next.status.kind, 'cached');
    await world.advance(60_000);
    const { troubles } = open(cutOff(), { maxAgeMs: 60_000 });
    await world.advance(10);
    assert.equal(troubles[0]?.kind, 'expired');
  });

  it('a place that cannot be read or written is reported, and written when it can be', async () => {
    shelf.fails = true;
    const { config, troubles } = open(process());
    await world.run(config.ready());
    await world.settle();
    assert.deepEqual(
      troubles.map(({ kind }) => kind),
      ['unreadable', 'unwritable'],
    );
    shelf.fails = false;
    await world.advance(31_000);
    assert.equal(shelf.saveCount, 1);
  });

  it('keeps only what was accepted, with bytes that are no text', async () => {
    const binary = new Uint8Array([0, 255, 128, 7]);
    const decode = (raw: ReadonlyMap<string, Uint8Array>): unknown => ({
      low: raw.get('blob')?.[3],
      high: Number(toText(raw.get('high') ?? new Uint8Array())),
    });
    set({ 'app/blob': binary });
    const client = process();
    const { config } = open(client, {}, { decode });
    await world.run(config.ready());
    set({ 'app/high': 'much' });
    await world.settle();
    await world.run(client.coord.close());
    const { config: next } = open(cutOff(), {}, { decode });
    await world.run(next.ready());
    assert.deepEqual(next.value, { low: 7, high: 2 });
  });

  it('is sealed with a cipher, and unreadable without it', async () => {
    const cipher = {
      seal: async (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x55),
      open: async (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x55),
    };
    await fill({ cipher });
    assert.ok(!shelf.text.includes('high'));
    const { config } = open(cutOff(), { cipher });
    assert.deepEqual(await world.run(config.ready()), { low: 1, high: 2 });
    const { troubles } = open(cutOff());
    await world.advance(10);
    assert.equal(troubles[0]?.kind, 'damaged');
  });

  it('a default gives way to the cache, and a guard waits for the store', async () => {
    await fill();
    const { config } = open(cutOff(), {}, { default: { low: 0, high: 0 } });
    assert.deepEqual(config.value, { low: 0, high: 0 });
    await world.advance(10);
    assert.deepEqual(config.value, { low: 1, high: 2 });
    assert.throws(() => config.guard(), /from the cache/);
  });

  it('what was accepted last is saved though the process ends at once', async () => {
    const client = process();
    const slow: SavedBytes = {
      load: () => shelf.load(),
      save: async (bytes) => {
        await new Promise<void>((resolve) => world.clock.timer(100, resolve));
        await shelf.save(bytes);
      },
    };
    const { config } = open(client, { saved: slow });
    await world.run(config.ready());
    set({ 'app/high': '9' });
    await world.settle();
    assert.equal(config.value.high, 9);
    await world.run(client.coord.close());
    const { config: next } = open(cutOff());
    assert.equal((await world.run(next.ready())).high, 9);
  });

  it('closing leaves no timer and no watch', async () => {
    const client = process();
    const { config } = open(client, { maxAgeMs: 1000 }, { quietMs: 100 });
    await world.run(config.ready());
    set({ 'app/high': '9' });
    await world.advance(50);
    await config.close();
    await world.advance(5000);
    assert.equal(client.store.watchCount, 0);
    assert.equal(world.clock.timerCount, 0);
    assert.equal(shelf.saveCount, 1);
  });
});
