// Proves that what a store refuses for good reaches the caller of every recipe in one form: a
// CoordinationError `StoreRefused` that names the store's code and has its error as the cause.
// The bug that is looked for: a caller that checks for CoordinationErrors alone, as the union tells
// it to, is met by an error of another class from some recipes and in some steps of others. And
// that giving back is not given up when it is refused: the bug there is CURATOR-678, where local
// state said released and the key stayed for as long as the session lived.
import assert from 'node:assert/strict';
import { firstValueFrom, throwError } from 'rxjs';
import { z } from 'zod';
import { type Coordination, isCoordinationError, Session } from '../../src/recipes/index.js';
import { StoreError, type StoreErrorCode } from '../../src/store/index.js';
import { type Client, World } from '../support/world.js';

const CODES: readonly StoreErrorCode[] = [
  'PermissionDenied',
  'Unauthenticated',
  'NoSpace',
  'RequestTooLarge',
  'Corrupt',
  'Unimplemented',
];

/** Every way to ask something of the store, by name. */
const ASKINGS: Readonly<Record<string, (coord: Coordination) => Promise<unknown>>> = {
  'lock.acquire': (coord) => coord.lock('x').acquire(),
  'lock.tryAcquire': (coord) => coord.lock('x').tryAcquire(),
  'lock.entries': (coord) => coord.lock('x').entries(),
  'lock.break': (coord) => coord.lock('x').break({ by: 'ops', reason: 'test' }),
  'lock.status$': (coord) => firstValueFrom(coord.lock('x').status$),
  'locks.acquire': (coord) => coord.locks(['x', 'y']).acquire(),
  'locks.tryAcquire': (coord) => coord.locks(['x', 'y']).tryAcquire(),
  'readWriteLock.read': (coord) => coord.readWriteLock('x').read(),
  'readWriteLock.tryWrite': (coord) => coord.readWriteLock('x').tryWrite(),
  txn: (coord) => coord.txn().put('k', 'v').commit(),
  'election.campaign': (coord) => coord.election('x').campaign(),
  'election.candidates': (coord) => coord.election('x').candidates(),
  'election.transfer': (coord) => coord.election('x').transfer('1-1'),
  'barrier.close': (coord) => coord.barrier('x').close(),
  'barrier.hold': (coord) => coord.barrier('x').hold(),
  'barrier.open': (coord) => coord.barrier('x').open(),
  'barrier.wait': (coord) => coord.barrier('x').wait(),
  'doubleBarrier.enter': (coord) => coord.doubleBarrier('x', { members: 2 }).enter(),
  'latch.countDown': (coord) => coord.latch('x').countDown('one'),
  'latch.wait': (coord) => coord.latch('x').wait({ timeoutMs: 60_000 }),
  'latch.setCount': (coord) => coord.latch('x').setCount(1),
  'queue.send': (coord) => coord.queue('x').send('m'),
  'queue.send later': (coord) => coord.queue('x').send('m', { delayMs: 1000 }),
  'queue.receive': (coord) => coord.queue('x').receive(),
  'queue.tryReceive': (coord) => coord.queue('x').tryReceive(),
  'queue.consume': (coord) => coord.queue('x').consume(() => undefined),
  'queue.deadLetters': (coord) => coord.queue('x').deadLetters().list(),
  'semaphore.acquire': (coord) => coord.semaphore('x', { initialLimit: 1 }).acquire(),
  'semaphore.tryAcquire': (coord) => coord.semaphore('x', { initialLimit: 1 }).tryAcquire(),
  'semaphore.setLimit': (coord) => coord.semaphore('x').setLimit(2),
  'semaphore.status': (coord) => coord.semaphore('x').status(),
  'reboots.acquire': (coord) => coord.reboots('x').acquire({ node: 'n' }),
  'reboots.tryAcquire': (coord) => coord.reboots('x').tryAcquire({ node: 'n' }),
  'reboots.steady': (coord) => coord.reboots('x').steady({ node: 'n' }),
  'reboots.setMax': (coord) => coord.reboots('x').setMax(2),
  'reboots.status': (coord) => coord.reboots('x').status(),
  'reboots.log': (coord) => coord.reboots('x').log(),
  'rebootGroups.list': (coord) => coord.rebootGroups().list(),
  'members.join': (coord) => coord.members('x').join(),
  'members.list': (coord) => coord.members('x').list(),
  'counter.add': (coord) => coord.counter('x').add(1),
  'counter.get': (coord) => coord.counter('x').get(),
  'sequence.next': (coord) => coord.sequence('x').next(),
  'stm read': (coord) => coord.stm((tx) => tx.get('k')),
  'stm write': (coord) => coord.stm((tx) => tx.put('k', 'v')),
  combineAt: (coord) => firstValueFrom(coord.combineAt([coord.counter('x').value$])),
  'config.reports$': (coord) => firstValueFrom(coord.config('x/', z.unknown()).reports$),
  'config.clearRollout': (coord) => coord.config('x/', z.unknown()).clearRollout(),
};

