// Proves the promises of the queue against faults: lost and late answers of each transaction,
// consumers that die, compaction, lost events, blocked event loops. Named bugs that each test would
// find when planted: a message deleted before it was worked on (etcd's queue), one message with two
// consumers that both believe in it (CURATOR-605), a nil from a dead watch (etcd's queue), every
// idle consumer woken by every message (etcd's queue), a claim that nobody owns.
import assert from 'node:assert/strict';
import { TIMING } from '../../../src/recipes/base/timing.js';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { Message } from '../../../src/recipes/queue/message.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const INDEX = 'jobs/@queue/index/';
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const waits = (asked: Peeked<unknown>): boolean => asked.value === undefined;

/** The transaction whose first write is of such a key. */
function txnThat(kind: 'put' | 'delete', start: string): (call: ModelCall) => boolean {
  return (call) => {
    const { success } = call.request as { success?: { kind: string; key: string }[] };
    const first = success?.find((one) => one.kind !== 'range');
    return call.name === 'txn' && first?.kind === kind && String(first.key).startsWith(start);
  };
}

const isClaim = txnThat('put', `${INDEX}claim/`);
const isEnd = txnThat('delete', `${INDEX}claim/`);
const isLine = txnThat('put', `${INDEX}line/`);
const isSend = txnThat('put', 'jobs/@queue/body/');

