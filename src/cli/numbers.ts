import { InvalidArgumentError } from 'commander';

/** Reads the numbers of a command line; each refusal says what would have been right. */

const WHOLE = /^\d+$/;
const LEASE = /^[0-9a-f]{1,16}$/i;
/** The longest time that a timer can be set for. */
const SECONDS_MAX = 2_147_483;

/** A whole number from 0 up, such as a revision or a limit. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!WHOLE.test(text) || !Number.isSafeInteger(number)) {
    throw new InvalidArgumentError('Give a whole number from 0 up.');
  }
  return number;
}

/** A time in seconds; fractions are allowed. */
export function seconds(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !(number >= 0 && number <= SECONDS_MAX)) {
    throw new InvalidArgumentError(`Give seconds from 0 to ${SECONDS_MAX}, such as 5 or 0.5.`);
  }
  return number;
}

/** A lease in hexadecimal, as etcdctl and this program print it. */
export function leaseId(text: string): bigint {
  if (!LEASE.test(text)) {
    throw new InvalidArgumentError('Give a lease in hexadecimal, such as 694d7baba5ef3a1c.');
  }
  return BigInt(`0x${text}`);
}
