// Proves what a queue does when nothing fails: order and priorities, one consumer for each message,
// acknowledging and refusing, delays by the store's clock, dead letters, and what it shows.
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { Message } from '../../../src/recipes/queue/message.js';
import type { Queue } from '../../../src/recipes/queue/queue.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const waits = (asked: Peeked<unknown>): boolean => asked.value === undefined;

describe('Queue', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let queue: Queue<string>;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
    queue = a.coord.queue<string>('jobs', { maxAttempts: 3 });
  });

  const send = async (value: string, options = {}): Promise<boolean> =>
    (await world.run(queue.send(value, options))).isAccepted;
  const receive = (from = queue): Promise<Message<string>> => world.run(from.receive());
  const ask = async (client = b): Promise<Peeked<Message<string>>> => {
    const asked = peek(client.coord.queue<string>('jobs', { maxAttempts: 3 }).receive());
    await world.settle();
    return asked;
  };
  /** Receives and acknowledges everything that is ready. */
  const drain = async (): Promise<string[]> => {
    const values: string[] = [];
    for (;;) {
      const message = await world.run(queue.tryReceive());
      if (message === undefined) return values;
      values.push(message.value);
      await world.run(message.ack());
    }
  };

  it('delivers in the order of sending and keeps nothing of what was acknowledged', async () => {
    for (const value of ['one', 'two', 'three']) assert.equal(await send(value), true);
    assert.deepEqual(await drain(), ['one', 'two', 'three']);
    assert.deepEqual(world.keys('jobs/'), []);
  });

  it('sends in one transaction, receives in two and acknowledges in one', async () => {
    await send('warm');
    await drain();
    const before = a.store.callCount('txn');
    await send('one');
    assert.equal(a.store.callCount('txn') - before, 1);
    const message = await receive();
    assert.equal(a.store.callCount('txn') - before, 3);
    await world.run(message.ack());
    assert.equal(a.store.callCount('txn') - before, 4);
    assert.equal(a.store.callCount('range'), 0);
  });

  it('takes the highest priority that is ready, not what woke it', async () => {
    for (const [value, priority] of [
      ['low', 0],
      ['high', 7],
      ['top', 999],
      ['middle', 3],
      ['high too', 7],
      ['last', 0],
    ] as const) {
      await send(value, { priority });
    }
    const top = await receive();
    assert.deepEqual([top.value, top.priority], ['top', 999]);
    assert.deepEqual(await drain(), ['high', 'high too', 'middle', 'low', 'last']);
    const waiting = await ask();
    b.store.hold();
    await send('woke it', { priority: 1 });
    await send('is higher', { priority: 2 });
    b.store.release();
    await world.settle();
    assert.equal(waiting.value?.value, 'is higher');
  });

  it('finds what is ready behind any number that are claimed', async () => {
    const count = 40;
    for (let i = 0; i < count; i++) await send(`high ${i}`, { priority: 5 });
    await send('low');
    const taken: Message<string>[] = [];
    for (let i = 0; i < count; i++) taken.push(await receive());
    const numbers = taken.map(({ value }) => Number(value.split(' ')[1]));
    assert.deepEqual(numbers, [...numbers.keys()]);
    assert.equal((await receive()).value, 'low');
    assert.equal(await world.run(queue.tryReceive()), undefined);
    await world.run(taken[17]?.nack() ?? Promise.resolve());
    assert.equal((await receive()).value, 'high 17');
  });

  it('finds what is ready behind stray keys that look like one claimed message', async () => {
    const put = (key: string): void => {
      world.server.run(() => world.server.kv.put({ key: `jobs/@queue/index/${key}`, value: '{}' }));
    };
    put('claim/stray');
    for (let i = 0; i < 40; i++) put(`ready/999/${i}/stray`);
    await world.run(a.coord.queue('jobs').send('m', { id: 'm' }));
    const before = a.store.calls.length;
    // It would look again without end, and in no time.
    a.store.loseRequest(() => {
      assert.ok(a.store.calls.length - before < 100, 'it looks again and again');
      return false;
    });
    const message = await world.run(a.coord.queue('jobs').receive({ timeoutMs: 5000 }));
    assert.equal(message.id, 'm');
    assert.ok(a.store.calls.length - before < 20, `${a.store.calls.length - before} calls`);
  });

  it('gives each message to one consumer, and each consumer its fence', async () => {
    const sentMs = world.clock.wall();
    await send('one');
    const first = await receive();
    const second = await ask();
    await world.advance(1000);
    assert.ok(waits(second));
    await world.run(first.nack());
    await world.settle();
    assert.equal(second.value?.value, 'one');
    assert.deepEqual([first.attempts, second.value.attempts], [1, 2]);
    assert.ok(second.value.fence > first.fence);
    assert.throws(() => first.assertHeld(), is('NotOwner'));
    second.value.assertHeld();
    assert.equal(second.value.sender, 'a');
    assert.equal(second.value.sentMs, sentMs);
  });

  it('serves idle consumers in the order in which they came', async () => {
    const consumers = [await ask(), await ask(a), await ask()];
    for (const value of ['one', 'two', 'three']) await send(value);
    await world.settle();
    assert.deepEqual(
      consumers.map((one) => one.value?.value),
      ['one', 'two', 'three'],
    );
    assert.deepEqual(world.keys('jobs/@queue/index/line/'), []);
  });

  it('a message that is refused keeps its place, unless it is delayed', async () => {
    await send('one');
    await send('two');
    const first = await receive();
    await world.run(first.nack());
    const again = await receive();
    assert.equal(again.value, 'one');
    await world.run(again.nack({ delayMs: 5000 }));
    assert.equal((await receive()).value, 'two');
    assert.equal(await world.run(queue.tryReceive()), undefined);
    await world.advance(5001);
    const last = await receive();
    assert.deepEqual([last.value, last.attempts], ['one', 3]);
  });

  it('the first of ack and nack counts; disposal refuses what was not acknowledged', async () => {
    await send('one');
    const message = await receive();
    await world.run(message.ack());
    await world.run(message.nack());
    await world.run(message.ack());
    assert.deepEqual(world.keys('jobs/'), []);
    await send('two');
    const use = async (): Promise<void> => {
      await using left = await queue.receive();
      assert.equal(left.value, 'two');
    };
    await world.run(use());
    assert.equal((await receive()).attempts, 2);
  });

  it('holds a message back until its time has come by the clock of the store', async () => {
    const early = await ask();
    await send('later', { delayMs: 4200 });
    await send('now');
    assert.equal(early.value?.value, 'now');
    const waiting = await ask();
    await world.advance(4900);
    assert.ok(waits(waiting), 'a delay is rounded up to whole seconds');
    await world.advance(101);
    assert.equal(waiting.value?.value, 'later');
    assert.deepEqual(world.keys('jobs/@queue/index/delay'), []);
  });

  it('what is due is found also by who comes later, many at a time', async () => {
    for (let i = 0; i < 70; i++) await send(`${i}`, { delayMs: 3000, priority: i % 2 });
    await world.advance(10_000);
    const values = (await drain()).map(Number);
    assert.equal(values.length, 70);
    assert.deepEqual(
      values.map((value) => value % 2),
      values.map((_, place) => (place < 35 ? 1 : 0)),
    );
    assert.equal(new Set(values).size, 70);
  });

  it('accepts an id once as long as it exists, wherever it is', async () => {
    assert.equal(await send('one', { id: 'x' }), true);
    assert.equal(await send('two', { id: 'x', priority: 9 }), false);
    assert.equal(await send('two', { id: 'x', delayMs: 5000 }), false);
    assert.deepEqual(await drain(), ['one']);
    assert.equal(await send('three', { id: 'x', delayMs: 5000 }), true);
    assert.equal(await send('four', { id: 'x' }), false);
    await world.advance(6000);
    assert.deepEqual(await drain(), ['three']);
  });

  it('gives up after the last attempt, for good or until somebody sends it again', async () => {
    const dead = queue.deadLetters();
    await send('bad', { id: 'bad', priority: 4 });
    await send('worse', { id: 'worse' });
    for (let i = 0; i < 3; i++) {
      await world.run((await receive()).nack({ reason: `no ${i}`, delayMs: 0 }));
    }
    assert.equal((await receive()).value, 'worse');
    const [letter, ...others] = await world.run(dead.list());
    assert.deepEqual(others, []);
    assert.deepEqual(letter, {
      id: 'bad',
      value: 'bad',
      priority: 4,
      attempts: 3,
      reason: 'no 2',
      identity: 'a',
      sinceMs: world.clock.wall(),
    });
    assert.equal(await send('again', { id: 'bad' }), false);
    assert.equal(await world.run(dead.requeue('bad')), true);
    assert.equal(await world.run(dead.requeue('bad')), false);
    const again = await receive();
    assert.deepEqual([again.value, again.attempts, again.priority], ['bad', 1, 4]);
    await world.run(again.nack());
    for (let i = 0; i < 2; i++) await world.run((await receive()).nack());
    assert.equal((await world.run(dead.list()))[0]?.reason, 'refused 3 times');
    assert.equal(await world.run(dead.discard('bad')), true);
    assert.equal(await world.run(dead.discard('bad')), false);
    assert.deepEqual(
      world.keys('jobs/').filter((key) => key.endsWith('bad')),
      [],
    );
  });

  it('refuses what makes no sense', async () => {
    for (const options of [
      { id: '' },
      { id: 'a/b' },
      { priority: -1 },
      { priority: 1000 },
      { priority: 0.5 },
      { delayMs: -1 },
      { delayMs: Number.NaN },
    ]) {
      await assert.rejects(
        queue.send('x', options),
        is('InvalidArgument'),
        JSON.stringify(options),
      );
    }
    assert.throws(() => a.coord.queue('jobs', { maxAttempts: 0 }), is('InvalidArgument'));
    assert.throws(() => a.coord.queue('jobs/@queue'), is('InvalidArgument'));
    await assert.rejects(
      queue.consume(() => 1, { concurrency: 0 }),
      is('InvalidArgument'),
    );
  });

  it('times out, aborts, and leaves no place in line either way', async () => {
    const late = peek(queue.receive({ timeoutMs: 500 }));
    await world.advance(501);
    assert.ok(is('Timeout')(late.error));
    const abort = new AbortController();
    const stopped = peek(queue.receive({ signal: abort.signal }));
    await world.settle();
    abort.abort();
    await world.settle();
    assert.ok(is('Aborted')(stopped.error));
    assert.deepEqual(world.keys('jobs/'), []);
    assert.equal(a.store.watchCount, 0);
  });

  it('a guarded write succeeds while the delivery lasts', async () => {
    await send('one');
    const message = await receive();
    const write = (): Promise<boolean> =>
      b.store
        .txn({ compare: [message.guard()], success: [{ kind: 'put', key: 'k' }] })
        .then((result) => result.succeeded);
    assert.equal(await world.run(write()), true);
    await world.run(message.nack());
    assert.equal(await world.run(write()), false);
  });

  it('shows how many are where, and why a consumer waits', async () => {
    const seen: string[] = [];
    const mine = b.coord.queue<string>('jobs');
    const following = mine.plan$.subscribe(({ state, reason }) => seen.push(`${state}: ${reason}`));
    await world.settle();
    await send('one');
    await send('two', { delayMs: 60_000 });
    const held = await receive();
    const first = await ask(a);
    const second = peek(mine.receive());
    await world.settle();
    const status = await world.run(firstValueFrom(queue.status$));
    const { ready, claimed, delayed, dead, consumers, workers } = status;
    assert.deepEqual([ready, claimed, delayed, dead], [0, 1, 1, 0]);
    assert.deepEqual(
      [workers, consumers].map((all) => all.map(({ identity }) => identity)),
      [['a'], ['a', 'b']],
    );
    await world.run(held.ack());
    await send('three');
    await send('four');
    await world.settle();
    assert.ok(first.value !== undefined && second.value !== undefined);
    const since = '[0-9:]{8}Z';
    for (const expected of [
      '^waiting: no message is ready; 0 claimed, 0 delayed$',
      '^free: 1 ready$',
      `^waiting: no message is ready; 1 claimed by a since ${since}, 1 delayed$`,
      `^waiting: a since ${since} waits before$`,
      '^held: works on 1 message$',
    ]) {
      assert.ok(
        seen.some((line) => new RegExp(expected).test(line)),
        `${expected}\n${seen.join('\n')}`,
      );
    }
    following.unsubscribe();
    await world.close();
    assert.equal(world.clock.timerCount, 1, 'the lease of the delayed message');
  });
});