describe('Queue under faults', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(async () => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
    await world.run(b.coord.lock('warm').acquire());
  });

  const send = (value: string, options = {}): Promise<{ isAccepted: boolean }> =>
    world.run(a.coord.queue<string>('jobs').send(value, options));
  const receive = (client = a): Promise<Message<string>> =>
    world.run(client.coord.queue<string>('jobs').receive());
  const ask = async (client = b): Promise<Peeked<Message<string>>> => {
    const asked = peek(client.coord.queue<string>('jobs').receive());
    await world.settle();
    return asked;
  };
  const under = (kind: string): string[] => world.keys(`${INDEX}${kind}/`);
  const remove = (key: string): void => {
    world.server.run(() => ({ kv: world.server.kv.delete({ key }) }));
  };

  describe('a message that arrives after it was sent again', () => {
    it('does nothing once it is done', async () => {
      a.store.delayRequest(isSend, 3000);
      assert.equal((await send('one', { id: 'x' })).isAccepted, true);
      await world.run((await receive(b)).ack());
      await world.advance(5000);
      assert.deepEqual(world.keys('jobs/@queue/body/'), []);
      assert.equal((await send('two', { id: 'x' })).isAccepted, true, 'the id is free');
    });

    it('does nothing after it was refused', async () => {
      a.store.delayRequest((call) => {
        if (!isSend(call)) return false;
        void b.coord.queue('jobs').send('theirs', { id: 'x' });
        return true;
      }, 3000);
      assert.equal((await send('mine', { id: 'x' })).isAccepted, false);
      await world.run((await receive(b)).ack());
      await world.advance(5000);
      assert.deepEqual(world.keys('jobs/@queue/body/'), []);
    });

    it('is known to be sent, also when it was done before the answer came', async () => {
      a.store.loseRequest(isSend);
      a.store.loseResponse(isSend);
      const sent = peek(a.coord.queue<string>('jobs').send('one'));
      const asked = await ask(b);
      while (asked.value === undefined) await world.advance(1);
      await world.run(asked.value.ack());
      await world.advance(5000);
      assert.equal(sent.value?.isAccepted, true);
      assert.deepEqual(world.keys('jobs/@queue/body/'), []);
      await world.advance(1_000_000);
      assert.deepEqual(world.keys('jobs/@queue/answered/'), []);
    });
  });

  it('a lost answer to sending sends once, with and without a delay', async () => {
    a.store.loseResponse(isSend);
    assert.equal((await send('one')).isAccepted, true);
    a.store.loseResponse(isSend);
    assert.equal((await send('two', { delayMs: 3000 })).isAccepted, true);
    assert.equal(under('ready').length, 1);
    assert.equal(under('delayed').length, 1);
    await world.advance(2500);
    assert.equal(under('delay').length, 1, 'the delay was cut short');
  });

  it('a lost answer to the claim makes one delivery', async () => {
    await send('one');
    b.store.loseResponse(isClaim);
    const message = await receive(b);
    assert.equal(message.attempts, 1);
    await world.advance(TTL_MS * 2);
    message.assertHeld();
    await world.run(message.ack());
    assert.deepEqual(world.keys('jobs/'), []);
  });

  it('lost answers in line make one place and one delivery', async () => {
    b.store.loseResponse(isLine);
    const waiting = await ask();
    await world.advance(200);
    assert.equal(under('line').length, 1);
    b.store.loseResponse(isClaim);
    await send('one');
    const message = await world.run(waiting.promise);
    assert.equal(message.attempts, 1);
    await world.advance(TTL_MS * 2);
    message.assertHeld();
    assert.deepEqual(under('line'), []);
  });

  it('a lost answer to ack or nack ends the delivery once', async () => {
    await send('one');
    await send('two');
    const first = await receive(b);
    b.store.loseResponse(isEnd);
    await world.run(first.ack());
    const second = await receive(b);
    assert.equal(second.value, 'two');
    b.store.loseResponse(isEnd);
    const ending = second.nack();
    await world.advance(1);
    const again = await world.run(a.coord.queue<string>('jobs').receive());
    await world.run(ending.catch(() => undefined));
    await world.advance(TTL_MS);
    again.assertHeld();
    assert.equal(again.attempts, 2);
  });

  it('an ack that never got through is a loss, and the message comes again', async () => {
    await send('one');
    const message = await receive(b);
    b.store.partition('fail');
    const ending = peek(message.ack());
    await world.advance(TTL_MS * 2);
    assert.ok(is('LockLost')(ending.error), String(ending.error));
    assert.equal((await receive()).value, 'one');
  });

  it('a claim that arrives after its request was given up is taken back', async () => {
    await send('one');
    const abort = new AbortController();
    b.store.delayRequest(isClaim, 3000);
    const asked = peek(b.coord.queue('jobs').receive({ signal: abort.signal }));
    await world.settle();
    abort.abort();
    await world.advance(3000);
    assert.ok(is('Aborted')(asked.error));
    assert.equal(under('claim').length, 1, 'the late claim should be there by now');
    await world.advance(TTL_MS);
    const message = await receive();
    assert.deepEqual([message.value, message.attempts], ['one', 1]);
  });

  it('what was claimed and never handed out counts as no attempt', async () => {
    await send('one');
    for (let i = 0; i < 12; i++) {
      b.store.loseResponse(isClaim);
      const asked = peek(b.coord.queue('jobs').receive({ timeoutMs: 10 }));
      await world.advance(10);
      assert.ok(is('Timeout')(asked.error));
      await world.advance(TTL_MS);
      assert.deepEqual(under('claim'), []);
    }
    const message = await receive();
    assert.deepEqual([message.value, message.attempts], ['one', 1]);
    await world.run(message.ack());
    assert.deepEqual(world.keys('jobs/'), []);
  });

  it('giving a claim up brings no message back that was deleted by hand', async () => {
    await send('one');
    b.store.loseResponse(isClaim);
    const asked = peek(b.coord.queue('jobs').receive({ timeoutMs: 10 }));
    await world.settle();
    for (const key of under('ready')) remove(key);
    await world.advance(TTL_MS);
    assert.ok(is('Timeout')(asked.error));
    assert.deepEqual(under(''), []);
  });

  for (const when of ['before', 'after'] as const) {
    it(`a lost answer to nack with a delay, asked again ${when} its time has come`, async () => {
      await send('one');
      const message = await receive(b);
      b.store.loseResponse(isEnd);
      const ending = peek(message.nack({ delayMs: 3000 }));
      await world.advance(1);
      if (when === 'after') {
        b.store.partition('fail');
        const waiting = await ask(a);
        await world.advance(4000);
        b.store.heal();
        await world.advance(4000);
        assert.ok(ending.error === undefined || is('LockLost')(ending.error));
        assert.equal(waiting.value?.attempts, 2);
        waiting.value.assertHeld();
        await world.run(waiting.value.ack());
      } else {
        await world.run(ending.promise);
        assert.equal(under('delayed').length, 1);
        await world.advance(2000);
        assert.equal(under('delay').length, 1, 'the delay was cut short');
        const again = await receive();
        assert.equal(again.attempts, 2);
        await world.run(again.ack());
      }
      await world.advance(TTL_MS);
      assert.deepEqual(world.keys('jobs/'), []);
    });
  }

  it('a lost answer to the last nack makes one dead letter', async () => {
    const queue = b.coord.queue<string>('jobs', { maxAttempts: 1 });
    await send('one');
    const message = await world.run(queue.receive());
    b.store.loseResponse(isEnd);
    await world.run(message.nack({ reason: 'no good' }));
    assert.deepEqual([under('dead').length, under('ready').length], [1, 0]);
    const [letter] = await world.run(queue.deadLetters().list());
    assert.deepEqual([letter?.attempts, letter?.reason], [1, 'no good']);
    const isRequeue = txnThat('delete', `${INDEX}dead/`);
    b.store.loseResponse(isRequeue);
    assert.equal(await world.run(queue.deadLetters().requeue(letter?.id ?? '')), true);
    assert.deepEqual([under('dead').length, under('ready').length], [0, 1]);
  });

  it('a place in line that arrives too late does not stand in the way for good', async () => {
    b.store.delayRequest(isLine, 3000);
    const waiting = await ask();
    await world.advance(100);
    await send('one');
    await world.run(waiting.promise);
    await world.advance(3000);
    assert.equal(under('line').length, 1, 'the late place should be there by now');
    const next = await ask(a);
    await send('two');
    await world.advance(TTL_MS + 1000);
    assert.equal(next.value?.value, 'two');
    assert.deepEqual(under('line'), []);
  });

  it('a consumer that dies gives its message back, and knows when it is cut off', async () => {
    await send('one');
    const message = await receive(b);
    const waiting = await ask(a);
    const events: string[] = [];
    message.signal.addEventListener('abort', () => events.push('lost'));
    void waiting.promise.then(() => events.push('delivered again'));
    b.store.partition('hang');
    await world.advance(TTL_MS * 2);
    assert.deepEqual(events, ['lost', 'delivered again']);
    assert.ok((waiting.value?.fence ?? 0) > message.fence);
    b.store.heal();
    await assert.rejects(world.run(message.ack()), is('LockLost'));
    waiting.value?.assertHeld();
    assert.equal(world.keys('jobs/@queue/body/').length, 1);
  });

  it('a message that kills its consumers is given up in the end', async () => {
    await send('poison', { id: 'poison' });
    await send('good');
    for (let i = 0; i < 10; i++) {
      const victim = world.client(`victim-${i}`);
      const message = await receive(victim);
      assert.equal(message.id, 'poison');
      victim.crash();
      await world.advance(TTL_MS * 2);
    }
    assert.equal((await receive()).value, 'good');
    const [letter] = await world.run(a.coord.queue('jobs').deadLetters().list());
    assert.equal(letter?.reason, 'delivered 10 times and never acknowledged');
  });

  it('a waiting consumer whose session dies fails at once; the next one is served', async () => {
    const first = await ask(b);
    const second = await ask(a);
    b.store.partition('hang');
    await world.advance(TTL_MS - 500);
    assert.ok(is('SessionLost')(first.error), String(first.error));
    await world.advance(TTL_MS);
    await send('one');
    await world.settle();
    assert.equal(second.value?.value, 'one');
  });

  it('a consumer whose place or claim is deleted is told so', async () => {
    const waiting = await ask();
    remove(under('line')[0] ?? '');
    await world.advance(10);
    assert.ok(is('LockLost')(waiting.error), String(waiting.error));
    await send('one');
    const message = await receive();
    remove(message.key);
    await world.advance(TIMING.holdUnwatchedMs);
    assert.ok(message.signal.aborted);
    await assert.rejects(world.run(message.ack()), is('LockLost'));
    assert.equal((await receive(b)).attempts, 2);
  });

  it('a message, a return and a due time are found though their events never come', async () => {
    const causes: readonly (() => Promise<unknown>)[] = [
      () => send('sent'),
      async () => (await receive()).nack(),
      () => send('delayed', { delayMs: 2000 }),
    ];
    for (const [place, cause] of causes.entries()) {
      const held = place === 1 ? await holdOne() : undefined;
      const waiting = await ask();
      b.store.dropNextEvent(() => true);
      b.store.dropNextEvent(() => true);
      if (held === undefined) await world.run(cause());
      else await world.run(held.nack());
      await world.settle();
      assert.ok(waits(waiting), `case ${place}`);
      await world.advance(TTL_MS * 2);
      assert.ok(waiting.value !== undefined, `case ${place}`);
      await world.run(waiting.value.ack());
    }
  });

  it('compaction below the watches of a waiting consumer makes it read again', async () => {
    const waiting = await ask();
    b.store.partition('fail');
    await send('one');
    world.server.run(() => ({ kv: world.server.kv.put({ key: 'noise' }) }));
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
    b.store.heal();
    await world.advance(10);
    assert.equal(waiting.value?.value, 'one');
  });

  it('a consumer whose loop was blocked for two TTLs gets nothing', async () => {
    for (const order of ['timers-first', 'network-first'] as const) {
      const c = world.client(`c-${order}`);
      const waiting = await ask(c);
      c.block();
      await send(order);
      await world.advance(TTL_MS * 2);
      c.unblock(order);
      await world.advance(100);
      assert.ok(is('SessionLost')(waiting.error), `${order}: ${String(waiting.error)}`);
      const message = await receive();
      assert.equal(message.value, order);
      await world.run(message.ack());
    }
  });

  it('a delay whose lease ended before it was used is no delay, and nothing is lost', async () => {
    await send('one');
    const message = await receive(b);
    b.store.delayRequest(isEnd, 5000);
    b.store.loseRequest(isEnd);
    const ending = message.nack({ delayMs: 1000 });
    await world.settle();
    b.store.partition('fail');
    await world.advance(4000);
    b.store.heal();
    await world.run(ending);
    const again = await receive();
    assert.equal(again.attempts, 2);
    await world.run(again.ack());
    await world.advance(TTL_MS * 2);
    assert.deepEqual(world.keys('jobs/'), []);
  });

  it('one message wakes one consumer, however many are idle', async () => {
    const costs: string[] = [];
    for (const size of [20, 200]) {
      const own = new World({ session: { ttlSeconds: 600 } });
      const { coord, store } = own.client('crowd');
      const sender = own.client('sender');
      const queue = coord.queue('jobs');
      const got: Message[] = [];
      for (let i = 0; i < size; i++) {
        queue.receive().then(
          (message) => got.push(message),
          () => undefined,
        );
      }
      await own.settle();
      await own.run(sender.coord.queue('jobs').send('warm'));
      await own.settle();
      const [calls, events] = [store.calls.length, store.deliveredEventCount];
      await own.run(sender.coord.queue('jobs').send('one'));
      await own.settle();
      assert.equal(got.length, 2);
      costs.push(
        `${store.calls.length - calls} calls, ${store.deliveredEventCount - events} events`,
      );
      await own.close();
      assert.equal(store.watchCount, 0);
    }
    assert.equal(costs[0], costs[1]);
    assert.equal(costs[0], '3 calls, 2 events');
  }).timeout(20_000);

  async function holdOne(): Promise<Message<string>> {
    await send('returned');
    return await receive();
  }
});
