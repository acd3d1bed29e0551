import { CoordinationError } from '../errors.js';
import { civilTime, instantOf, isTimeZone } from './civil-time.js';

/** A day of the week, as windows name it. */
export type Weekday = 'Mon' | 'Tue' | 'Wed' | 'Thu' | 'Fri' | 'Sat' | 'Sun';

/**
 * A time of the week at which machines may go away. The days are those on which it begins: a window
 * that passes midnight, or several, goes on into days that are not named.
 */
export interface RebootWindow {
  /** Empty: every day. */
  readonly days: readonly Weekday[];
  /** `HH:MM` on the clock of the time zone. */
  readonly start: string;
  /** From 1 minute to 7 days of elapsed time, whatever clocks do meanwhile. */
  readonly lengthMinutes: number;
  /** A name of the IANA data base, such as `Europe/Berlin`, or `UTC`. */
  readonly timeZone: string;
}

/** Where a moment lies among windows. */
export type WindowState =
  | {
      readonly isOpen: true /** When the last of those that overlap ends; absent: never. */;
      readonly closesMs?: number;
    }
  | { readonly isOpen: false /** When the next one begins. */; readonly opensMs: number };

const WEEKDAYS: readonly Weekday[] = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const START = /^([01]\d|2[0-3]):([0-5]\d)$/;
const LENGTH = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?$/;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
const LENGTH_MAX_MINUTES = 7 * DAY_MINUTES;
/** Days after a moment whose windows can matter: a week, a change of clocks, and the zone. */
const DAYS_AFTER = 9;

/**
 * A window from its fields, or from a text such as `Mon-Fri 22:00 4h Europe/Berlin`, in which the
 * days may be left out for every day, and the zone for UTC.
 * @throws CoordinationError `InvalidArgument`, which names the field
 *
 * @example
 * parseWindow({ days: ['Sat'], start: '02:00', lengthMinutes: 360, timeZone: 'Asia/Tokyo' });
 */
export function parseWindow(input: unknown): RebootWindow {
  if (typeof input === 'string') return parseText(input);
  const fields: { readonly [field: string]: unknown } =
    typeof input === 'object' && input !== null ? { ...input } : {};
  const { days = [], start, lengthMinutes, timeZone = 'UTC' } = fields;
  if (!Array.isArray(days)) throw refuse('days', days, 'not a list of days');
  const known = days.map((day: unknown) => WEEKDAYS.find((weekday) => weekday === day) ?? day);
  const unknown = known.find((day) => !WEEKDAYS.includes(day as Weekday));
  if (unknown !== undefined) throw refuse('days', unknown, `not one of ${WEEKDAYS.join(', ')}`);
  if (typeof start !== 'string' || !START.test(start)) {
    throw refuse('start', start, 'not a time from 00:00 to 23:59');
  }
  if (typeof lengthMinutes !== 'number' || !isLength(lengthMinutes)) {
    throw refuse(
      'lengthMinutes',
      lengthMinutes,
      `not a whole number from 1 to ${LENGTH_MAX_MINUTES}`,
    );
  }
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone)) {
    throw refuse('timeZone', timeZone, 'no time zone that this system knows');
  }
  return { days: known as readonly Weekday[], start, lengthMinutes, timeZone };
}

/**
 * A window as `parseWindow` reads it.
 *
 * @example
 * windowText(parseWindow('22:00 90m')); // 22:00 1h30m UTC
 */
export function windowText({ days, start, lengthMinutes, timeZone }: RebootWindow): string {
  const hours = Math.floor(lengthMinutes / 60);
  const minutes = lengthMinutes % 60;
  const length = `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}`;
  return [...(days.length === 0 ? [] : [days.join(',')]), start, length, timeZone].join(' ');
}

/**
 * Whether any of the windows is open at `nowMs`, and until or from when. None: always open.
 *
 * @example
 * const state = windowState([parseWindow('22:00 4h')], store.clock.wall());
 * if (!state.isOpen) console.log(`opens at ${state.opensMs}`);
 */
