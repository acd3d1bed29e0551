import { EndedCalls, inOrderOfSending } from './ended-calls.js';
import type { Operation } from './history.js';
import { operationName } from './operation-name.js';
import type { Report } from './report.js';

/**
 * `L1`, the part of real time: a call that was answered before another was sent comes before it.
 * One sweep over time; together with the replay it is exact.
 * @param positions the place of each call in the one order: twice the revision for what made it,
 * one more for what saw it
 */
export function checkOrder(
  operations: readonly Operation[],
  positions: ReadonlyMap<Operation, number>,
  report: Report,
): void {
  const pending = new EndedCalls();
  let latest: Operation | undefined;
  let highest = 0;
  for (const next of inOrderOfSending(operations)) {
    const position = positions.get(next);
    if (position === undefined) continue;
    for (;;) {
      const ended = pending.takeEnded(next.invokedMs);
      if (ended === undefined) break;
      const before = positions.get(ended) ?? 0;
      if (before <= highest) continue;
      highest = before;
      latest = ended;
    }
    // What was never answered can have happened at any time after it was sent.
    if (next.outcome.kind === 'answered') pending.begin(next);
    if (latest === undefined || position >= highest) continue;
    const message = `${operationName(next)} is at ${where(position)}, but was sent after ${operationName(latest)} was answered at ${where(highest)}`;
    report.add('L1', message, next.returnedMs);
  }
}

function where(position: number): string {
  return position % 2 === 0
    ? `revision ${position / 2}`
    : `the state of revision ${(position - 1) / 2}`;
}
