import type { Peeked } from '../model/peek.js';
import { must, mustBeEmpty } from './must.js';
import type { OwnedThing } from './sole-owner.js';
import { PATIENCE_MS, type TrialCase, type TrialWork, TTL_MS } from './sole-owner-trial.js';

/** The line of those who wait: who is next, who has gone, and what they leave behind. */

const sessionEnds: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b, c } = trial;
  const held = await trial.take(a);
  const waiting = await trial.wait(b);
  const behind = await trial.wait(c);
  b.store.partition('hang');
  await world.advance(TTL_MS - 500);
  must(waiting.error !== undefined, 'a waiter without a session still waits');
  await world.advance(TTL_MS);
  await world.run(held.release());
  (await world.run(behind.promise)).assertHeld();
};

const middleDies: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b, c } = trial;
  const held = await trial.take(a);
  const middle = await trial.wait(b);
  const last = await trial.wait(c);
  b.crash();
  await world.advance(PATIENCE_MS);
  must(last.value === undefined, 'a waiter overtook the owner');
  held.assertHeld();
  await world.run(held.release());
  (await world.run(last.promise)).assertHeld();
  must(middle.value === undefined, 'one that died was given it');
};

const oneSession: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b } = trial;
  const first = await trial.take(a);
  const second = await trial.wait(a);
  must(second.value === undefined, 'one session was given it twice');
  await world.run(first.release());
  const held = await world.run(second.promise);
  await world.run(first.release()).catch(() => undefined);
  await world.advance(1000);
  held.assertHeld();
  const third = await trial.wait(b);
  must(third.value === undefined, 'a second release freed a later owner');
};

const toldAtOnce: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b } = trial;
  const first = await trial.take(a);
  const second = await trial.wait(a);
  const third = await trial.wait(b);
  const fourth = await trial.wait(a);
  const handOver = async (from: OwnedThing, waiting: Peeked<OwnedThing>): Promise<OwnedThing> => {
    await world.run(from.release());
    await world.settle();
    must(waiting.value !== undefined, 'nobody told it');
    waiting.value.assertHeld();
    return waiting.value;
  };
  const owned = await handOver(first, second);
  must(third.value === undefined, 'two own it');
  const ownedElsewhere = await handOver(owned, third);
  must(fourth.value === undefined, 'two own it');
  await handOver(ownedElsewhere, fourth);
};

const middleGivesUp: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, recipe } = trial;
  const first = await trial.take(a);
  const abort = new AbortController();
  const second = recipe.take(a, { signal: abort.signal }).then(
    () => 'taken',
    () => 'given up',
  );
  await world.advance(100);
  const third = await trial.wait(a);
  abort.abort();
  await world.advance(1000);
  must((await world.run(second)) === 'given up', 'it was given what it no longer wanted');
  must(third.value === undefined, 'a waiter overtook the owner');
  first.assertHeld();
  await world.run(first.release());
  (await world.run(third.promise)).assertHeld();
};

const givenUp: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b, recipe } = trial;
  const held = await trial.take(a);
  const hasEnded = (waiting: Promise<OwnedThing>): { over: boolean } => {
    const seen = { over: false };
    waiting.catch(() => (seen.over = true));
    return seen;
  };
  for (let afterMs = 0; afterMs < 3; afterMs++) {
    const abort = new AbortController();
    const waiting = hasEnded(recipe.take(b, { signal: abort.signal }));
    await world.advance(afterMs);
    abort.abort();
    await world.settle();
    must(waiting.over, 'it still waits');
  }
  const late = hasEnded(recipe.take(b, { timeoutMs: 50 }));
  await world.advance(50);
  must(late.over, 'it still waits');
  await world.advance(1000);
  await world.run(held.release());
  await world.advance(PATIENCE_MS);
  mustBeEmpty(trial.left(), 'left behind');
};

export const CASES_OF_LINE: readonly TrialCase[] = [
  ['a waiter whose session ends is told so while it waits, and nobody waits for it', sessionEnds],
  ['the middle of three waiters dies: nobody overtakes, nobody is left waiting', middleDies],
  ['two of one session exclude each other, and the first frees what is its own alone', oneSession],
  ['a waiter hears at once that it is its turn, in the same process and in another', toldAtOnce],
  ['waiters of one process keep their order when one between them gives up', middleGivesUp],
  ['a wait that is given up leaves nothing behind, whenever that is', givenUp],
];
