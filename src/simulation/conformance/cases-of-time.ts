import { must, mustThrow } from './must.js';
import { type TrialCase, type TrialWork, TTL_MS } from './sole-owner-trial.js';

/** Time: event loops that stand still, and clocks that jump. */

const ORDERS = ['timers-first', 'network-first'] as const;
type Order = (typeof ORDERS)[number];

const ownerBlocked =
  (order: Order): TrialWork =>
  async (start) => {
    const trial = await start();
    const { world, a, b } = trial;
    const held = await trial.take(a);
    const waiting = await trial.wait(b);
    a.block();
    await world.advance(2 * TTL_MS + 1000);
    mustThrow(() => held.assertHeld(), 'a timer was looked at, and not the clock');
    must(waiting.value !== undefined, 'the other one waits for a blocked owner');
    a.unblock(order);
    await world.settle();
    must(held.signal.aborted, 'it has not heard of its loss');
    waiting.value.assertHeld();
    await world.run(held.release()).catch(() => undefined);
    await world.advance(1000);
    waiting.value.assertHeld();
  };

const waiterBlocked =
  (order: Order): TrialWork =>
  async (start) => {
    const trial = await start();
    const { world, a, b, c } = trial;
    const held = await trial.take(a);
    const waiting = await trial.wait(b);
    const behind = await trial.wait(c);
    b.block();
    await world.advance(1000);
    await world.run(held.release());
    await world.advance(2 * TTL_MS);
    const next = await world.run(behind.promise);
    b.unblock(order);
    await world.advance(1000);
    must(waiting.value === undefined, 'a stalled waiter was given what another owns');
    next.assertHeld();
  };

const wallJumps: TrialWork = async (start) => {
  const trial = await start();
  const { world, a, b } = trial;
  const held = await trial.take(a);
  for (const jumpMs of [3_600_000, -7_200_000]) {
    a.clock.jumpWall(jumpMs);
    await world.advance(2 * TTL_MS);
    held.assertHeld();
    must(!held.signal.aborted, 'lost to a jump of the wall clock');
  }
  const waiting = await trial.wait(b);
  b.clock.jumpWall(3_600_000);
  await world.advance(1000);
  await world.run(held.release());
  (await world.run(waiting.promise)).assertHeld();
};

export const CASES_OF_TIME: readonly TrialCase[] = [
  ...ORDERS.flatMap((order): readonly TrialCase[] => [
    [`an owner is blocked for two TTLs (${order} after it)`, ownerBlocked(order)],
    [`a waiter is blocked for two TTLs (${order} after it)`, waiterBlocked(order)],
  ]),
  [
    'the wall clock jumps, forwards and backwards: nothing is lost, and it is asked again',
    wallJumps,
  ],
];
