import type { RecipeContext } from '../base/context.js';
import { CoordinationError } from '../errors.js';
import type { HeldLock } from './held-lock.js';

/**
 * Knows, at any moment of asynchronous work, which locks that work was started under, so that it is
 * told when it is about to wait for itself. It only refuses and never shares a hold: whether work
 * that forks is still the same work is a guess, and a wrong guess must not let two in at once.
 */

/** A lock under which work runs, and the one around it. */
class LockAround {
  readonly context: RecipeContext;
  readonly held: HeldLock;
  readonly outer: unknown;

  constructor(context: RecipeContext, held: HeldLock, outer: unknown) {
    this.context = context;
    this.held = held;
    this.outer = outer;
  }
}

/** Runs the work of a scoped lock. */
export function workUnder<T>(
  context: RecipeContext,
  held: HeldLock,
  work: (held: HeldLock) => T,
): T {
  const { asyncContext } = context;
  if (asyncContext === undefined) return work(held);
  let outer = asyncContext.getStore();
  // Work that starts the next one as it ends would keep all that were before it.
  while (outer instanceof LockAround && isOver(outer.held)) outer = outer.outer;
  const around = new LockAround(context, held, outer);
  return asyncContext.run(around, () => work(held));
}

/**
 * Refuses to wait for a lock that cannot become free before the caller ends.
 * @throws CoordinationError `WouldDeadlock`
 */
export function checkNotUnder(context: RecipeContext, name: string): void {
  let around = context.asyncContext?.getStore();
  for (; around instanceof LockAround; around = around.outer) {
    const { held } = around;
    if (around.context !== context || held.name !== name || isOver(held)) continue;
    const message = `lock "${name}" is held by the work that asks for it, which would wait for itself`;
    throw new CoordinationError('WouldDeadlock', message);
  }
}

/** By the clock, and not by what timers said. */
function isOver(held: HeldLock): boolean {
  return held.expiresIn() === 0;
}
