/**
 * True when TIDELOCK_CI=1: long variants of tests run at their full length and no test may be
 * skipped. Everywhere else tests stay short, so that `npm test` answers within minutes.
 */
export const inCi: boolean = process.env['TIDELOCK_CI'] === '1';

/** Why a suite that takes long steps aside where tests must be short; undefined where it runs. */
export function tooLong(): string | undefined {
  return inCi ? undefined : 'it takes long, and TIDELOCK_CI=1 is what runs it';
}
