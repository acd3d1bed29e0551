/**
 * True when TIDELOCK_CI=1: long variants of tests run at their full length and no test may be
 * skipped. Everywhere else tests stay short, so that `npm test` answers within minutes.
 */
export const inCi: boolean = process.env['TIDELOCK_CI'] === '1';
