import { EXIT_CODE } from './exit-code.js';
import type { JsonRecord, JsonValue } from './json-record.js';
import { runChild } from './run-child.js';
import type { CommandRun } from './store-command.js';

/** A lock or a leadership that this process has. */
export interface Holding {
  /** Aborted when it is lost; the reason is an error that says why. */
  readonly signal: AbortSignal;
  /** @throws CoordinationError when it had been lost */
  readonly giveBack: () => Promise<void>;
  /** What a command is told in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The holding in JSON; the state is added. */
  readonly record: { readonly revision: number } & { readonly [name: string]: JsonValue };
  /** The holding for a person. */
  readonly lines: readonly string[];
}

/** What is to be done with it. */
export interface HoldTerms {
  /** A command to run; empty: hold until interrupted. */
  readonly command: readonly string[];
  readonly graceMs: number;
}

/**
 * Does under a holding what was asked: runs a command, or shows the holding until interrupted.
 * Gives it back in every case, and answers with the exit code: the command's, unless the holding
 * was lost or the process interrupted.
 */
export async function hold(holding: Holding, terms: HoldTerms, run: CommandRun): Promise<number> {
  const { signal, giveBack } = holding;
  const shows = terms.command.length === 0;
  let exitCode: number = EXIT_CODE.interrupted;
  if (shows) {
    run.output.write(withState(holding, 'held'), () => holding.lines);
    await ended(signal, run.interrupt.signal);
  } else {
    exitCode = await runUnder(holding, terms, run);
  }
  if (signal.aborted) {
    // Giving back what is lost fails with the whole story, such as who broke it.
    const known: unknown = signal.reason;
    const cause: unknown = await giveBack().then(
      () => known,
      (error: unknown) => error,
    );
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (shows) run.output.write(withState(holding, 'lost'), () => ['lost']);
    run.output.remark(`${reason}${shows ? '' : '; the command was told to end'}`);
    return EXIT_CODE.lost;
  }
  await giveBack();
  if (shows) run.output.write(withState(holding, 'released'), () => ['released']);
  return run.interrupt.signal.aborted ? EXIT_CODE.interrupted : exitCode;
}

async function runUnder(holding: Holding, terms: HoldTerms, run: CommandRun): Promise<number> {
  try {
    return await runChild({
      words: terms.command,
      environment: holding.environment,
      lost: holding.signal,
      interrupt: run.interrupt,
      graceMs: terms.graceMs,
    });
  } catch (error) {
    // A command that could not be started says more than what giving back might.
    await holding.giveBack().catch(() => undefined);
    throw error;
  }
}

function withState(holding: Holding, state: 'held' | 'lost' | 'released'): JsonRecord {
  return { state, ...holding.record };
}

/** Resolves when either signal is aborted. */
function ended(first: AbortSignal, second: AbortSignal): Promise<void> {
  const either = AbortSignal.any([first, second]);
  return new Promise((resolve) => {
    if (either.aborted) resolve();
    else either.addEventListener('abort', () => resolve(), { once: true });
  });
}
