import type { BackendRow, BackendWrite } from '../ports/backend.js';
import { compareBytes } from '../store/index.js';

/** Rows of a run, at most; twice as many are split. */
const RUN_ROWS = 64;

type Run = readonly BackendRow[];

/**
 * Rows in byte order that never change: a write gives another object, which shares with this one
 * all that it did not touch. So thousands of states of thousands of rows cost little, and whoever
 * iterates sees the state at which it began. The rows belong to it: nobody outside may keep one.
 */
export class SortedRows {
  static readonly EMPTY = new SortedRows([], 0, 0);

  /** In order, none empty. */
  readonly #runs: readonly Run[];
  readonly count: number;
  /** Of keys and values. */
  readonly byteCount: number;

  private constructor(runs: readonly Run[], count: number, byteCount: number) {
    this.#runs = runs;
    this.count = count;
    this.byteCount = byteCount;
  }

  /** The rows after the writes, of which the last for a key counts; all are of one table. */
  with(writes: readonly BackendWrite[]): SortedRows {
    const sorted = writes.toSorted((a, b) => compareBytes(a.key, b.key));
    const runs: Run[] = [];
    let { count, byteCount } = this;
    let untouched = 0;
    for (let at = 0; at < sorted.length; ) {
      const runIndex = this.#runOf((sorted[at] as BackendWrite).key);
      for (; untouched < runIndex; untouched++) runs.push(this.#runs[untouched] as Run);
      untouched = runIndex + 1;
      const before = this.#runs[runIndex] ?? [];
      const following = this.#runs[runIndex + 1]?.[0]?.key;
      const from = at;
      do at++;
      while (at < sorted.length && isBelow((sorted[at] as BackendWrite).key, following));
      const after = merge(before, sorted.slice(from, at));
      count += after.length - before.length;
      byteCount += bytesOf(after) - bytesOf(before);
      for (let start = 0; start < after.length; ) {
        const left = after.length - start;
        const length = left >= RUN_ROWS * 2 ? RUN_ROWS : left;
        runs.push(after.slice(start, start + length));
        start += length;
      }
    }
    for (; untouched < this.#runs.length; untouched++) runs.push(this.#runs[untouched] as Run);
    return new SortedRows(runs, count, byteCount);
  }

  /** The same rows but one, by its place. */
  withRowAt(index: number, change: (row: BackendRow) => BackendRow): SortedRows {
    let start = 0;
    const runs = this.#runs.map((run) => {
      const place = index - start;
      start += run.length;
      const row = run[place];
      return row === undefined ? run : run.with(place, change(row));
    });
    return new SortedRows(runs, this.count, this.byteCount);
  }

  rowAt(index: number): BackendRow | undefined {
    let left = index;
    for (const run of this.#runs) {
      if (left < run.length) return run[left];
      left -= run.length;
    }
    return undefined;
  }

  /** The row under `key`, not a copy of it. */
  find(key: Uint8Array): BackendRow | undefined {
    const run = this.#runs[this.#runOf(key)] ?? [];
    const row = run[lowerBound(run, key)];
    return row !== undefined && compareBytes(row.key, key) === 0 ? row : undefined;
  }

  /** Copies of the rows with `from` <= key < `to`, at most `limit` (0: all). */
  *range(from: Uint8Array, to: Uint8Array | undefined, limit: number): Iterable<BackendRow> {
    let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    let runIndex = this.#runOf(from);
    let at = lowerBound(this.#runs[runIndex] ?? [], from);
    for (; runIndex < this.#runs.length; runIndex++, at = 0) {
      const run = this.#runs[runIndex] as Run;
      for (; at < run.length; at++) {
        const { key, value } = run[at] as BackendRow;
        if (left-- <= 0 || !isBelow(key, to)) return;
        yield { key: key.slice(), value: value.slice() };
      }
    }
  }

  /** The last run that begins at or below `key`, or the first one. */
  #runOf(key: Uint8Array): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = (this.#runs[middle] as Run)[0] as BackendRow;
      if (compareBytes(first.key, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

function isBelow(key: Uint8Array, end: Uint8Array | undefined): boolean {
  return end === undefined || compareBytes(key, end) < 0;
}

function bytesOf(rows: readonly BackendRow[]): number {
  return rows.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
}

function lowerBound(rows: Run, key: Uint8Array): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes((rows[middle] as BackendRow).key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function merge(rows: Run, sorted: readonly BackendWrite[]): BackendRow[] {
  const merged: BackendRow[] = [];
  let at = 0;
  sorted.forEach((write, index) => {
    const next = sorted[index + 1];
    if (next !== undefined && compareBytes(next.key, write.key) === 0) return;
    let row = rows[at];
    while (row !== undefined && compareBytes(row.key, write.key) < 0) {
      merged.push(row);
      row = rows[++at];
    }
    if (row !== undefined && compareBytes(row.key, write.key) === 0) at++;
    if (write.value !== undefined) {
      merged.push({ key: write.key.slice(), value: write.value.slice() });
    }
  });
  for (; at < rows.length; at++) merged.push(rows[at] as BackendRow);
  return merged;
}
