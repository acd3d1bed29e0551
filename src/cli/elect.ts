import { type Command, Option } from 'commander';
import {
  coordinate,
  type Election,
  isCoordinationError,
  type LeaderInfo,
  type Leadership,
} from '../recipes/index.js';
import { CliError } from './cli-error.js';
import { refuseExcess, splitArguments } from './command-words.js';
import { EXIT_CODE } from './exit-code.js';
import { type Holding, hold } from './hold.js';
import { holdOptions, type HoldOptions, ttlSeconds } from './hold-options.js';
import { identity } from './identity.js';
import { type CommandRun, runWithStore, storeCommand } from './store-command.js';
import { WaitingLine } from './waiting-line.js';

interface ElectOptions extends HoldOptions {
  readonly listen?: boolean;
}

const EXAMPLES = `  $ tidelock elect scheduler host-7:8080 -- ./scheduler  # while this one leads
  $ tidelock elect scheduler host-7:8080                 # lead until Ctrl-C
  $ tidelock elect scheduler --listen                    # who leads, now and after each change

The command finds TIDELOCK_LEADER_KEY and TIDELOCK_LEADER_TERM in its environment; the term is
larger for every later leader. When the leadership is lost the command gets SIGTERM, and SIGKILL
when it has not ended --grace seconds later. To stand again, start anew: a supervisor does.
`;

/** Adds `elect`: a command run by the leader alone, or a look at who leads. */
export function registerElect(program: Command): void {
  const command = storeCommand(program, 'elect', 'Lead while a command runs.', EXAMPLES)
    .usage('[options] <name> [value] [-- command...]')
    .argument('<name>', 'the election')
    .argument('[value...]', 'what others see of this candidate (default: host and process)')
    .addOption(
      new Option('--listen', 'do not stand; print the leader and each change').conflicts('timeout'),
    );
  holdOptions(command).action((name: string, words: string[], options: ElectOptions) =>
    runWithStore(options, async (store, run) => {
      const { before, command: toRun } = splitArguments([name, ...words]);
      refuseExcess(before.slice(2));
      const value = before[1] ?? identity();
      await using coord = coordinate(store, {
        identity: identity(),
        ttlSeconds: ttlSeconds(options),
      });
      const election = coord.election(name);
      if (options.listen === true) {
        if (before.length + toRun.length > 1) throw listensOnly();
        return await listen(election, run);
      }
      const leadership = await campaign(election, value, options, run);
      const holding = holdingOf(name, leadership);
      return await hold(holding, { command: toRun, graceMs: options.grace * 1000 }, run);
    }),
  );
}

function listensOnly(): CliError {
  const message = '--listen only looks; leave out the value and the command, or leave out --listen';
  return new CliError(EXIT_CODE.usage, message);
}

async function campaign(
  election: Election,
  value: string,
  options: ElectOptions,
  run: CommandRun,
): Promise<Leadership> {
  const { signal } = run.interrupt;
  let leader: LeaderInfo | null = null;
  const watching = election.leader$.subscribe({
    next: (next) => (leader = next),
    // It is for the waiting line alone, which can do without.
    error: () => undefined,
  });
  const look = (): string =>
    leader === null ? '' : `, led by ${leader.value || leader.id} in term ${leader.term}`;
  using _line = new WaitingLine(() =>
    Promise.resolve(`waiting to lead "${election.name}"${look()}`),
  );
  const timeout = options.timeout === undefined ? {} : { timeoutMs: options.timeout * 1000 };
  try {
    return await election.campaign({ value, signal, ...timeout });
  } catch (error) {
    if (!isCoordinationError(error, 'Timeout')) throw error;
    const message = `election "${election.name}" was not won in time${look()}`;
    throw new CliError(EXIT_CODE.notAcquired, `${message}; a longer --timeout waits on`);
  } finally {
    watching.unsubscribe();
  }
}

/** Prints the leader and each change until interrupted. */
function listen(election: Election, { output, interrupt }: CommandRun): Promise<never> {
  return new Promise<never>((_, reject) => {
    const watching = election.leader$.subscribe({
      next: (leader) => {
        const record = { election: election.name, leader: leader && { ...leader } };
        output.write({ ...record, revision: leader?.term ?? null }, () => [
          leader === null ? 'nobody leads' : `${leader.value} leads in term ${leader.term}`,
        ]);
      },
      error: reject,
    });
    const stop = (): void => {
      watching.unsubscribe();
      reject(interrupt.signal.reason as Error);
    };
    if (interrupt.signal.aborted) stop();
    else interrupt.signal.addEventListener('abort', stop);
  });
}

function holdingOf(name: string, leadership: Leadership): Holding {
  const { id, term, value } = leadership;
  const key = String(leadership.guard().key);
  return {
    signal: leadership.signal,
    giveBack: () => leadership.resign(),
    environment: { TIDELOCK_LEADER_KEY: key, TIDELOCK_LEADER_TERM: String(term) },
    record: { election: name, key, id, value, term, revision: term },
    lines: [`key ${key}`, `term ${term}`],
  };
}
