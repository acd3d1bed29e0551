// Proves that leaders are made by the claim alone and one at a time, that the term fences, that
// observers hear of nobody leading, and that a worker never runs twice.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { Leadership } from '../../../src/recipes/election/leadership.js';
import type { LeaderInfo } from '../../../src/recipes/election/election-status.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

/** Whether a call is the transaction whose first operation puts the owner key. */
const claims = (call: ModelCall): boolean => {
  const request = call.request as { success?: { kind: string; key: string }[] };
  const first = request.success?.[0];
  return call.name === 'txn' && first?.kind === 'put' && first.key.endsWith('/leader');
};

describe('Election', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  const campaign = (client: Client, value?: string): Promise<Leadership> =>
    client.coord.election('job').campaign(value === undefined ? {} : { value });

  const remove = (key: string): void => {
    world.server.run(() => ({ gone: world.server.kv.delete({ key }) }));
  };

  it('makes one leader at a time, in order, with growing terms', async () => {
    const first = await world.run(campaign(a));
    const second = peek(campaign(b));
    await world.settle();
    const third = peek(campaign(a));
    await world.advance(TTL_MS * 2);
    assert.equal(second.value ?? third.value, undefined);
    first.assertLeader();
    await world.run(first.resign());
    const next = await world.run(second.promise);
    assert.ok(next.term > first.term);
    await world.advance(1000);
    assert.equal(third.value, undefined);
    await world.run(next.resign());
    assert.ok((await world.run(third.promise)).term > next.term);
    assert.equal(world.keys('job/c/').length, 1);
  });

  it('takes two transactions when nobody else stands', async () => {
    await world.run(a.coord.election('warm').campaign());
    const before = a.store.callCount('txn');
    const leadership = await world.run(campaign(a));
    assert.equal(a.store.callCount('txn') - before, 2);
    await world.run(leadership.resign());
    assert.deepEqual(world.keys('job/'), []);
  });

  it('a proclamation reaches observers and leaves the term alone', async () => {
    const seen: (LeaderInfo | null)[] = [];
    const subscription = b.coord.election('job').leader$.subscribe((leader) => seen.push(leader));
    await world.settle();
    assert.deepEqual(seen, [null]);
    const leadership = await world.run(campaign(a, 'host-1'));
    await world.run(leadership.proclaim('host-2'));
    leadership.assertLeader();
    const { id, term } = leadership;
    assert.deepEqual(seen, [null, { id, term, value: 'host-1' }, { id, term, value: 'host-2' }]);
    assert.equal(leadership.value, 'host-2');
    await world.run(leadership.resign());
    assert.equal(seen.at(-1), null);
    await assert.rejects(world.run(leadership.proclaim('late')), is('NotOwner'));
    subscription.unsubscribe();
    assert.equal(b.store.watchCount, 0);
  });

  it('a proclamation that arrives late does not take the place of a later one', async () => {
    const leadership = await world.run(campaign(a, 'host-0'));
    a.store.delayRequest(({ name }) => name === 'txn', 3000);
    const proclaiming = ['host-1', 'host-2'].map((value) => leadership.proclaim(value));
    await world.run(Promise.all(proclaiming));
    await world.advance(5000);
    const [leader] = await world.run(b.coord.election('job').candidates());
    assert.deepEqual([leader?.value, leadership.value], ['host-2', 'host-2']);
  });

  it('one who was handed the leadership proclaims like any other', async () => {
    await world.run(campaign(a, 'host-1'));
    const next = peek(campaign(b, 'host-2'));
    await world.settle();
    const [, candidate] = await world.run(a.coord.election('job').candidates());
    await world.run(a.coord.election('job').transfer(candidate?.id ?? ''));
    const leadership = await world.run(next.promise);
    await world.run(leadership.proclaim('host-3'));
    const [leader] = await world.run(a.coord.election('job').candidates());
    assert.equal(leader?.value, 'host-3');
  });

  it('observers see nobody when the leader dies, and then the next one', async () => {
    const seen: (string | null)[] = [];
    const observer = world.client('observer');
    observer.coord.election('job').leader$.subscribe((leader) => seen.push(leader?.value ?? null));
    await world.run(campaign(a, 'one'));
    const next = peek(campaign(b, 'two'));
    await world.settle();
    a.crash();
    await world.advance(TTL_MS * 2);
    assert.ok(next.value !== undefined);
    assert.deepEqual(seen, [null, 'one', null, 'two']);
  });

  it('observers survive compaction and lost events', async () => {
    const seen: (string | null)[] = [];
    b.coord.election('job').leader$.subscribe((leader) => seen.push(leader?.value ?? null));
    const leadership = await world.run(campaign(a, 'one'));
    b.store.partition('fail');
    await world.run(leadership.resign());
    await world.run(campaign(a, 'two'));
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
    b.store.heal();
    await world.advance(5000);
    assert.equal(seen.at(-1), 'two');
    b.store.dropNextEvent((key) => key === 'job/leader');
    remove('job/leader');
    await world.advance(60_000);
    assert.equal(seen.at(-1), null);
  });

  it('a lost answer to the claim makes a leader and no second claim', async () => {
    a.store.loseResponse(claims);
    const leadership = await world.run(campaign(a));
    assert.equal(world.server.kv.range({ key: 'job/leader' }).kvs[0]?.modRevision, leadership.term);
    await world.run(leadership.resign());
    assert.deepEqual(world.keys('job/'), []);
  });

  it('a campaign given up during its claim leaves nobody in charge', async () => {
    await world.run(a.coord.election('warm').campaign());
    const abort = new AbortController();
    const given = peek(a.coord.election('job').campaign({ signal: abort.signal }));
    // The claim has taken effect, and its answer is on the way.
    while (!world.keys('job/').includes('job/leader')) await Promise.resolve();
    a.store.hold();
    abort.abort();
    await world.settle();
    assert.ok(is('Aborted')(given.error));
    a.store.release();
    await world.advance(100);
    assert.deepEqual(world.keys('job/'), []);
  });

  it('a candidate that somebody deleted does not lead, and does not block', async () => {
    const first = await world.run(campaign(a));
    const second = peek(campaign(b));
    await world.settle();
    const third = peek(campaign(a));
    await world.settle();
    const [, place] = world.server.kv
      .range({ key: 'job/c/', rangeEnd: 'job/c0', sortTarget: 'create' })
      .kvs.map((kv) => new TextDecoder().decode(kv.key));
    remove(place ?? '');
    await world.advance(100);
    assert.ok(is('LockLost')(second.error));
    first.assertLeader();
    await world.run(first.resign());
    await world.run(third.promise);
  });

  it('a candidate deleted between its look and its claim does not lead', async () => {
    const first = await world.run(campaign(a));
    const second = peek(campaign(b));
    await world.settle();
    b.store.loseRequest((call) => {
      if (claims(call)) for (const key of world.keys('job/c/')) remove(key);
      return false;
    });
    await world.run(first.resign());
    await world.advance(100);
    assert.equal(second.value, undefined);
    assert.ok(is('LockLost')(second.error), String(second.error));
    assert.deepEqual(world.keys('job/'), []);
  });

  it('a leader whose owner key is deleted steps down and lets the next one lead', async () => {
    const first = await world.run(campaign(a));
    const second = peek(campaign(b));
    await world.settle();
    remove('job/leader');
    await world.advance(100);
    assert.ok(first.signal.aborted);
    assert.throws(() => first.assertLeader(), is('LockLost'));
    assert.ok(second.value !== undefined);
    await assert.rejects(world.run(first.resign()), is('LockLost'));
    second.value.assertLeader();
  });

  it('the head waits for an owner key that no candidate stands behind', async () => {
    world.server.run(() => ({ kv: world.server.kv.put({ key: 'job/leader', value: 'other' }) }));
    const waiting = peek(campaign(a));
    await world.advance(TTL_MS * 3);
    assert.equal(waiting.value, undefined);
    remove('job/leader');
    await world.run(waiting.promise);
  });

  it('the signal of a cut-off leader fires before another one leads', async () => {
    const first = await world.run(campaign(a));
    const second = peek(campaign(b));
    await world.settle();
    const events: string[] = [];
    first.signal.addEventListener('abort', () => events.push('lost'));
    void second.promise.then(() => events.push('elected'));
    a.store.partition('hang');
    await world.advance(TTL_MS * 2);
    assert.deepEqual(events, ['lost', 'elected']);
  });

  it('a guarded write of an earlier leader fails', async () => {
    const first = await world.run(campaign(a));
    const write = (): Promise<boolean> =>
      b.store
        .txn({ compare: [first.guard()], success: [{ kind: 'put', key: 'k' }] })
        .then((result) => result.succeeded);
    assert.equal(await world.run(write()), true);
    await world.run(first.resign());
    await world.run(campaign(a));
    assert.equal(await world.run(write()), false);
  });

  it('runs one worker at a time, and waits for it before it campaigns again', async () => {
    let running = 0;
    let runningMax = 0;
    const terms: number[] = [];
    const stop = new AbortController();
    let finish = (): void => undefined;
    const loop = peek(
      a.coord.election('job').runWhileLeader(
        async (term, signal) => {
          running += 1;
          runningMax = Math.max(runningMax, running);
          terms.push(term);
          await new Promise<void>((resolve) => {
            finish = resolve;
            if (terms.length > 1) signal.addEventListener('abort', () => resolve());
          });
          running -= 1;
        },
        { signal: stop.signal },
      ),
    );
    await world.advance(100);
    remove('job/leader');
    await world.advance(TTL_MS * 2);
    assert.equal(terms.length, 1, 'campaigned before the work had ended');
    finish();
    await world.advance(100);
    assert.equal(terms.length, 2);
    assert.equal(runningMax, 1);
    stop.abort();
    await world.run(loop.promise);
    assert.equal(loop.value, undefined);
    assert.equal(loop.error, undefined);
    assert.deepEqual(world.keys('job/'), []);
  });

  it('leads again after a lost session', async () => {
    const terms: number[] = [];
    const stop = new AbortController();
    const loop = a.coord.election('job').runWhileLeader(
      (term, signal) => {
        terms.push(term);
        return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
      { signal: stop.signal },
    );
    await world.advance(100);
    a.store.partition('hang');
    await world.advance(TTL_MS * 2);
    a.store.heal();
    await world.advance(TTL_MS);
    assert.equal(terms.length, 2);
    stop.abort();
    await world.run(loop);
  });

  it('work that ends by itself ends the loop, with its result or its failure', async () => {
    const election = a.coord.election('job');
    assert.equal(await world.run(election.runWhileLeader((term) => term > 0)), true);
    const boom = new Error('work failed');
    const failed = election.runWhileLeader(() => Promise.reject(boom));
    await assert.rejects(world.run(failed), boom);
    assert.deepEqual(world.keys('job/'), []);
  });

  it('closing aborts the work, waits for it, and only then gives the leadership up', async () => {
    const events: string[] = [];
    const loop = peek(
      a.coord.election('job').runWhileLeader(async (_term, signal) => {
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => a.clock.timer(500, resolve));
        });
        events.push(`work ended, keys ${world.keys('job/').length}`);
      }),
    );
    await world.settle();
    await world.run(a.coord.close());
    assert.deepEqual(events, ['work ended, keys 3']);
    assert.ok(is('Aborted')(loop.error));
    assert.deepEqual(world.keys('job/'), []);
    assert.equal(a.store.watchCount, 0);
    assert.equal(world.clock.timerCount, 0);
  });
  it('begins no work once it was told to stop, at whatever step', async () => {
    const begun: boolean[] = [];
    for (let turn = 0; turn < 200; turn++) {
      const stop = new AbortController();
      const loop = a.coord.election('job').runWhileLeader(
        (_term, signal) => {
          begun.push(!signal.aborted);
        },
        { signal: stop.signal },
      );
      for (let i = 0; i < turn; i++) await Promise.resolve();
      stop.abort();
      await world.run(loop);
      await world.advance(100);
      assert.deepEqual(world.keys('job/'), [], `after ${turn} turns`);
    }
    assert.ok(begun.includes(true) && !begun.includes(false));
  });
});
