// Proves that a fleet applies a change a few at a time, each healthy before the next, that a bad value
// stops within the budget however it shows (a failure, bad health, a refusal, a death), that a mended
// one rolls on, and that no lost answer or partition makes the notes lie.
import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Config } from '../../../src/recipes/config/config.js';
import type { Rollout, RolloutOptions } from '../../../src/recipes/config/rollout.js';
import type { RolloutStatus } from '../../../src/recipes/config/rollout-status.js';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import type { TxnRequest } from '../../../src/store/index.js';
import { type Client, testSeed, World } from '../../support/world.js';

const Settings = z.object({ n: z.number() });
type Values = z.infer<typeof Settings>;

interface Instance {
  readonly client: Client;
  readonly config: Config<Values>;
  readonly rollout: Rollout<Values>;
}

/** Twelve instances, of which two may go at a time. */
class Fleet {
  readonly world: World;
  readonly instances: Instance[] = [];
  readonly applied = new Map<string, number>();
  readonly attempts: (readonly [string, number])[] = [];
  readonly busy = new Set<string>();
  busiest = 0;
  isBad: (name: string, n: number) => boolean = () => false;
  isWell: (name: string, n: number) => boolean = () => true;
  status: RolloutStatus | undefined;

  constructor(world: World) {
    this.world = world;
    // Somebody who is not of the fleet looks on.
    const observer = world.client('observer').coord.config('app/', z.unknown());
    observer.rollout$.subscribe((status) => {
      this.status = status;
    });
  }

  set(n: number | string): void {
    this.world.server.run(() => this.world.server.kv.put({ key: 'app/n', value: `${n}` }));
  }

  add(name: string, options: Partial<RolloutOptions<Values>> = {}, max = 1000): Instance {
    const client = this.world.client(name);
    const config = client.coord.config('app/', z.object({ n: z.number().max(max) }));
    const gate = client.coord.semaphore('app-rollout', { initialLimit: 2 });
    const rollout = config.applyWith(gate, {
      apply: async ({ n }) => {
        this.attempts.push([name, n]);
        this.busy.add(name);
        this.busiest = Math.max(this.busiest, this.busy.size);
        await new Promise<void>((resolve) => client.clock.timer(100, resolve));
        if (this.isBad(name, n)) {
          this.busy.delete(name);
          throw new Error(`cannot run with ${n}`);
        }
        this.applied.set(name, n);
      },
      healthy: ({ n }) => this.isWell(name, n),
      soakMs: 5000,
      healthTimeoutMs: 10_000,
      ...options,
    });
    rollout.state$.subscribe(({ kind }) => {
      if (kind !== 'applying' && kind !== 'soaking') this.busy.delete(name);
    });
    const instance = { client, config, rollout };
    this.instances.push(instance);
    return instance;
  }

  fill(count: number, options: Partial<RolloutOptions<Values>> = {}): void {
    for (let i = 0; i < count; i++) this.add(`host-${i}`, options);
  }

  with(n: number): number {
    return [...this.applied.values()].filter((applied) => applied === n).length;
  }

  tried(n: number): number {
    return new Set(this.attempts.filter(([, tried]) => tried === n).map(([name]) => name)).size;
  }

  states(): string[] {
    return this.instances.map(({ rollout }) => rollout.state.kind);
  }
}

