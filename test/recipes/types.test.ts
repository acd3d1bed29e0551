// Proves what the compiler knows of the recipes: what tokens stand for, what an error's code says,
// what a schema, a queue and a combination of views carry, and that wrong uses do not compile. The
// compiler is what judges here; at run time no store is asked for anything.
import assert from 'node:assert/strict';
import type { Container, ServiceIdentifier } from 'inversify';
import type { Observable } from 'rxjs';
import { z } from 'zod';
import {
  type CombinedAt,
  type Config,
  CoordinationError,
  type Coordination,
  describeLoss,
  type Election,
  fencedUpdate,
  type Guarded,
  type HeldLock,
  type HeldPermit,
  type HeldRead,
  type HeldWrite,
  isCoordinationError,
  type LeaderInfo,
  type LossCause,
  type MembersView,
  type Message,
  type RecipeView,
  type Transaction,
} from '../../src/recipes/index.js';
import {
  BARRIERS,
  type Barriers,
  bindConfig,
  bindElection,
  type Binder,
  CONFIGS,
  type Configs,
  COORDINATION,
  COUNTERS,
  type Counters,
  ELECTIONS,
  type Elections,
  LOCKS,
  type Locks,
  MEMBERSHIPS,
  type Memberships,
  QUEUES,
  type Queues,
  REBOOTS,
  type Reboots,
  SEMAPHORES,
  type Semaphores,
  STORE,
  TRANSACTIONS,
  type Transactions,
  VIEWS,
  type Views,
} from '../../src/recipes/inversify.js';
import { explainKey } from '../../src/recipes/index.js';
import type { Store } from '../../src/store/index.js';

/** True if two types are the same, and not only assignable to each other. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** The static type of a value, to be compared: the call compiles only for the very same type. */
function typeOf<A>(_value: A): {
  is<B>(...verdict: Same<A, B> extends true ? [] : [never]): void;
} {
  return { is: () => undefined };
}

/** Code for the compiler alone. */
function compiles<Given extends readonly unknown[]>(code: (...given: Given) => unknown): void {
  assert.equal(typeof code, 'function');
}

const Settings = z.object({ port: z.coerce.number(), mode: z.enum(['fast', 'safe']) });
interface SettingsValue {
  port: number;
  mode: 'fast' | 'safe';
}

