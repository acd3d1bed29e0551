/**
 * A moment of the wall clock in UTC, such as `2026-11-22T08:35:13Z`. Other programs write times as
 * well; one that no calendar has is told as the number that it is.
 */
export function isoTime(timeMs: number): string {
  const date = new Date(timeMs);
  if (Number.isNaN(date.getTime())) return `${timeMs} ms`;
  return `${date.toISOString().slice(0, 19)}Z`;
}
