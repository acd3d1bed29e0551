import { isoTime } from './iso-time.js';

/** A moment of the wall clock for a person: `since 2026-11-22T08:35:13Z`, in UTC as in the logs. */
export function sinceText(sinceMs: number | undefined): string {
  return sinceMs === undefined ? '' : ` since ${isoTime(sinceMs)}`;
}
