import type { CoordinationError } from '../recipes/index.js';
import { isStoreError, type StoreError, type StoreErrorCode } from '../store/index.js';
import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';

/** How a command ends that did not succeed. */
export interface Failure {
  readonly exitCode: number;
  /** One line that says what was wrong and what to do next. */
  readonly line: string;
}

/** Codes of the store that mean that nobody serves at the moment. */
const UNAVAILABLE: ReadonlySet<StoreErrorCode> = new Set([
  'Unavailable',
  'NoLeader',
  'Stopped',
  'Timeout',
  'DeadlineExceeded',
  'Canceled',
]);

/**
 * Makes one line and one exit code of whatever a command failed with. Nothing is left out: what it
 * does not know is an error with its own text. The recipes are loaded for a failure that may be
 * theirs alone: a command on keys does without them.
 */
export async function failureOf(failure: unknown, endpoints: string): Promise<Failure> {
  if (failure instanceof CliError) return { exitCode: failure.exitCode, line: failure.message };
  if (isStoreError(failure)) return ofStore(failure, endpoints);
  const { isCoordinationError } = await import('../recipes/index.js');
  if (!isCoordinationError(failure)) return { exitCode: EXIT_CODE.error, line: oneLine(failure) };
  return ofRecipe(failure, endpoints);
}

function ofStore(error: StoreError, endpoints: string): Failure {
  const line = describe(error.code, oneLine(error), endpoints, error.compactRevision);
  if (error.code === 'InvalidArgument') return { exitCode: EXIT_CODE.usage, line };
  const exitCode = UNAVAILABLE.has(error.code) ? EXIT_CODE.unavailable : EXIT_CODE.error;
  return { exitCode, line };
}

function ofRecipe(error: CoordinationError, endpoints: string): Failure {
  const text = oneLine(error);
  switch (error.code) {
    case 'StoreRefused':
      // Told in the same words whether a recipe or the command itself had asked.
      if (isStoreError(error.cause)) return ofStore(error.cause, endpoints);
      return { exitCode: EXIT_CODE.error, line: text };
    case 'Unavailable':
    case 'Timeout': {
      // A wait that the person bounded is the command's own to tell; what is left ran out by
      // itself.
      const leaderless = isStoreError(error.cause, 'NoLeader');
      const line = leaderless ? noLeader(text, endpoints) : unavailable(text, endpoints);
      return { exitCode: EXIT_CODE.unavailable, line };
    }
    case 'LockLost':
    case 'SessionLost':
      return { exitCode: EXIT_CODE.lost, line: text };
    case 'InvalidArgument':
      return { exitCode: EXIT_CODE.usage, line: text };
    default:
      return { exitCode: EXIT_CODE.error, line: text };
  }
}

function describe(
  code: StoreErrorCode,
  text: string,
  endpoints: string,
  compactRevision: number | undefined,
): string {
  if (code === 'NoLeader') return noLeader(text, endpoints);
  if (code === 'Timeout' && text.startsWith('etcdserver:')) {
    return `${text}, by a server that answers; ${askCluster(endpoints)} shows what it waits for`;
  }
  if (UNAVAILABLE.has(code)) return unavailable(text, endpoints);
  switch (code) {
    case 'Compacted': {
      const start = compactRevision === undefined ? '' : `, which begins at ${compactRevision}`;
      return `${text}; take a revision within the history that is kept${start}`;
    }
    case 'FutureRevision':
      return `${text}; \`tidelock status\` shows the newest one`;
    case 'LeaseNotFound':
      return `${text}; it has expired or was revoked, so make a new one`;
    case 'NoSpace':
      return `${text}; make room, then \`tidelock alarm disarm\`, whose --help says how`;
    default:
      return text;
  }
}

/** Somebody had to answer in order to say this, so that it is not the endpoints that are wrong. */
function noLeader(text: string, endpoints: string): string {
  const reason = 'who answers knows none, so a majority is missing';
  return `${text}: ${reason}; ${askCluster(endpoints)} shows who is`;
}

function askCluster(endpoints: string): string {
  return `\`tidelock status --cluster --endpoints ${endpoints}\``;
}

function unavailable(text: string, endpoints: string): string {
  return `${text}; is a server running at ${endpoints}? (--endpoints, TIDELOCK_ENDPOINTS)`;
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
