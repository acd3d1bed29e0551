/**
 * What the exit codes of the command line mean, once, so that scripts can rely on them. A command
 * run under a lock or a leadership has the last word with its own code.
 */
export const EXIT_CODE = {
  done: 0,
  /** Anything that is not one of the others. */
  error: 1,
  /** A command, flag or argument that makes no sense. */
  usage: 2,
  /** There is no such key; or a lock, leadership or slot was not to be had in time. */
  notAcquired: 3,
  /** No server answers. */
  unavailable: 4,
  /** A lock or leadership was lost before it was given back. */
  lost: 5,
  /** A rule says no: a machine is held back, outside of its windows, and so on. */
  refused: 6,
  /** The command to be run exists and may not be executed, as shells have it. */
  notExecutable: 126,
  /** The command to be run does not exist, as shells have it. */
  commandMissing: 127,
  /** Ctrl-C or SIGTERM, after giving back what was held. */
  interrupted: 130,
} as const;

/** The part of a help page that lists them. */
export const EXIT_CODE_HELP = `
Exit codes: 0 done, 1 error, 2 usage, 3 not found or not acquired, 4 no server answers,
5 lost while held, 6 refused by a rule, 130 interrupted (what was held is given back).`;