/** Whatever is asked of the client's store from now on fails with `code`. */
function refuseAll({ store }: Client, code: StoreErrorCode): void {
  const refuse = (): Promise<never> => Promise.reject(new StoreError(code));
  Object.assign(store, { range: refuse, txn: refuse, put: refuse, delete: refuse });
  Object.assign(store, {
    watch: () => throwError(() => new StoreError(code)),
    leases: { grant: refuse, keepAlive: refuse, revoke: refuse, timeToLive: refuse },
  });
}

/** Transactions of the client fail with `code` until the function that is returned is called. */
function refuseTransactions({ store }: Client, code: StoreErrorCode): () => void {
  Object.assign(store, { txn: () => Promise.reject(new StoreError(code)) });
  return () => void Reflect.deleteProperty(store, 'txn');
}

describe('what the store refuses', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  afterEach(() => world.close());

  for (const [name, ask] of Object.entries(ASKINGS)) {
    it(`${name} says StoreRefused, and with which code`, async () => {
      for (const code of CODES) {
        refuseAll(a, code);
        const asked = world.run(ask(a.coord));
        await assert.rejects(asked, (error) => {
          assert.ok(isCoordinationError(error, 'StoreRefused'), `${code}: ${String(error)}`);
          assert.ok(error.cause instanceof StoreError);
          assert.equal(error.storeCode, code);
          return error.message.includes(code) && error.message.includes(error.cause.message);
        });
      }
    });
  }

  it('a session that is opened by hand says it in the same way, and what passes as ever', async () => {
    refuseAll(a, 'NoSpace');
    await assert.rejects(Session.open(a.store), (error) => {
      return isCoordinationError(error, 'StoreRefused') && error.storeCode === 'NoSpace';
    });
    refuseAll(a, 'NoLeader');
    await assert.rejects(Session.open(a.store), (error) => {
      return isCoordinationError(error, 'Unavailable') && error.storeCode === 'NoLeader';
    });
  });

  it('a lock whose release was refused is given back when that is possible again', async () => {
    const held = await world.run(a.coord.lock('x').acquire());
    const allow = refuseTransactions(a, 'Unauthenticated');
    await assert.rejects(world.run(held.release()), (error) => {
      return isCoordinationError(error, 'StoreRefused') && error.storeCode === 'Unauthenticated';
    });
    allow();
    const next = await world.run(b.coord.lock('x').acquire(), 60_000);
    next.assertHeld();
  });

  it('a message whose acknowledgement was refused is acknowledged or comes again', async () => {
    const queue = a.coord.queue('work');
    await world.run(queue.send('one'));
    const message = await world.run(queue.receive());
    const allow = refuseTransactions(a, 'Unauthenticated');
    await assert.rejects(world.run(message.ack()), (error) =>
      isCoordinationError(error, 'StoreRefused'),
    );
    allow();
    await world.advance(60_000);
    assert.deepEqual(world.keys('work/@queue/index/claim/'), []);
  });
});
