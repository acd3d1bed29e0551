// Reads the flags of a script. What makes no sense ends the script with one line and code 2, before
// it has done anything: a number that is none must not pass for a run in which nothing failed.
import { parseArgs } from 'node:util';

/** The bound of a number that need not be whole. */
export const ABOVE_ZERO = 'a number above 0';

/** Ends the script. */
export function refuseFlag(script, text) {
  console.error(`${script}: ${text}; --help shows the flags`);
  process.exit(2);
}

/**
 * @param script - its name, for the complaint
 * @param options - as `parseArgs` takes them
 * @param numbers - the flags that are numbers, each with the least whole number that makes sense,
 *   or `ABOVE_ZERO`
 * @returns the values by name, numbers as such
 */
export function readFlags(script, options, numbers) {
  const values = parsed(script, options);
  for (const [name, least] of Object.entries(numbers)) {
    if (values[name] === undefined) continue;
    values[name] = numberOf(script, name, values[name], least);
  }
  return values;
}

function parsed(script, options) {
  try {
    return { ...parseArgs({ options }).values };
  } catch (error) {
    return refuseFlag(script, error.message.split('. ', 1)[0]);
  }
}

function numberOf(script, name, text, least) {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  const isAny = least === ABOVE_ZERO;
  if (
    isAny ? Number.isFinite(number) && number > 0 : Number.isSafeInteger(number) && number >= least
  ) {
    return number;
  }
  const wanted = isAny ? least : `a whole number of ${least} or more`;
  return refuseFlag(script, `--${name} ${JSON.stringify(text)} is not ${wanted}`);
}
