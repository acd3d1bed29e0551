import { type Command, Option } from 'commander';
import {
  ConfigError,
  createLog,
  type Environment,
  FLAGS,
  FLAGS_REFUSED,
  FLAGS_WITHOUT_EFFECT,
  type Log,
  parseServerConfig,
  type RunningServer,
  type ServerConfig,
  StartFailure,
  startServer,
  versionLines,
} from '../server/index.js';
import { endWithReader } from './end-with-reader.js';
import { type ScreenMember, serveScreen, waitingScreen, waitsFor } from './serve-screen.js';

/** A start that failed, and a member that stopped itself (EX_SOFTWARE). */
const START_FAILURE_EXIT_CODE = 1;
const MEMBER_FAILED_EXIT_CODE = 70;
/** Longer than a member takes that waits for nobody. */
const SHOW_WAITING_AFTER_MS = 1500;

const EXAMPLES = `
Every flag can be given as an environment variable: --listen-client-urls is
TIDELOCK_LISTEN_CLIENT_URLS, or ETCD_LISTEN_CLIENT_URLS as etcd has it. The flag wins, then
TIDELOCK_, then ETCD_.

Examples:
  $ tidelock serve
  $ tidelock serve --data-dir /var/lib/tidelock --auto-compaction-retention 1h
  $ tidelock serve --listen-client-urls http://127.0.0.1:0 --log-format text
  $ ETCD_NAME=node-1 tidelock serve

A member of three on other machines, each with its own name and addresses:
  $ tidelock serve --insecure-listen --name a --initial-cluster-token blue \\
      --initial-cluster a=http://10.0.0.1:2380,b=http://10.0.0.2:2380,c=http://10.0.0.3:2380 \\
      --initial-advertise-peer-urls http://10.0.0.1:2380 --listen-peer-urls http://10.0.0.1:2380 \\
      --advertise-client-urls http://10.0.0.1:2379 --listen-client-urls http://10.0.0.1:2379
\`tidelock cluster\` starts three on this machine, to try out.
`;

/** Adds `serve`: one member, from its settings to its end. */
export function registerServe(program: Command): void {
  const command = program
    .command('serve')
    .description('Run a member: serve the etcd v3 API and keep the data on disk.')
    .helpOption('-h, --help', 'print this help')
    .option('--version', 'print the versions and exit')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Readonly<Record<string, unknown>>) => {
      if (options['version'] === true) {
        console.log(versionLines().join('\n'));
        return;
      }
      await serve(flagsOf(command));
    });
  for (const flag of FLAGS) {
    const value = flag.placeholder === undefined ? '[bool]' : `<${flag.placeholder}>`;
    const option = new Option(`--${flag.name} ${value}`, describe(flag.help, flag.default));
    command.addOption(option.helpGroup(`${flag.group}:`));
  }
  for (const name of [...FLAGS_WITHOUT_EFFECT, ...Object.keys(FLAGS_REFUSED)]) {
    command.addOption(new Option(`--${name} [value]`).hideHelp());
  }
}

function describe(help: string, byDefault: string | undefined): string {
  return byDefault === undefined ? help : `${help} (default: ${byDefault})`;
}

/** What was given on the command line, by the flags' own names. */
function flagsOf(command: Command): Record<string, string | boolean> {
  const given: Record<string, string | boolean> = {};
  for (const option of command.options) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (typeof value === 'string' || typeof value === 'boolean') {
      given[(option.long ?? '').slice(2)] = value;
    }
  }
  delete given['version'];
  return given;
}

async function serve(flags: Readonly<Record<string, string | boolean>>): Promise<void> {
  const config = readConfig(flags, process.env);
  if (config === undefined) return;
  // Whoever looked at the screen may go; a member goes on.
  process.stdout.off('error', endWithReader).on('error', () => undefined);
  const screen = process.stdout.isTTY;
  const log = createLog(quietUnderScreen(config, screen).log);
  for (const notice of config.notices) log.event('warn', notice);
  let server: RunningServer;
  try {
    server = await startServer(config, { trace: log });
  } catch (error) {
    failToStart(error, log);
    return;
  }
  void server.failed.then((error) => {
    log.event('error', 'the member has stopped itself', { error: error.message });
    log.flush();
    process.stderr.write(`tidelock: the member has stopped itself: ${error.message}\n`);
    process.exit(MEMBER_FAILED_EXIT_CODE);
  });
  // Before anybody can read that it is ready: whoever waits for that may send a signal at once.
  stopOnSignal(server, log);
  await showReady(server, config, log, screen);
}

/** Says that it is ready when it is, and what it waits for where that takes a while. */
async function showReady(
  server: RunningServer,
  config: ServerConfig,
  log: Log,
  screen: boolean,
): Promise<void> {
  const timer = setTimeout(() => {
    const tell = (members: readonly ScreenMember[]): void => {
      log.event('warn', 'not ready to serve yet', { waitsFor: waitsFor(members) });
      process.stdout.write(waitingScreen(members));
    };
    // One that has stopped meanwhile waits for nothing.
    server.kernel.members(false).then(tell, () => undefined);
  }, SHOW_WAITING_AFTER_MS);
  const isReady = await server.ready;
  clearTimeout(timer);
  if (!isReady) return;
  const { clusterId, memberId } = server.kernel.header();
  log.event('info', 'ready to serve client requests', {
    name: config.name,
    memberId,
    clusterId,
    clientUrls: server.clientUrls.join(','),
    peerUrls: server.peerUrls.join(','),
  });
  const members = await server.kernel.members(false);
  process.stdout.write(serveScreen(config, server, members, screen));
}

function readConfig(
  flags: Readonly<Record<string, string | boolean>>,
  env: Environment,
): ServerConfig | undefined {
  try {
    return parseServerConfig(flags, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`tidelock: ${error.message}\n`);
    process.exitCode = START_FAILURE_EXIT_CODE;
    return undefined;
  }
}

/** A person who looks at the screen is not to be shown the same again as log lines. */
function quietUnderScreen(config: ServerConfig, screen: boolean): ServerConfig {
  if (!screen || config.log.chosen) return config;
  return { ...config, log: { ...config.log, level: 'warn' } };
}

function failToStart(error: unknown, log: Log): void {
  log.flush();
  if (!(error instanceof StartFailure)) throw error;
  process.stderr.write(`tidelock: ${error.message}\n`);
  process.exitCode = START_FAILURE_EXIT_CODE;
}

/** The first signal asks for a clean end, the second gets any end. */
function stopOnSignal(server: RunningServer, log: Log): void {
  let asked = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
    asked = true;
    log.event('info', 'stopping', { signal });
    void server.stop().then(
      () => {
        log.event('info', 'stopped');
        log.flush();
        process.exit(0);
      },
      (error: unknown) => {
        process.stderr.write(`tidelock: could not stop cleanly: ${String(error)}\n`);
        process.exit(MEMBER_FAILED_EXIT_CODE);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
