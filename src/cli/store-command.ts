import { type Command, Option } from 'commander';
import type { Store } from '../store/index.js';
import { EXIT_CODE, EXIT_CODE_HELP } from './exit-code.js';
import { failureOf } from './failure.js';
import { Interrupt } from './interrupt.js';
import { seconds } from './numbers.js';
import { Output, type OutputFormat } from './output.js';
import { stayAlive } from './stay-alive.js';

/** What every command that talks to a server may be told. */
export interface CommonOptions {
  readonly endpoints?: string;
  readonly writeOut: OutputFormat;
  /** Seconds. */
  readonly connectTimeout: number;
}

/** What a command works with. */
export interface CommandRun {
  /** Servers to talk to, separated by commas. */
  readonly endpoints: string;
  readonly output: Output;
  readonly interrupt: Interrupt;
  readonly connectTimeoutMs: number;
}

const DEFAULT_ENDPOINTS = 'http://127.0.0.1:2379';
const CONNECT_TIMEOUT_SECONDS = 5;

/** A sub-command with the flags that all of them share, and examples at the end of its help. */
export function storeCommand(
  parent: Command,
  name: string,
  description: string,
  examples: string,
): Command {
  return parent
    .command(name)
    .description(description)
    .helpOption('-h, --help', 'print this help')
    .option(
      '--endpoints <urls>',
      `servers (env TIDELOCK_ENDPOINTS, ETCDCTL_ENDPOINTS; default: ${DEFAULT_ENDPOINTS})`,
    )
    .addOption(
      new Option('-w, --write-out <format>', 'how to write results')
        .choices(['simple', 'json'])
        .default('simple'),
    )
    .addOption(
      new Option('--connect-timeout <seconds>', 'give up when no server answers within')
        .argParser(seconds)
        .default(CONNECT_TIMEOUT_SECONDS),
    )
    .addHelpText('after', `\nExamples:\n${examples}${EXIT_CODE_HELP}`);
}

/**
 * Runs a command to its exit code: connects nothing by itself, turns every failure into one line on
 * standard error, and an interruption into its own exit code.
 */
export async function runCommand(
  options: CommonOptions,
  work: (run: CommandRun) => Promise<number>,
): Promise<void> {
  const endpoints = endpointsOf(options);
  using interrupt = new Interrupt();
  const output = new Output(options.writeOut);
  const connectTimeoutMs = options.connectTimeout * 1000;
  try {
    process.exitCode = await stayAlive(work({ endpoints, output, interrupt, connectTimeoutMs }));
  } catch (error) {
    if (interrupt.signal.aborted) {
      process.exitCode = EXIT_CODE.interrupted;
      return;
    }
    const { exitCode, line } = await failureOf(error, endpoints);
    output.remark(line);
    process.exitCode = exitCode;
  }
}

/**
 * As `runCommand`, with a store that is closed in the end. The client is loaded here and not
 * before: who asks for help, or mistypes a flag, is answered without it.
 */
export function runWithStore(
  options: CommonOptions,
  work: (store: Store, run: CommandRun) => Promise<number>,
): Promise<void> {
  return runCommand(options, async (run) => {
    const { connect } = await import('../client/index.js');
    await using store = await connect(run.endpoints, {
      timeoutMs: run.connectTimeoutMs,
      signal: run.interrupt.signal,
    });
    return await work(store, run);
  });
}

function endpointsOf({ endpoints }: CommonOptions): string {
  const { TIDELOCK_ENDPOINTS: own, ETCDCTL_ENDPOINTS: etcdctl } = process.env;
  return [endpoints, own, etcdctl].find(isGiven) ?? DEFAULT_ENDPOINTS;
}

function isGiven(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== '';
}
