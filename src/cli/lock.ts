import { type Command, Option } from 'commander';
import {
  coordinate,
  type HeldLock,
  isCoordinationError,
  type Lock,
  type LockEntry,
} from '../recipes/index.js';
import { type BreakTerms, breakLock, checkBreak } from './lock-break.js';
import { refuseExcess, splitArguments } from './command-words.js';
import { EXIT_CODE } from './exit-code.js';
import { type Holding, hold } from './hold.js';
import { identity } from './identity.js';
import { holdOptions, type HoldOptions, ttlSeconds } from './hold-options.js';
import { sinceText } from './since-text.js';
import { type CommandRun, runWithStore, storeCommand } from './store-command.js';
import { WaitingLine } from './waiting-line.js';

interface LockCommandOptions extends HoldOptions, BreakTerms {
  readonly try?: boolean;
  readonly break?: boolean;
}

const EXAMPLES = `  $ tidelock lock jobs/nightly -- ./backup.sh --full
  $ tidelock lock jobs/nightly --try -- ./backup.sh      # 3 when somebody else has it
  $ tidelock lock jobs/nightly --timeout 30 -- ./backup.sh
  $ tidelock lock jobs/nightly                           # hold it until Ctrl-C
  $ tidelock lock jobs/nightly --break --reason "host-7 does not answer"

The command finds TIDELOCK_LOCK_KEY and TIDELOCK_LOCK_FENCE in its environment. The fence is
larger for every later holder: a resource is safe when it refuses smaller ones than it has seen. A
command whose lock is lost gets SIGTERM, and SIGKILL when it has not ended --grace seconds later.
`;

/** Adds `lock`: a command under a lock, or a lock held until interrupted. */
export function registerLock(program: Command): void {
  const command = storeCommand(program, 'lock', 'Hold a lock while a command runs.', EXAMPLES)
    .usage('[options] <name> [-- command...]')
    .argument('<name>', 'the lock')
    .argument('[command...]', 'what to run while holding it')
    .addOption(new Option('--try', 'do not wait for it').conflicts('timeout'))
    .addOption(
      new Option('--break', 'take it away from whoever has it').conflicts(['try', 'timeout']),
    )
    .option('--reason <text>', 'with --break: why, which the one who had it is told')
    .option('--by <who>', 'with --break: who does it (default: host and process id)')
    .option('--ends-delay', 'with --break: also ends delays that keep it free after a loss');
  holdOptions(command).action((name: string, words: string[], options: LockCommandOptions) =>
    runWithStore(options, async (store, run) => {
      const { before, command: toRun } = splitArguments([name, ...words]);
      refuseExcess(before.slice(1));
      await using coord = coordinate(store, {
        identity: identity(),
        ttlSeconds: ttlSeconds(options),
      });
      const lock = coord.lock(name);
      checkBreak(options, toRun);
      if (options.break === true) return await breakLock(lock, options, run);
      const held = await acquire(lock, options, run);
      if (held === undefined) return await reportBusy(lock, options, run);
      return await hold(holdingOf(held), { command: toRun, graceMs: options.grace * 1000 }, run);
    }),
  );
}

/** The lock, or undefined when it was not to be had in the time given. */
async function acquire(
  lock: Lock,
  options: LockCommandOptions,
  run: CommandRun,
): Promise<HeldLock | undefined> {
  const { signal } = run.interrupt;
  if (options.try === true) {
    const tried = await lock.tryAcquire({ signal });
    return tried.ok ? tried.held : undefined;
  }
  using _line = new WaitingLine(async () =>
    waitingText(lock, await lock.holder(), await lock.waiters()),
  );
  const timeout = options.timeout === undefined ? {} : { timeoutMs: options.timeout * 1000 };
  try {
    return await lock.acquire({ signal, ...timeout });
  } catch (error) {
    if (isCoordinationError(error, 'Timeout')) return undefined;
    throw error;
  }
}

async function reportBusy(
  lock: Lock,
  options: LockCommandOptions,
  { output, interrupt, connectTimeoutMs: timeoutMs }: CommandRun,
): Promise<number> {
  const bounds = { signal: interrupt.signal, timeoutMs };
  const holder = await lock.holder(bounds);
  const waiters = (await lock.waiters(bounds)).filter(isOther);
  if (output.format === 'json') {
    const who = holder && {
      key: holder.key,
      fence: holder.fence,
      identity: holder.identity,
      sinceMs: holder.sinceMs ?? null,
    };
    output.write(
      {
        state: 'busy',
        lock: lock.name,
        revision: holder?.fence ?? null,
        holder: who ?? null,
        waiting: waiters.length,
      },
      () => [],
    );
  }
  const whose = holder === undefined ? 'was held by others' : `is ${heldBy(holder)}`;
  const advice = options.try === true ? 'leave out --try to wait' : 'a longer --timeout waits on';
  output.remark(`lock "${lock.name}" ${whose}; ${advice}`);
  return EXIT_CODE.notAcquired;
}

function waitingText(
  lock: Lock,
  holder: LockEntry | undefined,
  waiters: readonly LockEntry[],
): string {
  if (holder === undefined) return `waiting for lock "${lock.name}"`;
  const ahead = waiters.findIndex((entry) => !isOther(entry));
  const others = ahead > 0 ? `, ${ahead} more ahead` : '';
  return `waiting for lock "${lock.name}", ${heldBy(holder)}${others}`;
}

function isOther(entry: LockEntry): boolean {
  return entry.identity !== identity();
}

function heldBy(holder: LockEntry): string {
  const who = holder.identity === '' ? holder.key : holder.identity;
  return `held by ${who}${sinceText(holder.sinceMs)}`;
}

function holdingOf(held: HeldLock): Holding {
  return {
    signal: held.signal,
    giveBack: () => held.release(),
    environment: {
      TIDELOCK_LOCK_KEY: held.key,
      TIDELOCK_LOCK_FENCE: String(held.fence),
    },
    record: { lock: held.name, key: held.key, fence: held.fence, revision: held.fence },
    lines: [`key ${held.key}`, `fence ${held.fence}`],
  };
}
