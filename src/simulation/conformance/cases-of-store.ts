import { peek } from '../model/peek.js';
import { must, mustBeEmpty, mustThrow } from './must.js';
import { PATIENCE_MS, type TrialCase, type TrialWork, TTL_MS } from './sole-owner-trial.js';

/** The way to the store and back: lost answers, dropped events, compaction, and hands of others. */

/** So many calls of an operation are made to fail in turn. */
const CALLS = 8;
const LOSSES = ['loseResponse', 'loseRequest'] as const;

const happensOnce =
  (fault: (typeof LOSSES)[number]): TrialWork =>
  async (start) => {
    for (let fatal = 1; fatal <= CALLS; fatal++) {
      const trial = await start();
      const { world, a, b } = trial;
      let count = 0;
      a.store[fault](() => {
        if (++count !== fatal) return false;
        trial.noise();
        return true;
      });
      const held = await trial.take(a);
      held.assertHeld();
      const waiting = await trial.wait(b);
      must(waiting.value === undefined, `call ${fatal}: two owners`);
      await world.run(held.release());
      (await world.run(waiting.promise)).assertHeld();
      await world.run((await waiting.promise).release());
      await world.advance(PATIENCE_MS);
      mustBeEmpty(trial.left(), `call ${fatal}: left behind`);
    }
  };

const lostWhileHandingOver: TrialWork = async (start) => {
  for (const fault of LOSSES) {
    for (let fatal = 1; fatal <= 3; fatal++) {
      const trial = await start();
      const { world, a, b } = trial;
      const first = await trial.take(a);
      const second = await trial.wait(a);
      const third = await trial.wait(b);
      let count = 0;
      a.store[fault](() => ++count === fatal);
      await world.run(first.release());
      const held = await world.run(second.promise, PATIENCE_MS);
      held.assertHeld();
      must(third.value === undefined, 'two own it');
      await world.run(held.release());
      (await world.run(third.promise, PATIENCE_MS)).assertHeld();
    }
  }
};

const compacted: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b, c } = trial;
  const held = await trial.take(a);
  const waiting = await trial.wait(b);
  for (let n = 0; n < 5; n++) await world.run(c.store.put({ key: 'noise', value: String(n) }));
  const { header } = await world.run(c.store.range({ key: 'noise' }));
  b.store.partition('hang');
  await world.run(held.release());
  await world.run(c.store.put({ key: 'noise', value: 'more' }));
  await world.run(c.store.compact({ revision: header.revision + 2 }));
  b.store.heal();
  b.store.breakWatches();
  (await world.run(waiting.promise, PATIENCE_MS)).assertHeld();
};

const eventDropped: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b } = trial;
  const held = await trial.take(a);
  const waiting = await trial.wait(b);
  b.store.dropNextEvent((_key, type) => type === 'delete');
  await world.run(held.release());
  (await world.run(waiting.promise, PATIENCE_MS)).assertHeld();
};

const takenAway: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b, c } = trial;
  const held = await trial.take(a);
  a.block();
  world.server.run(() => {
    for (const key of trial.left()) world.server.kv.delete({ key });
    return {};
  });
  const next = await trial.take(b);
  const behind = await trial.wait(c);
  const returning = peek(held.release());
  await world.advance(1000);
  next.assertHeld();
  must(behind.value === undefined, 'freed for a third by the one that had lost it');
  a.unblock();
  await world.advance(1000);
  must(held.signal.aborted, 'it has not heard of its loss');
  must(returning.error !== undefined, 'it was told that it had given back its own');
  next.assertHeld();
};

const oldKeysListed: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, recipe } = trial;
  const held = await trial.take(a);
  a.store.partition('hang');
  await world.advance(TTL_MS - 500);
  must(held.signal.aborted, 'the deadline should have passed');
  must(trial.left().length > 0, 'the old keys should still be there');
  a.store.heal();
  const again = await world.run(recipe.take(a), PATIENCE_MS);
  again.assertHeld();
  if (held.fence !== undefined) must((again.fence ?? 0) > held.fence, 'the fence did not grow');
  await world.run(held.release()).catch(() => undefined);
  await world.advance(1000);
  again.assertHeld();
};

const cutOff: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b } = trial;
  const held = await trial.take(a);
  const waiting = await trial.wait(b);
  let lostMs: number | undefined;
  let nextMs: number | undefined;
  held.signal.addEventListener('abort', () => (lostMs = world.clock.monotonic()));
  waiting.promise.then(
    () => (nextMs = world.clock.monotonic()),
    () => undefined, // that it waited in vain is what is found below
  );
  const cutMs = world.clock.monotonic();
  a.store.partition('hang');
  await world.advance(2 * TTL_MS);
  must(lostMs !== undefined && nextMs !== undefined, `${lostMs} and ${nextMs}`);
  must(lostMs - cutMs <= 0.9 * TTL_MS, `told after ${lostMs - cutMs} ms`);
  must(lostMs < nextMs, `lost at ${lostMs}, owned by the next at ${nextMs}`);
  a.store.heal();
  await world.advance(1000);
  mustThrow(() => held.assertHeld(), 'what was lost is held again');
  waiting.value?.assertHeld();
};

export const CASES_OF_STORE: readonly TrialCase[] = [
  ...LOSSES.map(
    (fault) => [`${fault}: what is tried again happens once`, happensOnce(fault)] as const,
  ),
  [
    'answers are lost while an owner hands over to a waiter of the same process',
    lostWhileHandingOver,
  ],
  ['history is compacted below a waiter’s watch', compacted],
  ['the one event that a waiter waits for never comes', eventDropped],
  ['an owner that is cut off knows it before the next one owns', cutOff],
  ['an administrator takes it away, and who has not heard of it takes nothing back', takenAway],
  ['comes back while the keys of its old session are still listed', oldKeysListed],
];
