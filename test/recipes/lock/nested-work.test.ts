// Proves that work under a scoped lock is told when it would wait for itself, and only then: for
// the same lock of the same coordination object, while it is held, and not for a try.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Coordination } from '../../../src/recipes/coordination.js';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import { World } from '../../support/world.js';

const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('Locks asked for by work that holds one', () => {
  let world: World;
  let coord: Coordination;
  let other: Coordination;

  beforeEach(() => {
    world = new World();
    const asyncContext = new AsyncLocalStorage();
    const { store } = world.client('a');
    coord = new Coordination(store, { identity: 'a', asyncContext });
    other = new Coordination(store, { identity: 'other', asyncContext });
  });

  it('refuses the same lock at once, through awaits, calls and other locks', async () => {
    const deep = async (): Promise<void> => {
      await world.settle();
      await coord.lock('inner', {}, async () => {
        await world.settle();
        await coord.lock('jobs', {}, () => undefined);
      });
    };
    const over = coord.lock('jobs', {}, deep);
    const said = assert.rejects(over, (error: Error) => {
      assert.equal(
        error.message,
        'lock "jobs" is held by the work that asks for it, which would wait for itself',
      );
      return is('WouldDeadlock')(error);
    });
    await world.run(said);
    // Nothing of it is left in line, and both locks are free.
    assert.deepEqual(world.keys('jobs/'), []);
    assert.deepEqual(world.keys('inner/'), []);
  });

  it('refuses a handle, an owner token and a set with the name in it', async () => {
    await world.run(
      coord.lock('jobs', {}, async () => {
        await assert.rejects(coord.lock('jobs').acquire(), is('WouldDeadlock'));
        await assert.rejects(coord.lock('jobs').acquire({ owner: 'me' }), is('WouldDeadlock'));
        await assert.rejects(coord.locks(['a', 'jobs']).acquire(), is('WouldDeadlock'));
      }),
    );
  });

  it('answers a try, which does not wait', async () => {
    await world.run(
      coord.lock('jobs', {}, async (held) => {
        const tried = await coord.lock('jobs').tryAcquire();
        assert.ok(!tried.ok);
        assert.equal(tried.holder?.key, held.key);
        assert.equal((await coord.locks(['a', 'jobs']).tryAcquire()).ok, false);
      }),
    );
  });

  it('lets it have other locks, and the same one after it was given back', async () => {
    const names: string[] = [];
    await world.run(
      coord.lock('jobs', {}, async (held) => {
        await coord.lock('jobs/other', {}, ({ name }) => names.push(name));
        await held.release();
        await coord.lock('jobs', {}, ({ name }) => names.push(name));
      }),
    );
    await world.run(coord.lock('jobs', {}, ({ name }) => names.push(name)));
    assert.deepEqual(names, ['jobs/other', 'jobs', 'jobs']);
  });

  it('remembers nothing of work that started the next one as it ended', async () => {
    const asyncContext = new AsyncLocalStorage();
    const { store } = world.client('b');
    const ticking = new Coordination(store, { identity: 'b', asyncContext });
    let depth = 0;
    const tick = async (rest: number): Promise<void> => {
      let next: Promise<void> | undefined;
      await ticking.lock('tick', {}, async (held) => {
        await held.release();
        depth = 0;
        for (let at: unknown = asyncContext.getStore(); at !== undefined; depth++) {
          at = (at as { readonly outer: unknown }).outer;
        }
        next = rest === 0 ? undefined : tick(rest - 1);
      });
      await next;
    };
    await world.run(tick(10));
    assert.equal(depth, 1);
  });

  it('lets work that was started outside wait in line', async () => {
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    let ended = false;
    const outside = begun.then(() => coord.lock('jobs', {}, () => assert.ok(ended)));
    await world.run(
      coord.lock('jobs', {}, async () => {
        begin();
        await world.settle();
        ended = true;
      }),
    );
    await world.run(outside);
  });

  it('is no affair of another coordination object: that one waits', async () => {
    await world.run(
      coord.lock('jobs', {}, async () => {
        await assert.rejects(other.lock('jobs').acquire({ timeoutMs: 50 }), is('Timeout'));
      }),
    );
  });
});
