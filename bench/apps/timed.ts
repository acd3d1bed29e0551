import type { LoadResult } from '../harness/program.js';

/** How a load runs. */
export interface TimedOptions {
  readonly mode: string;
  readonly concurrency: number;
  readonly seconds: number;
  /** Runs this long before it counts. */
  readonly warmSeconds: number;
}

/**
 * Does `operation`, which returns how many milliseconds of it count, or nothing if all of it does,
 * from as many loops as asked for until the time is over, and tells how often and
 * how fast. Each loop begins its next operation when the one before has ended. Counts the
 * operations that began after the warm-up, over the time until the last of them ended.
 */
export async function timed(
  { mode, concurrency, seconds, warmSeconds }: TimedOptions,
  operation: (at: number) => Promise<unknown>,
): Promise<LoadResult> {
  const warmUntilMs = performance.now() + warmSeconds * 1000;
  const untilMs = warmUntilMs + seconds * 1000;
  const laps: number[] = [];
  let next = 0;
  const loop = async (): Promise<void> => {
    // Slow as it may be, each loop has something to tell.
    for (let counted = false; ; ) {
      const startMs = performance.now();
      if (startMs >= untilMs && counted) return;
      const part = await operation(next++);
      if (startMs < warmUntilMs) continue;
      counted = true;
      laps.push(typeof part === 'number' ? part : performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  const tookSeconds = (performance.now() - warmUntilMs) / 1000;
  laps.sort((a, b) => a - b);
  const at = (share: number): number => laps[Math.floor(share * (laps.length - 1))] ?? 0;
  return {
    mode,
    total: laps.length,
    seconds: tookSeconds,
    perSecond: laps.length / tookSeconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}
