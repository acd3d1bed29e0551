import { BehaviorSubject, type Observable } from 'rxjs';
import type { Clock } from '../../ports/clock.js';
import type { Command, CommandRunner } from '../../ports/command-runner.js';
import type { StagedFile, StagedFiles } from '../../ports/staged-files.js';
import { equalBytes, toBytes } from '../../store/index.js';
import type { ApplyContext, ApplyOptions, ApplyStatus, ConfigConsumer } from './config-consumer.js';
import type { LiveConfig } from './live-config.js';

/** Where files and programs come from; `nodeSink` of the package's first door is this machine. */
export interface SinkHost {
  readonly files: StagedFiles;
  readonly commands: CommandRunner;
}

/** What becomes of a configuration in a file. */
export interface FileSinkOptions<T> extends Pick<ApplyOptions, 'retryMs' | 'retryMaxMs'> {
  readonly host: SinkHost;
  /** The file; its directory must exist. */
  readonly path: string;
  /** The content of the file for a value; what it throws is a failure like any other. */
  readonly render: (
    value: T,
    context: ApplyContext,
  ) => string | Uint8Array | Promise<string | Uint8Array>;
  /** Permissions of the file; default 0600: for its owner alone. */
  readonly mode?: number;
  /**
   * A command that must succeed before the new content takes the place of the old; it finds the new
   * content in the file named by the variable `TIDELOCK_FILE`, and by `{file}` in its words.
   */
  readonly check?: Command;
  /** A command that makes others read the file again; it finds the file's own name there. */
  readonly reload?: Command;
  /** How long each command may take, in milliseconds; default 30000. */
  readonly commandTimeoutMs?: number;
}

/** What can fail on the way into a file. */
export type SinkStep = 'render' | 'check' | 'replace' | 'reload';

/**
 * How a file stands.
 *
 * - `waiting`: there is no value yet, and the file is as it was.
 * - `working`: the value of `revision` is on its way into the file.
 * - `written`: the file has it, and what reads the file was told.
 * - `failed`: the step failed, and is tried again in `nextMs` milliseconds. The file is as it was,
 *   unless the step is `reload`.
 */
export type SinkStatus =
  | { readonly kind: 'waiting' | 'closed' }
  | { readonly kind: 'working' | 'written'; readonly revision: number }
  | {
      readonly kind: 'failed';
      readonly revision: number;
      readonly step: SinkStep;
      readonly message: string;
      readonly failures: number;
      readonly nextMs: number;
    };

const MODE = 0o600;
const COMMAND_TIMEOUT_MS = 30_000;

/**
 * Keeps a file that has the configuration in the form that another program wants. Each value is
 * rendered, checked where it lies beside the file, put in place in one step, and announced; what
 * fails leaves the old file and is tried again. It writes nothing that the store has not given: no
 * default before the store was asked, and nothing from a cache.
 *
 * Content that is in the file already is not written again. The first value of a process is
 * announced in any case, because an earlier process may have ended between file and announcement.
 *
 * @example
 * await using sink = sinkToFile(coord.config('upstreams/', Upstreams), {
 *   host: nodeSink,
 *   path: '/etc/nginx/upstreams.conf',
 *   render: ({ hosts }) => hosts.map((host) => `server ${host};\n`).join(''),
 *   check: ['nginx', '-t', '-c', '{file}'],
 *   reload: ['nginx', '-s', 'reload'],
 * });
 */
export function sinkToFile<T>(config: LiveConfig<T>, options: FileSinkOptions<T>): FileSink<T> {
  return new FileSink(config, options);
}

/**
 * A file that follows a configuration; see {@link sinkToFile}.
 *
 * @example
 * const sink = sinkToFile(config, {
 *   host: nodeSink,
 *   path: '/run/app.json',
 *   render: (settings) => JSON.stringify(settings),
 * });
 * sink.status$.subscribe((status) => log.info(sink.path, status));
 */
export class FileSink<T> implements AsyncDisposable {
  readonly path: string;
  readonly #options: FileSinkOptions<T>;
  readonly #clock: Clock;
  readonly #consumer: ConfigConsumer<T>;
  readonly #status = new BehaviorSubject<SinkStatus>({ kind: 'waiting' });
  /** Whether what is in the file was announced by this process. */
  #isAnnounced = false;