describe('recipes: types', () => {
  it('are compared to the letter', () => {
    typeOf<number>(1).is<number>();
    // @ts-expect-error a number is no string
    typeOf<number>(1).is<string>();
    // @ts-expect-error nor is it whatever one likes
    typeOf<number>(1).is<number | undefined>();
  });

  it('tokens stand for their services', () => {
    compiles((container: Container) => {
      typeOf(container.get(COORDINATION)).is<Coordination>();
      typeOf(container.get(STORE)).is<Store>();
      typeOf(container.get(LOCKS)).is<Locks>();
      typeOf(container.get(ELECTIONS)).is<Elections>();
      typeOf(container.get(SEMAPHORES)).is<Semaphores>();
      typeOf(container.get(BARRIERS)).is<Barriers>();
      typeOf(container.get(QUEUES)).is<Queues>();
      typeOf(container.get(MEMBERSHIPS)).is<Memberships>();
      typeOf(container.get(COUNTERS)).is<Counters>();
      typeOf(container.get(TRANSACTIONS)).is<Transactions>();
      typeOf(container.get(VIEWS)).is<Views>();
      typeOf(container.get(CONFIGS)).is<Configs>();
      typeOf(container.get(REBOOTS)).is<Reboots>();
      // @ts-expect-error locks are no elections
      void container.get(LOCKS).election;
    });
  });

  it('a token of the application takes what is bound to it alone', () => {
    compiles((binder: Binder, settings: ServiceIdentifier<Config<SettingsValue>>) => {
      bindConfig(binder, settings, { prefix: 'app/', schema: Settings });
      // @ts-expect-error a configuration of text is not one of settings
      bindConfig(binder, settings, { prefix: 'app/', schema: z.object({ port: z.string() }) });
      // @ts-expect-error a configuration is no election
      bindElection(binder, settings, 'scheduler');
    });
    compiles((binder: Binder, scheduler: ServiceIdentifier<Election>) =>
      bindElection(binder, scheduler, 'scheduler'),
    );
  });

  it('the code of an error says whether there is a loss', () => {
    const failure: unknown = new CoordinationError('LockLost', 'gone', {
      loss: { kind: 'expired' },
    });
    assert.ok(isCoordinationError(failure, 'LockLost'));
    typeOf(failure.code).is<'LockLost'>();
    typeOf(failure.loss).is<LossCause>();
    assert.equal(describeLoss(failure.loss), 'no keep-alive was acknowledged in time');

    compiles((error: unknown) => {
      if (isCoordinationError(error, 'Timeout')) typeOf(error.loss).is<undefined>();
      if (!isCoordinationError(error)) return;
      // @ts-expect-error only some of them have one
      describeLoss(error.loss);
      if (error.code === 'SessionLost') typeOf(error.loss).is<LossCause>();
      // @ts-expect-error no such code
      isCoordinationError(error, 'Lost');
    });
    compiles(() => {
      // @ts-expect-error what was lost must say why
      new CoordinationError('LockLost', 'gone');
      // @ts-expect-error what was not lost has no cause of loss
      new CoordinationError('Timeout', 'late', { loss: { kind: 'expired' } });
    });
  });

  it('a combination is a tuple of its views', () => {
    compiles((coord: Coordination) => {
      const { leader$ } = coord.election('scheduler');
      const { members$ } = coord.members('workers');
      const both$ = coord.combineAt([leader$, members$]);
      typeOf(both$).is<RecipeView<CombinedAt<readonly [LeaderInfo | null, MembersView]>>>();
      both$.subscribe(({ revision, values: [leader, members] }) => {
        typeOf(revision).is<number>();
        typeOf(leader).is<LeaderInfo | null>();
        typeOf(members).is<MembersView>();
      });
      // @ts-expect-error there is no third one
      both$.subscribe(({ values }) => values[2]);
      // @ts-expect-error a stream that does not say what it is made of
      coord.combineAt([leader$, coord.session$]);
    });
  });

  it('a configuration has what its schema puts out', () => {
    compiles(async (coord: Coordination) => {
      const config = coord.config('app/', Settings);
      typeOf(config.value).is<SettingsValue>();
      typeOf(config.value$).is<Observable<SettingsValue>>();
      typeOf(await config.ready()).is<SettingsValue>();
      typeOf(coord.layeredConfig([], Settings).value).is<SettingsValue>();
      coord.config('app/', Settings, { default: { port: 1, mode: 'safe' } });
      // @ts-expect-error a default that the schema would not put out
      coord.config('app/', Settings, { default: { port: 1, mode: 'slow' } });
      // @ts-expect-error nor does a layered one
      coord.layeredConfig([], Settings, { default: { port: '1', mode: 'safe' } });
      // @ts-expect-error not a schema
      coord.config('app/', { port: 'number' });
    });
  });

  it('an attempt has what it got, and only if it got it', () => {
    compiles(async (coord: Coordination) => {
      const lock = await coord.lock('jobs').tryAcquire();
      if (lock.ok) typeOf(lock.held).is<HeldLock>();
      else typeOf(lock.waiting).is<number>();
      // @ts-expect-error nobody looked whether it is held
      void lock.held;
      const permit = await coord.semaphore('slots').tryAcquire();
      if (permit.ok) typeOf(permit.held).is<HeldPermit>();
      else typeOf(permit.plan.reason).is<string>();
      // @ts-expect-error nobody looked whether it was granted
      void permit.held;
    });
  });

  it('what is held for reading is not held for writing', () => {
    compiles(async (coord: Coordination) => {
      const reading = await coord.readWriteLock('index').read();
      typeOf(reading).is<HeldRead>();
      typeOf(await reading.tryUpgrade()).is<HeldWrite | undefined>();
      // @ts-expect-error a reader has nothing to step down from
      void reading.downgrade;
      typeOf(await (await coord.readWriteLock('index').write()).downgrade()).is<HeldRead>();
    });
  });

  it('a queue carries what it was made for', () => {
    compiles(async (coord: Coordination) => {
      const jobs = coord.queue<{ url: string }>('jobs');
      await jobs.send({ url: 'https://example.org/' });
      // @ts-expect-error not what this queue carries
      await jobs.send({ path: '/' });
      // @ts-expect-error a function is no JSON
      coord.queue<() => void>('jobs');
      typeOf(await jobs.receive()).is<Message<{ url: string }>>();
      typeOf(await jobs.tryReceive()).is<Message<{ url: string }> | undefined>();
      await jobs.consume(({ value }) => typeOf(value).is<{ url: string }>());
    });
  });

  it('work answers with what it made', () => {
    compiles(async (coord: Coordination) => {
      typeOf(await coord.lock('jobs', {}, () => 7)).is<number>();
      typeOf(await coord.lock('jobs', {}, async (held) => held.fence)).is<number>();
      typeOf(await coord.stm((tx: Transaction) => tx.getText('a'))).is<string | undefined>();
      const withPermit = coord.semaphore('slots').withPermit({}, (held) => held.signal);
      typeOf(await withPermit).is<AbortSignal>();
    });
  });

  it('a transaction is guarded by what can be held', () => {
    compiles((coord: Coordination, held: HeldLock, guarded: Guarded) => {
      coord.txn().if(held, guarded, { key: 'k', target: 'version', operator: '=', operand: 0 });
      // @ts-expect-error a handle holds nothing
      coord.txn().if(coord.lock('jobs'));
      // @ts-expect-error the lock of a comparison is a revision
      coord.txn().if({ key: 'k', target: 'lease', operator: '=', operand: 1 });
    });
  });

  it('options are what they are called', () => {
    compiles(async (coord: Coordination, held: HeldLock) => {
      // @ts-expect-error times say their unit
      await coord.lock('jobs').acquire({ timeout: 5000 });
      // @ts-expect-error a weight is a number
      await coord.semaphore('slots').acquire({ weight: '2' });
      // @ts-expect-error a double barrier has to know how many come
      coord.doubleBarrier('shuffle');
      // @ts-expect-error nothing was said of the table
      fencedUpdate({ dialect: 'postgres', set: {}, where: {} }, held.fence);
      // @ts-expect-error what is held is given, not made
      held.fence = 7;
      typeOf(explainKey('jobs/q/1')?.meaning).is<string | undefined>();
    });
  });
});
