// Proves that an asking that ends early leaves nothing behind, at whichever step of it that
// happens: each recipe is asked again and again, and given up, or closed, after one more turn of
// the promise queue each time, until it is done before that. The bug that is looked for: a step
// between an answer and the next wait at which the end is noticed by nobody, so that what was
// granted in it has no owner (CURATOR-462).
import assert from 'node:assert/strict';
import type { Coordination } from '../../src/recipes/coordination.js';
import { peek } from '../../src/simulation/model/peek.js';
import { World } from '../support/world.js';

/** More turns than any of the askings takes. */
const TURNS_MAX = 600;

/** Asks, and answers with the way to give back what was had. */
type Ask = (
  coord: Coordination,
  signal: AbortSignal,
  name: string,
) => Promise<() => Promise<unknown>>;

const held = async (
  asked: Promise<{ release(): Promise<void> }>,
): Promise<() => Promise<unknown>> => {
  const hold = await asked;
  return () => hold.release();
};

const ASKINGS: Readonly<Record<string, Ask>> = {
  'a lock': (coord, signal) => held(coord.lock('x').acquire({ signal })),
  'a lock with a delay': (coord, signal) =>
    held(coord.lock('x').acquire({ signal, delaySeconds: 5 })),
  'a lock with a session of its own': (coord, signal) =>
    held(coord.lock('x').acquire({ signal, privateSession: {} })),
  'a lock of an owner who asks twice': async (coord, signal) => {
    const lock = coord.lock('x');
    const asked = [lock.acquire({ signal, owner: 1 }), lock.acquire({ signal, owner: 1 })] as const;
    const holds = await Promise.allSettled(asked);
    return async () => {
      for (const hold of holds) if (hold.status === 'fulfilled') await hold.value.release();
    };
  },
  'several locks': (coord, signal) => held(coord.locks(['w', 'x', 'y']).acquire({ signal })),
  'a lock to write': (coord, signal) => held(coord.readWriteLock('x').write({ signal })),
  'a lock to read': (coord, signal) => held(coord.readWriteLock('x').read({ signal })),
  'a permit': (coord, signal) =>
    held(coord.semaphore('x', { initialLimit: 1 }).acquire({ signal })),
  'a permit that is tried': async (coord, signal) => {
    const tried = await coord.semaphore('x', { initialLimit: 1 }).tryAcquire({ signal });
    return () => (tried.ok ? tried.held.release() : Promise.resolve());
  },
  'a leadership': async (coord, signal) => {
    const leadership = await coord.election('x').campaign({ signal });
    return () => leadership.resign();
  },
  'a closed barrier': async (coord, signal) => {
    const closed = await coord.barrier('x').hold({ signal });
    return () => (closed.ok ? closed.held.open() : Promise.resolve());
  },
  'a double barrier': async (coord, signal) => {
    const inside = await coord.doubleBarrier('x', { members: 1 }).enter({ signal });
    return () => inside.leave();
  },
  'a message': async (coord, signal) => {
    const message = await coord.queue('x').receive({ signal });
    return () => message.nack();
  },
  'a message that is tried': async (coord, signal) => {
    const message = await coord.queue('x').tryReceive({ signal });
    return () => message?.nack() ?? Promise.resolve();
  },
  'a membership': async (coord, signal) => {
    const me = await coord.members('x').join({ id: 'm', signal });
    return () => me.leave();
  },
  'a slot to reboot': async (coord, signal, name) => {
    const { node } = await coord.reboots('x').acquire({ node: name, signal });
    return () => coord.reboots('x').release({ node });
  },
};

/** Those that wait for nobody: a second one is refused, or let in, at once. */
const UNCONTENDED = [
  'a lock to read',
  'a permit that is tried',
  'a closed barrier',
  'a double barrier',
  'a message that is tried',
  'a membership',
];

/**
 * Keys that stay when everybody has gone in order: counts, limits, what was not received, and a
 * slot, which asking again finds.
 */
const LASTING = new RegExp(
  [
    '/@(semaphore/(limit|epoch)|rendezvous/generation|queue/(body|index/ready)/)',
    '^reboot/x/(?!want|poll)',
  ].join('|'),
);

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

interface Played {
  readonly isDone: boolean;
  readonly left: readonly string[];
}

/** Asks, ends it after a number of turns, and gives back what came of it. */
async function play(
  ask: Ask,
  count: number,
  { isContended, isClosed }: { readonly isContended: boolean; readonly isClosed: boolean },
): Promise<Played> {
  const world = new World();
  const [a, b] = [world.client('a'), world.client('b')];
  await world.run(a.coord.lock('warm/a').acquire());
  await world.run(b.coord.lock('warm/b').acquire());
  await world.run(b.coord.queue('x').send('m', { id: 'm' }));
  const other = isContended
    ? await world.run(ask(b.coord, new AbortController().signal, 'b'))
    : () => Promise.resolve();
  const abort = new AbortController();
  const asked = peek(ask(a.coord, abort.signal, 'a'));
  if (isContended) {
    await world.advance(500);
    // What was handed over in these turns must not be lost with who gives up.
    void peek(other());
  }
  await turns(count);
  const isDone = asked.value !== undefined || asked.error !== undefined;
  const closing = isClosed ? a.coord.close() : abort.abort();
  await world.advance(1000);
  await world.run(Promise.resolve(closing));
  assert.ok(asked.value !== undefined || asked.error !== undefined, 'it does not end');
  if (asked.value !== undefined)
    await world.run(peek(asked.value()).promise.catch(() => undefined));
  await world.advance(1000);
  if (isClosed) {
    assert.equal(a.store.watchCount, 0, 'watches are left');
  }
  const left = world.keys().filter((key) => !key.startsWith('warm/') && !LASTING.test(key));
  if (!isClosed) await world.run(a.coord.close());
  await world.run(b.coord.close());
  assert.equal(world.clock.timerCount, 0, 'timers are left');
  return { isDone, left };
}

describe('an asking that ends early', function () {
  this.timeout(30_000);

  for (const [name, ask] of Object.entries(ASKINGS)) {
    for (const isContended of UNCONTENDED.includes(name) ? [false] : [false, true]) {
      for (const isClosed of [false, true]) {
        const how = `${isClosed ? 'closed' : 'given up'}${isContended ? ' as its turn comes' : ''}`;
        it(`leaves nothing: ${name}, ${how}`, async () => {
          let count = 0;
          for (; count < TURNS_MAX; count++) {
            const { isDone, left } = await play(ask, count, { isContended, isClosed });
            assert.deepEqual(left, [], `after ${count} turns`);
            if (isDone) break;
          }
          assert.ok(count > 2 && count < TURNS_MAX, `${count} turns`);
        });
      }
    }
  }
});
