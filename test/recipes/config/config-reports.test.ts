// Proves that a publisher sees who runs which revision and who refused what and why, that reports
// live as long as their instance and repair themselves, and that they wake no other instance.
import assert from 'node:assert/strict';
import { z } from 'zod';
import type { ConfigReport, ConfigReports } from '../../../src/recipes/config/config-reports.js';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { type Client, testSeed, World } from '../../support/world.js';

const Settings = z.object({ n: z.number().max(10) });
const Lenient = z.object({ n: z.number() });

describe('Config reports', () => {
  let world: World;
  let publisher: Client;
  let latest: ConfigReports | undefined;

  beforeEach(async () => {
    world = new World();
    set(1);
    publisher = world.client('publisher');
    publisher.coord.config('app/', Lenient).reports$.subscribe((reports) => {
      latest = reports;
    });
    await world.settle();
  });

  const set = (n: number): void => {
    world.server.run(() => world.server.kv.put({ key: 'app/n', value: `${n}` }));
  };
  const revision = (): number => world.server.kv.revision;
  const reports = (): readonly ConfigReport[] => latest?.reports ?? [];

  it('says who runs which revision, and who refused it and why', async () => {
    assert.deepEqual(reports(), []);
    world.client('a').coord.config('app/', Settings, { reportAs: 'host-1' });
    world.client('b').coord.config('app/', Lenient, { reportAs: 'host-2' });
    await world.advance(100);
    set(50);
    const published = revision();
    await world.advance(100);
    const [first, second] = reports();
    assert.deepEqual([first?.instance, second?.instance], ['host-1', 'host-2']);
    assert.equal(first?.refusal?.revision, published);
    assert.match(first?.refusal?.issues[0] ?? '', /<=10/);
    assert.ok((first?.revision ?? 0) < published);
    assert.equal(second?.revision, published);
    assert.equal(second?.refusal, undefined);
    set(3);
    await world.advance(100);
    assert.ok(
      reports().every(({ revision: r, refusal }) => r > published && refusal === undefined),
    );
    assert.equal(reports()[0]?.stateId, reports()[1]?.stateId);
  });

  it('a report is no part of the configuration, and wakes no other instance', async () => {
    const seen: unknown[] = [];
    const clients = Array.from({ length: 50 }, (_, i) => world.client(`c${i}`));
    for (const { name, coord } of clients) {
      const config = coord.config('app/', z.record(z.string(), z.number()), { reportAs: name });
      config.value$.subscribe((value) => seen.push(value));
    }
    await world.advance(100);
    assert.equal(reports().length, 50);
    const before = clients.map(({ store }) => store.deliveredEventCount);
    set(2);
    await world.advance(100);
    const after = clients.map(({ store }) => store.deliveredEventCount);
    assert.deepEqual(
      after.map((count, i) => count - (before[i] ?? 0)),
      clients.map(() => 1),
    );
    assert.equal(seen.length, 100);
    assert.ok(reports().every((report) => report.revision >= 2));
  });

  it('goes with the configuration, with the coordination, and with a process that dies', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => world.client(name));
    const config = a?.coord.config('app/', Lenient, { reportAs: 'a' });
    b?.coord.config('app/', Lenient, { reportAs: 'b' });
    c?.coord.config('app/', Lenient, { reportAs: 'c' });
    await world.advance(100);
    assert.equal(reports().length, 3);
    await config?.close();
    await world.advance(10);
    assert.deepEqual(
      reports().map(({ instance }) => instance),
      ['b', 'c'],
    );
    await world.run(b?.coord.close() ?? Promise.resolve());
    await world.advance(10);
    assert.deepEqual(
      reports().map(({ instance }) => instance),
      ['c'],
    );
    c?.crash();
    await world.advance(11_000);
    assert.deepEqual(reports(), []);
  });

  it('comes back under a new session, and after somebody deleted it', async () => {
    const a = world.client('a');
    a.coord.config('app/', Lenient, { reportAs: 'a' });
    await world.advance(100);
    a.store.partition('fail');
    await world.advance(12_000);
    assert.deepEqual(reports(), []);
    a.store.heal();
    await world.advance(12_000);
    assert.equal(reports().length, 1);
    world.server.run(() => world.server.kv.delete({ key: 'app@status/a' }));
    await world.advance(11_000);
    assert.equal(reports().length, 1);
  });

  it('an older report that overtakes a newer one is written over', async () => {
    const a = world.client('a');
    a.coord.config('app/', Lenient, { reportAs: 'a' });
    await world.advance(100);
    a.store.delayRequest((call) => call.name === 'put', 3000);
    set(2);
    await world.advance(10);
    set(3);
    const published = revision();
    await world.advance(2000);
    assert.ok((reports()[0]?.revision ?? 0) >= published);
    await world.advance(1500);
    assert.ok((reports()[0]?.revision ?? 0) < published, 'the late write has arrived');
    await world.advance(11_000);
    assert.ok((reports()[0]?.revision ?? 0) >= published);
  });

  it('lost answers, a name that makes no key, and a report of somebody else', async () => {
    const a = world.client('a');
    for (const instance of ['', 'a/b']) {
      assert.throws(
        () => a.coord.config('app/', Lenient, { reportAs: instance }),
        (error) => isCoordinationError(error, 'InvalidArgument'),
      );
    }
    a.store.loseResponse((call) => call.name === 'put');
    a.store.loseRequest((call) => call.name === 'lease-grant');
    a.coord.config('app/', Lenient, { reportAs: 'a' });
    world.server.run(() => world.server.kv.put({ key: 'app@status/odd', value: 'no report' }));
    await world.advance(5000);
    assert.deepEqual(
      reports().map(({ instance, origin }) => [instance, origin]),
      [
        ['a', 'store'],
        ['odd', undefined],
      ],
    );
  });
  it('goes with the configuration at whatever moment that is closed', async () => {
    for (let atMs = 0; atMs < 40; atMs++) {
      world = new World({ seed: testSeed() + atMs, latencyMaxMs: 20 });
      set(1);
      const { coord } = world.client('a');
      const config = coord.config('app/', Settings, { reportAs: 'host-1' });
      await world.advance(200);
      set(2);
      await world.advance(atMs);
      await config.close();
      await world.advance(1000);
      assert.deepEqual(world.keys('app@status/'), [], `after ${atMs} ms`);
      await world.close();
    }
  });
});
