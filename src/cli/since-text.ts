/** A moment of the wall clock for a person: `since 2026-11-22 08:35:13`, in local time. */
export function sinceText(sinceMs: number | undefined): string {
  if (sinceMs === undefined) return '';
  const date = new Date(sinceMs);
  // Other programs write times as well, and not all of them are in a calendar.
  if (Number.isNaN(date.getTime())) return ` since ${sinceMs} ms`;
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return ` since ${day} ${time}`;
}
