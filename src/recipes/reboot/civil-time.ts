/**
 * Clocks on walls: what a clock of a time zone shows at a moment, and at which moment it shows
 * something. Civil time is a number of milliseconds that would be that reading in UTC. It knows the
 * rules of the zones from the host's data alone and never asks what time it is.
 */

const FORMATS = new Map<string, Intl.DateTimeFormat>();
const FORMATS_MAX = 64;
const DAY_MS = 86_400_000;
/** How far from 1970 a moment can be: the bound of JavaScript's own dates. */
const INSTANT_MAX_MS = 8.64e15;

/** Whether the host has rules for a zone of this name. */
export function isTimeZone(timeZone: string): boolean {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    // A RangeError is how Intl says that there is no such zone.
    return false;
  }
}

/** What a clock in `timeZone` shows at `instantMs`, to the second. */
export function civilTime(instantMs: number, timeZone: string): number {
  const secondMs = Math.floor(instantMs / 1000) * 1000;
  if (timeZone === 'UTC') return secondMs;
  const found = new Map(
    formatOf(timeZone)
      .formatToParts(secondMs)
      .map(({ type, value }): [string, number] => [type, Number(value)]),
  );
  const part = (name: string): number => found.get(name) ?? 0;
  const days = daysFromCivil(part('year'), part('month'), part('day'));
  const seconds = (part('hour') * 60 + part('minute')) * 60 + part('second');
  return days * DAY_MS + seconds * 1000;
}

/**
 * The first moment at which a clock in `timeZone` shows `civilMs`; when clocks skip that reading,
 * the moment of the skip.
 */
export function instantOf(civilMs: number, timeZone: string): number {
  // Whatever the zone does on that day, it is one of the offsets just before and just after.
  const offsets = [civilMs - DAY_MS, civilMs + DAY_MS].map(
    (nearMs) => civilTime(nearMs, timeZone) - nearMs,
  );
  const guesses = offsets.map((offsetMs) => civilMs - offsetMs).toSorted((a, b) => a - b);
  const exact = guesses.find((guessMs) => civilTime(guessMs, timeZone) === civilMs);
  if (exact !== undefined) return exact;
  const [earliest = civilMs, latest = civilMs] = guesses;
  return firstAtOrAfter(civilMs, timeZone, earliest, latest);
}

/** Within an hour that clocks skip: the moment at which they jump past `civilMs`. */
function firstAtOrAfter(civilMs: number, timeZone: string, fromMs: number, toMs: number): number {
  let low = fromMs;
  let high = toMs;
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (civilTime(middle, timeZone) >= civilMs) high = middle;
    else low = middle;
  }
  return high;
}

/** Days from 1970-01-01 in the Gregorian calendar: counted from the first of March of year 0. */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const monthFromMarch = (month + 9) % 12;
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + day - 1;
  const leapDays = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  return shifted * 365 + leapDays + dayOfYear - 719_468;
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = FORMATS.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  if (FORMATS.size >= FORMATS_MAX) FORMATS.clear();
  FORMATS.set(timeZone, format);
  return format;
}

/**
 * A moment for people and programs, such as `2026-11-22T12:03:11Z`. Other programs write times too;
 * one that no calendar has is told as the number that it is.
 */
export function isoText(instantMs: number): string {
  if (!(Math.abs(instantMs) <= INSTANT_MAX_MS)) return `${instantMs} ms`;
  const found = new Map(
    formatOf('UTC')
      .formatToParts(instantMs)
      .map(({ type, value }): [string, string] => [type, value]),
  );
  const [year, month, day, hour, minute, second] = [
    'year',
    'month',
    'day',
    'hour',
    'minute',
    'second',
  ].map((part) => found.get(part) ?? '');
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}