  constructor(config: LiveConfig<T>, options: FileSinkOptions<T>) {
    this.path = options.path;
    this.#options = options;
    this.#clock = config.clock;
    const { retryMs, retryMaxMs } = options;
    this.#consumer = config.apply((value, context) => this.#write(value, context), {
      confirmed: true,
      ...(retryMs === undefined ? {} : { retryMs }),
      ...(retryMaxMs === undefined ? {} : { retryMaxMs }),
    });
    this.#consumer.status$.subscribe({
      next: (status) => this.#status.next(toSinkStatus(status)),
      complete: () => this.#status.complete(),
    });
  }

  get status(): SinkStatus {
    return this.#status.value;
  }

  /** Replays the last status; completes when the sink is closed. */
  get status$(): Observable<SinkStatus> {
    return this.#status.asObservable();
  }

  /** The revision that the file has; 0 before there is one. */
  get revision(): number {
    return this.#consumer.revision;
  }

  /** Follows no more; resolves when what is under way has ended. The file stays. */
  close(): Promise<void> {
    return this.#consumer.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #write(value: T, context: ApplyContext): Promise<void> {
    const { host, path, render, check, reload, mode = MODE } = this.#options;
    const content = await inStep('render', async () => render(value, context));
    const bytes = toBytes(content);
    const present = await inStep('replace', () => host.files.read(path));
    if (present === undefined || !equalBytes(present, bytes)) {
      const staged = await inStep('replace', () => host.files.stage(path, bytes, mode));
      await this.#replace(staged, check, context.signal);
      this.#isAnnounced = false;
    }
    if (this.#isAnnounced) return;
    await inStep('reload', () => this.#run(reload, path, context.signal));
    this.#isAnnounced = true;
  }

  async #replace(
    staged: StagedFile,
    check: Command | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await inStep('check', () => this.#run(check, staged.path, signal));
      await inStep('replace', () => staged.commit());
    } catch (error) {
      // The failure that matters is the one at hand; what is left beside the file harms nobody.
      await staged.discard().catch(() => undefined);
      throw error;
    }
  }

  /** @throws Error with the command's output when it fails, or takes too long */
  async #run(command: Command | undefined, file: string, closed: AbortSignal): Promise<void> {
    if (command === undefined) return;
    const { host, commandTimeoutMs = COMMAND_TIMEOUT_MS } = this.#options;
    const patience = new AbortController();
    const timer = this.#clock.timer(commandTimeoutMs, () => patience.abort());
    const signal = AbortSignal.any([patience.signal, closed]);
    const environment = { TIDELOCK_FILE: file };
    try {
      const words =
        'shell' in command ? command : mapWords(command, (word) => word.replaceAll('{file}', file));
      const { exitCode, output } = await host.commands.run(words, { signal, environment });
      if (exitCode === 0) return;
      const how = patience.signal.aborted
        ? `took longer than ${commandTimeoutMs} ms`
        : `ended with ${exitCode === undefined ? 'a signal' : `code ${exitCode}`}`;
      throw new Error(`${nameOf(command)} ${how}${output === '' ? '' : `: ${output.trim()}`}`);
    } finally {
      timer.cancel();
    }
  }
}

/** A failure, and the step that it belongs to. */
class SinkError extends Error {
  readonly step: SinkStep;

  constructor(step: SinkStep, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'SinkError';
    this.step = step;
  }
}

async function inStep<R>(step: SinkStep, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    throw new SinkError(step, error);
  }
}

function toSinkStatus(status: ApplyStatus): SinkStatus {
  switch (status.kind) {
    case 'waiting':
    case 'closed':
      return { kind: status.kind };
    case 'applying':
      return { kind: 'working', revision: status.revision };
    case 'applied':
      return { kind: 'written', revision: status.revision };
    case 'retrying': {
      const { revision, failures, nextMs, error } = status;
      const step = error instanceof SinkError ? error.step : 'render';
      const message = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', revision, step, message, failures, nextMs };
    }
  }
}

function mapWords(
  [program, ...words]: readonly [string, ...string[]],
  change: (word: string) => string,
): readonly [string, ...string[]] {
  return [change(program), ...words.map(change)];
}

function nameOf(command: Command): string {
  return 'shell' in command ? 'the shell command' : command[0];
}
