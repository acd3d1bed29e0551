import { operationName } from './operation-name.js';
import type { Placed } from './replay.js';
import type { Report } from './report.js';

/**
 * `L1`, the part of real time: a call that was answered before another was sent comes before it.
 * One sweep over both orders; together with the replay it is exact.
 */
export function checkOrder(placed: readonly Placed[], report: Report): void {
  const byStart = placed.toSorted((a, b) => a.operation.invokedMs - b.operation.invokedMs);
  const byEnd = placed.toSorted((a, b) => a.returnedMs - b.returnedMs);
  let ended = 0;
  let latest: Placed | undefined;
  for (const next of byStart) {
    const startMs = next.operation.invokedMs;
    for (; ended < byEnd.length; ended++) {
      const before = byEnd[ended] as Placed;
      if (before.returnedMs >= startMs) break;
      if (latest === undefined || before.position > latest.position) latest = before;
    }
    if (latest === undefined || next.position >= latest.position) continue;
    const { operation } = next;
    const message = `${operationName(operation)} is at ${where(next)}, but was sent after ${operationName(latest.operation)} was answered at ${where(latest)}`;
    report.add('L1', message, operation.returnedMs);
  }
}

function where({ position }: Placed): string {
  return position % 2 === 0
    ? `revision ${position / 2}`
    : `the state of revision ${(position - 1) / 2}`;
}