export function windowState(windows: readonly RebootWindow[], nowMs: number): WindowState {
  if (windows.length === 0) return { isOpen: true };
  const spans = windows.flatMap((window) => spansAround(window, nowMs)).toSorted(byStart);
  let closesMs: number | undefined;
  for (const { fromMs, toMs } of spans) {
    const reachesMs = closesMs ?? nowMs;
    if (fromMs <= reachesMs && toMs > reachesMs) closesMs = toMs;
  }
  if (closesMs !== undefined) return { isOpen: true, closesMs };
  const next = spans.find(({ fromMs }) => fromMs > nowMs);
  if (next === undefined) throw new Error('a window that comes every week does not come');
  return { isOpen: false, opensMs: next.fromMs };
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

function byStart(a: Span, b: Span): number {
  return a.fromMs - b.fromMs;
}

/** When the window is open in the days around a moment. */
function spansAround(window: RebootWindow, nowMs: number): readonly Span[] {
  const { days, start, lengthMinutes, timeZone } = window;
  const [, hours = '0', minutes = '0'] = START.exec(start) ?? [];
  const timeMs = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  const todayMs = Math.floor(civilTime(nowMs, timeZone) / DAY_MS) * DAY_MS;
  const spans: Span[] = [];
  const daysBefore = Math.ceil(lengthMinutes / DAY_MINUTES) + 1;
  for (let day = -daysBefore; day <= DAYS_AFTER; day++) {
    const midnightMs = todayMs + day * DAY_MS;
    if (days.length > 0 && !days.includes(weekdayOf(midnightMs))) continue;
    const fromMs = instantOf(midnightMs + timeMs, timeZone);
    spans.push({ fromMs, toMs: fromMs + lengthMinutes * MINUTE_MS });
  }
  return spans;
}

function weekdayOf(midnightMs: number): Weekday {
  // The first day of the epoch was a Thursday.
  const place = (((midnightMs / DAY_MS + 4) % 7) + 7) % 7;
  return WEEKDAYS[place] ?? 'Sun';
}

function parseText(text: string): RebootWindow {
  const words = text.trim().split(/\s+/);
  const timeAt = words.findIndex((word) => START.test(word));
  if (timeAt < 0 || timeAt > 1) throw refuse('start', text, 'without a time from 00:00 to 23:59');
  const [start, length = '', timeZone = 'UTC', ...rest] = words.slice(timeAt);
  if (rest.length > 0) throw refuse('timeZone', text, 'followed by more than one word');
  const days = timeAt === 0 ? [] : (words[0] ?? '').split(',').flatMap(daysOf);
  return parseWindow({ days, start, lengthMinutes: minutesOf(length), timeZone });
}

/** `Mon`, or `Fri-Mon`. */
function daysOf(text: string): readonly string[] {
  const [first = '', last] = text.split('-').map(capital);
  if (last === undefined) return [first];
  const from = WEEKDAYS.findIndex((day) => day === first);
  const to = WEEKDAYS.findIndex((day) => day === last);
  if (from < 0 || to < 0) return [text];
  const count = ((to - from + 7) % 7) + 1;
  return Array.from({ length: count }, (_, at) => WEEKDAYS[(from + at) % 7] ?? '');
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase();
}

function minutesOf(length: string): number {
  const [, days, hours, minutes] = LENGTH.exec(length) ?? [];
  const total = Number(days ?? 0) * DAY_MINUTES + Number(hours ?? 0) * 60 + Number(minutes ?? 0);
  if (isLength(total)) return total;
  throw refuse('length', length, 'no length from 1m to 7d, such as 4h or 1h30m');
}

function isLength(minutes: number): boolean {
  return Number.isSafeInteger(minutes) && minutes >= 1 && minutes <= LENGTH_MAX_MINUTES;
}

function refuse(field: string, value: unknown, why: string): CoordinationError {
  const shown = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'undefined');
  return new CoordinationError('InvalidArgument', `reboot window: ${field} ${shown} is ${why}`);
}
