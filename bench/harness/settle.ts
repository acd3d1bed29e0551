/**
 * The host's part of a simulation: to let every promise reaction run before virtual time goes on.
 * A new immediate comes after all of them; a bunch of them is asked for at once, since a turn of
 * the host's loop costs more than one of them.
 */

const BUNCH = 32;

const waiting: (() => void)[] = [];
let coming = 0;

function next(): void {
  coming -= 1;
  waiting.shift()?.();
}

/** Resolves when no promise reaction is left to run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (coming > 0) return;
    coming = BUNCH;
    for (let at = 0; at < BUNCH; at++) setImmediate(next);
  });
}
