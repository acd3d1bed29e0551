// Proves that the consuming loop loses nothing: it acknowledges what was done and refuses what was
// not, waits for its handlers, and outlives lost sessions and long disconnections. The named bugs:
// a queue that deletes before it works (etcd's), and one that stops after a long disconnection
// (CURATOR-623).
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { Message } from '../../../src/recipes/queue/message.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('Queue.consume', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  const sendAll = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await world.run(b.coord.queue('jobs').send(i));
  };
  const pause = (client: Client, ms: number): Promise<void> =>
    new Promise((resolve) => client.clock.timer(ms, resolve));

  it('works on as many at once as it may, acknowledges, and ends with its handlers', async () => {
    await sendAll(10);
    const stop = new AbortController();
    const done: number[] = [];
    let running = 0;
    let most = 0;
    const work = async ({ value }: Message): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await pause(a, 1000);
      running -= 1;
      done.push(value as number);
    };
    const consuming = peek(
      a.coord.queue('jobs').consume(work, { signal: stop.signal, concurrency: 3 }),
    );
    await world.advance(2500);
    assert.equal(done.length, 6);
    stop.abort();
    await world.settle();
    assert.equal(running, 3, 'handlers go on after the abort');
    await world.run(consuming.promise);
    assert.equal(most, 3);
    assert.deepEqual(
      done.toSorted((x, y) => x - y),
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.equal(world.keys('jobs/@queue/body/').length, 1);
    assert.equal(world.keys('jobs/@queue/index/line/').length, 0);
  });

  it('refuses what the handler threw at, with the reason, until it is given up', async () => {
    await sendAll(1);
    const stop = new AbortController();
    const failures: string[] = [];
    const queue = a.coord.queue('jobs', { maxAttempts: 3 });
    const consuming = queue.consume(
      () => {
        throw new Error('cannot');
      },
      {
        signal: stop.signal,
        retryDelayMs: 3000,
        onFailure: (error, message) => {
          failures.push(`${message?.attempts}: ${(error as Error).message}`);
        },
      },
    );
    await world.advance(2000);
    assert.equal(failures.length, 1);
    await world.advance(20_000);
    assert.deepEqual(failures, ['1: cannot', '2: cannot', '3: cannot']);
    const [letter] = await world.run(queue.deadLetters().list());
    assert.deepEqual([letter?.reason, letter?.attempts], ['cannot', 3]);
    stop.abort();
    await world.run(consuming);
  });

  it('goes on after its session was lost, and after the store was away for long', async () => {
    const stop = new AbortController();
    const done: unknown[] = [];
    const failures: unknown[] = [];
    const consuming = a.coord.queue('jobs').consume(({ value }) => done.push(value), {
      signal: stop.signal,
      onFailure: (error) => failures.push(error),
    });
    await sendAll(2);
    await world.advance(100);
    a.store.partition('fail');
    await world.advance(TTL_MS * 10);
    await sendAll(2);
    a.store.heal();
    await world.advance(TTL_MS);
    assert.deepEqual(done, [0, 1, 0, 1]);
    assert.ok(failures.some(is('SessionLost')));
    a.store.partition('hang');
    await world.advance(TTL_MS * 2);
    a.store.heal();
    await sendAll(1);
    await world.advance(TTL_MS);
    assert.equal(done.length, 5);
    stop.abort();
    await world.run(consuming);
  });

  it('tells a handler that its message was lost, and the message comes again', async () => {
    await sendAll(1);
    const signals: boolean[] = [];
    const failures: unknown[] = [];
    const stop = new AbortController();
    const consuming = a.coord.queue('jobs').consume(
      async ({ signal, attempts }) => {
        if (attempts === 1) await pause(a, TTL_MS * 2);
        signals.push(signal.aborted);
      },
      { signal: stop.signal, onFailure: (error) => failures.push(error) },
    );
    await world.settle();
    a.store.partition('hang');
    await world.advance(TTL_MS - 500);
    a.store.heal();
    await world.advance(TTL_MS * 3);
    assert.deepEqual(signals, [true, false]);
    assert.ok(failures.some(is('LockLost')));
    assert.deepEqual(world.keys('jobs/@queue/body/'), []);
    stop.abort();
    await world.run(consuming);
  });

  it('a message that the handler acknowledges itself is acknowledged once', async () => {
    await sendAll(1);
    const stop = new AbortController();
    const failures: unknown[] = [];
    const consuming = a.coord.queue('jobs').consume((message) => message.ack(), {
      signal: stop.signal,
      onFailure: (error) => failures.push(error),
    });
    await world.advance(100);
    assert.deepEqual(failures, []);
    assert.deepEqual(world.keys('jobs/@queue/body/'), []);
    stop.abort();
    await world.run(consuming);
  });

  it('closing ends it, and what it worked on comes again', async () => {
    await sendAll(1);
    const consuming = peek(a.coord.queue('jobs').consume(() => pause(a, 1000)));
    await world.advance(500);
    const closing = a.coord.close();
    await world.run(closing);
    assert.ok(is('Aborted')(consuming.error), String(consuming.error));
    const again = await world.run(b.coord.queue('jobs').receive());
    assert.equal(again.attempts, 2);
  });

  it('refuses the message also when whoever is told of a failure throws', async () => {
    await sendAll(1);
    const fail = (text: string) => (): never => {
      throw new Error(text);
    };
    const consuming = peek(
      a.coord.queue('jobs').consume(fail('the work'), { onFailure: fail('the telling') }),
    );
    await world.advance(1000);
    assert.match(String(consuming.error), /the telling/);
    const message = await world.run(b.coord.queue('jobs').receive(), 1000);
    assert.equal(message.attempts, 2);
  });

  it('a refusal with a delay after the delivery was lost says that it was lost', async () => {
    await sendAll(1);
    const message = await world.run(a.coord.queue('jobs').receive());
    a.store.partition('fail');
    await world.advance(TTL_MS * 2);
    a.store.heal();
    await assert.rejects(world.run(message.nack({ delayMs: 5000 })), is('LockLost'));
  });
});