describe('Config.applyWith', () => {
  let world: World;
  let fleet: Fleet;

  beforeEach(() => {
    world = new World({ seed: testSeed(), latencyMaxMs: 5 });
    fleet = new Fleet(world);
    fleet.set(1);
  });

  it('twelve instances apply a change two at a time, each healthy before the next', async () => {
    fleet.fill(12);
    await world.advance(120_000);
    assert.equal(fleet.with(1), 12);
    assert.equal(fleet.busiest, 2);
    const startMs = world.clock.monotonic();
    fleet.set(2);
    while (fleet.with(2) < 12) await world.advance(100);
    // Six pairs of five seconds each, less the soaking of the last.
    const tookMs = world.clock.monotonic() - startMs;
    assert.ok(tookMs > 25_000 && tookMs < 30_000, `${tookMs} ms`);
    assert.equal(fleet.busiest, 2);
    assert.equal(fleet.status?.trying.length, 2);
    await world.advance(10_000);
    assert.equal(fleet.status?.done.length, 12);
    assert.ok(fleet.instances.every(({ rollout }) => rollout.revision >= 3));
    assert.equal(fleet.attempts.length, 24);
    assert.equal(world.keys('app@rollout/').length, 12);
  });

  it('a bad value stops after the budget, and a mended one rolls on to all', async () => {
    fleet.fill(12, { failureBudget: 1 });
    await world.advance(120_000);
    fleet.isBad = (_, n) => n === 2;
    fleet.set(2);
    await world.advance(120_000);
    // One more than the budget, and whoever was at it at the same time.
    const failed = fleet.status?.failures.length ?? 0;
    assert.ok(failed >= 2 && failed <= 3, `${failed}`);
    assert.equal(fleet.tried(2), failed);
    assert.equal(fleet.with(1), 12);
    assert.match(fleet.status?.failures[0]?.message ?? '', /cannot run with 2/);
    assert.equal(fleet.states().filter((kind) => kind === 'stopped').length, 12 - failed);
    fleet.set(3);
    await world.advance(120_000);
    assert.equal(fleet.with(3), 12);
    assert.deepEqual(fleet.status?.failures, []);
    assert.deepEqual([...new Set(fleet.states())], ['applied']);
    assert.equal(world.keys('app@rollout/failed/').length, 0);
  });

  it('failures within the budget let the others go on', async () => {
    fleet.fill(6, { failureBudget: 2 });
    fleet.isBad = (name, n) => n === 2 && (name === 'host-1' || name === 'host-4');
    await world.advance(60_000);
    fleet.set(2);
    await world.advance(60_000);
    assert.equal(fleet.with(2), 4);
    assert.deepEqual(
      fleet.status?.failures.map(({ instance }) => instance),
      ['host-1', 'host-4'],
    );
    // Those that failed went back to what they had.
    assert.equal(fleet.applied.get('host-1'), 1);
  });

  it('bad health counts, also when it comes late, and when it cannot be told', async () => {
    fleet.fill(6);
    await world.advance(60_000);
    let asked = 0;
    fleet.isWell = (_, n) => {
      asked += 1;
      if (n === 2 && asked % 4 === 3) throw new Error('no answer');
      return n !== 2 || asked % 4 !== 0;
    };
    fleet.set(2);
    await world.advance(60_000);
    assert.ok(fleet.tried(2) <= 2);
    assert.match(fleet.status?.failures[0]?.message ?? '', /not healthy within 15000 ms/);
    assert.equal(fleet.with(1), 6);
  });

  it('one bad moment only begins the soaking anew', async () => {
    fleet.fill(1);
    await world.advance(20_000);
    const startMs = world.clock.monotonic();
    fleet.isWell = () => Math.abs(world.clock.monotonic() - startMs - 3100) > 400;
    fleet.set(2);
    await world.advance(7000);
    assert.deepEqual(fleet.states(), ['soaking']);
    await world.advance(3000);
    assert.deepEqual(fleet.states(), ['applied']);
  });

  it('a refusal counts like a failure', async () => {
    for (let i = 0; i < 6; i++) fleet.add(`host-${i}`, {}, i === 0 ? 10 : 1000);
    await world.advance(60_000);
    fleet.set(50);
    await world.advance(60_000);
    assert.ok(fleet.tried(50) <= 2);
    assert.equal(fleet.status?.failures[0]?.kind, 'refused');
    fleet.set(9);
    await world.advance(60_000);
    assert.equal(fleet.with(9), 6);
  });

  it('a value that kills the process counts, though nobody was left to say so', async () => {
    fleet.fill(6);
    await world.advance(60_000);
    const dead: string[] = [];
    const victims = fleet.instances.filter((_, i) => i > 0);
    for (const { client, rollout } of victims) {
      rollout.state$.subscribe((state) => {
        if (state.kind !== 'soaking' || state.revision < 3) return;
        dead.push(client.name);
        client.crash();
      });
    }
    fleet.isBad = (name, n) => name === 'host-0' && n === 2;
    fleet.instances[0]?.client.store.partition('fail');
    fleet.set(2);
    await world.advance(120_000);
    // The two that went first; the others were told by what those had noted beforehand.
    assert.equal(dead.length, 2);
    fleet.instances[0]?.client.store.heal();
    await world.advance(40_000);
    assert.deepEqual(
      fleet.status?.failures.map(({ kind }) => kind),
      ['crashed', 'crashed'],
    );
    assert.equal(fleet.tried(2), 2);
  });

  it('a process that died of a value does not try it again when it is started anew', async () => {
    fleet.fill(1);
    await world.advance(20_000);
    const [first] = fleet.instances;
    fleet.set(2);
    await world.advance(1000);
    first?.client.crash();
    // Sooner than its session ends, as a supervisor would.
    const second = fleet.add('host-0');
    await world.advance(60_000);
    assert.equal(second.rollout.state.kind, 'failed');
    assert.equal(fleet.attempts.filter(([, n]) => n === 2).length, 1);
    assert.equal(await world.run(second.config.clearRollout()), 1);
    await world.advance(60_000);
    assert.equal(second.rollout.state.kind, 'applied');
  });

  it('a restart in good order waits for no turn, and forgets what was under way', async () => {
    fleet.fill(1);
    await world.advance(20_000);
    await world.run(fleet.instances[0]?.client.coord.close() ?? Promise.resolve());
    const holder = world.client('holder');
    const gate = holder.coord.semaphore('app-rollout');
    await world.run(gate.acquire());
    await world.run(gate.acquire());
    const again = fleet.add('host-0');
    await world.advance(10_000);
    assert.equal(again.rollout.state.kind, 'applied');
    await world.run(holder.coord.close());
    fleet.set(2);
    await world.advance(1000);
    assert.equal(again.rollout.state.kind, 'soaking');
    await world.run(again.client.coord.close());
    assert.deepEqual(world.keys('app@rollout/'), ['app@rollout/done/host-0']);
  });

  it('clearing lets it go on with the same value', async () => {
    fleet.fill(6);
    await world.advance(60_000);
    fleet.isBad = (_, n) => n === 2;
    fleet.set(2);
    await world.advance(60_000);
    const tried = fleet.tried(2);
    assert.ok(tried <= 2);
    fleet.isBad = () => false;
    const cleared = await world.run(
      fleet.instances[0]?.config.clearRollout() ?? Promise.resolve(0),
    );
    assert.equal(cleared, tried);
    await world.advance(120_000);
    assert.equal(fleet.with(2), 6);
  });

  it('a newer value takes the place of the one that is soaking, in the same turn', async () => {
    fleet.fill(3, { soakMs: 60_000 });
    await world.advance(10_000);
    fleet.set(2);
    await world.advance(1000);
    assert.equal(fleet.with(2), 2);
    assert.equal(fleet.busiest, 2);
    await world.advance(200_000);
    assert.equal(fleet.with(2), 3);
    assert.equal(fleet.with(1), 0);
  });

  it('a permit that is lost ends the attempt, and it is made again', async () => {
    fleet.fill(2);
    await world.advance(30_000);
    fleet.set(2);
    await world.advance(1000);
    const [first] = fleet.instances;
    first?.client.store.partition('fail');
    await world.advance(20_000);
    // As far as anybody can tell, it has died of the value.
    assert.deepEqual(
      fleet.status?.failures.map(({ kind }) => kind),
      ['crashed'],
    );
    first?.client.store.heal();
    await world.advance(60_000);
    assert.deepEqual(fleet.states(), ['applied', 'applied']);
    assert.deepEqual(fleet.status?.failures, []);
    assert.deepEqual(world.keys('app@rollout/trying/'), []);
  });

  it('at once: the first value of a process does not wait, and is noted like the others', async () => {
    const holder = world.client('holder');
    const gate = holder.coord.semaphore('app-rollout', { initialLimit: 1 });
    await world.run(gate.acquire());
    fleet.add('host-0', { first: 'at-once' });
    fleet.add('host-1');
    await world.advance(20_000);
    assert.deepEqual(fleet.states(), ['applied', 'queued']);
    assert.deepEqual(fleet.status?.done, ['host-0']);
    let reason = '';
    fleet.instances[1]?.rollout.plan$.subscribe((plan) => {
      reason = `${plan.rule}: ${plan.reason}`;
    });
    assert.match(reason, /^gate: revision \d waits for its turn at the gate$/);
  });

  it('lost and late answers of any of its writes change nothing', async () => {
    const plain = (_: string, value: unknown): unknown =>
      typeof value === 'bigint' ? `${value}` : value;
    const isNote = (request: unknown): boolean =>
      JSON.stringify(request, plain).includes('app@rollout/');
    for (let nth = 0; nth < 6; nth++) {
      for (const fault of ['loseResponse', 'loseRequest', 'delay'] as const) {
        world = new World({ seed: testSeed() + nth });
        fleet = new Fleet(world);
        fleet.set(1);
        const { client } = fleet.add('host-0');
        fleet.isBad = (_, n) => n === 2;
        let seen = 0;
        const match = (call: { name: string; request: unknown }): boolean =>
          call.name === 'txn' && isNote(call.request) && seen++ === nth;
        if (fault === 'delay') client.store.delayRequest(match, 7000);
        else client.store[fault](match);
        await world.advance(20_000);
        const label = `${fault} ${nth}`;
        assert.deepEqual(world.keys('app@rollout/'), ['app@rollout/done/host-0'], label);
        fleet.set(2);
        await world.advance(20_000);
        assert.deepEqual(world.keys('app@rollout/').length, 2, label);
        assert.deepEqual(fleet.states(), ['failed'], label);
        assert.equal(fleet.status?.failures[0]?.kind, 'failed', label);
        fleet.set(3);
        await world.advance(30_000);
        assert.deepEqual(fleet.states(), ['applied'], label);
        assert.deepEqual(world.keys('app@rollout/'), ['app@rollout/done/host-0'], label);
        assert.equal(fleet.applied.get('host-0'), 3);
        assert.deepEqual(fleet.status?.done, ['host-0'], label);
        await world.close();
      }
    }
  });

  it('a late word on an old attempt does not hide a new one', async () => {
    const { client } = fleet.add('host-0', { soakMs: 20_000 });
    client.store.delayRequest(({ name, request }) => {
      const { success = [] } = request as TxnRequest;
      const isEnd = success.some((operation) => {
        return operation.kind === 'put' && operation.key === 'app@rollout/done/host-0';
      });
      return name === 'txn' && isEnd;
    }, 6000);
    await world.advance(21_000);
    assert.deepEqual(fleet.states(), ['applied']);
    fleet.set(2);
    await world.advance(10_000);
    assert.deepEqual(fleet.status?.trying, ['host-0']);
    client.crash();
    await world.advance(12_000);
    assert.deepEqual(
      fleet.status?.failures.map(({ kind }) => kind),
      ['crashed'],
    );
  });

  it('needs a name, and leaves nothing behind', async () => {
    const client = world.client('x');
    const config = client.coord.config('app/', Settings);
    const gate = client.coord.lock('one');
    const apply = (): void => undefined;
    assert.throws(
      () => config.applyWith(gate, { apply, instance: 'a/b' }),
      (error) => isCoordinationError(error, 'InvalidArgument'),
    );
    // A lock is a gate for one.
    const rollout = config.applyWith(gate, { apply });
    await world.advance(1000);
    assert.equal(rollout.state.kind, 'applied');
    await world.run(rollout.close());
    assert.equal(rollout.state.kind, 'closed');
    await world.close();
    assert.equal(world.clock.timerCount, 0);
    assert.equal(client.store.watchCount, 0);
  });
});
