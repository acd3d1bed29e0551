import type { Participant } from './wait-plan.js';

/**
 * The words in which plans speak of people and times. Owns nothing; it must never read a clock, for
 * all times are those that the participants wrote down themselves.
 */

/** A participant in a sentence, such as `worker-7 since 12:03:11Z`. */
export function tellParticipant({ identity, sinceMs }: Participant): string {
  const who = identity === '' ? 'somebody without a name' : identity;
  return sinceMs === undefined ? who : `${who} since ${tellTime(sinceMs)}`;
}

/** The first of several in full, the others as a number. */
export function tellParticipants(participants: readonly Participant[]): string {
  const [first] = participants;
  if (first === undefined) return 'nobody';
  const others = participants.length - 1;
  return others === 0 ? tellParticipant(first) : `${tellParticipant(first)} and ${others} more`;
}

/** Wall-clock milliseconds as the UTC time of that day, such as `12:03:11Z`. */
export function tellTime(wallMs: number): string {
  const part = (unitMs: number, count: number): string => {
    const value = Math.floor(wallMs / unitMs) % count;
    return String(value < 0 ? value + count : value).padStart(2, '0');
  };
  return `${part(3_600_000, 24)}:${part(60_000, 60)}:${part(1000, 60)}Z`;
}
