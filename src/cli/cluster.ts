import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { ClusterMember } from './cluster-member.js';
import { ClusterScreen, type MemberLine } from './cluster-screen.js';
import { clusterVerdict } from './cluster-verdict.js';
import { EXIT_CODE } from './exit-code.js';
import { Interrupt } from './interrupt.js';

interface ClusterOptions {
  readonly members: number;
  readonly port: number;
  readonly dataDir?: string;
}

const LOOK_MS = 1000;
/** How long a member that was killed stays away. */
const BACK_AFTER_MS = 10_000;
const MEMBERS_MAX = 7;
const PORT_MAX = 65_535;
/** Peer ports begin this far above the client ports. */
const PEER_PORT_STEP = 10;

const EXAMPLES = `
Each member is a process of its own: \`tidelock serve\` with the flags of a cluster, its data and its log
in a folder. Kill one, and the others go on; it is started again after ten seconds. As long as most
members run, everything works; with fewer, writes wait. Members talk to each other on the ports from
--port + 10 on.

Examples:
  $ tidelock cluster
  $ tidelock cluster --members 5
  $ tidelock cluster --data-dir ./cluster     # kept, and gone on with the next time
`;

/** Adds `cluster`: several members on this machine, to try out what a cluster does. */
export function registerCluster(program: Command): void {
  program
    .command('cluster')
    .description('Run a cluster on this machine, to try out: a line for each member.')
    .helpOption('-h, --help', 'print this help')
    .option('--members <count>', 'how many', membersNumber, 3)
    .option('--port <port>', 'clients connect to this port and those after it', portNumber, 23_791)
    .option('--data-dir <path>', 'where data and logs are kept (default: a temporary folder)')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ClusterOptions) => {
      process.exitCode = await runCluster(options);
    });
}

function membersNumber(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MEMBERS_MAX) return count;
  throw new InvalidArgumentError(`Give a number from 1 to ${MEMBERS_MAX}.`);
}

function portNumber(text: string): number {
  const port = Number(text);
  const max = PORT_MAX - PEER_PORT_STEP - MEMBERS_MAX;
  if (Number.isInteger(port) && port >= 1 && port <= max) return port;
  throw new InvalidArgumentError(`Give a port from 1 to ${max}.`);
}

async function runCluster(options: ClusterOptions): Promise<number> {
  const kept = options.dataDir === undefined ? undefined : resolve(options.dataDir);
  const directory = kept ?? (await mkdtemp(join(tmpdir(), 'tidelock-cluster-')));
  mkdirSync(directory, { recursive: true });
  const members = membersOf(options, directory);
  const killAll = (): void => members.forEach((member) => member.kill());
  process.on('exit', killAll);
  using interrupt = new Interrupt();
  process.stdout.write(openingText(members, directory));
  for (const member of members) member.start();
  const failure = await watchMembers(members, interrupt.signal);
  process.stdout.write('stopping\n');
  await Promise.all(members.map((member) => member.stop()));
  process.off('exit', killAll);
  if (failure !== undefined) process.stderr.write(`tidelock: ${failure}\n`);
  if (kept === undefined) await rm(directory, { recursive: true, force: true });
  return failure === undefined ? EXIT_CODE.done : EXIT_CODE.error;
}

function membersOf({ members, port }: ClusterOptions, directory: string): readonly ClusterMember[] {
  const places = Array.from({ length: members }, (_, at) => ({
    name: `n${at + 1}`,
    clientUrl: `http://127.0.0.1:${port + at}`,
    peerUrl: `http://127.0.0.1:${port + PEER_PORT_STEP + at}`,
  }));
  const initialCluster = places.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join();
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  return places.map((place) => new ClusterMember({ ...place, directory, initialCluster, main }));
}

/** Shows the members until the signal; returns why one could not start, if that is the end. */
async function watchMembers(
  members: readonly ClusterMember[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const screen = new ClusterScreen(process.stdout);
  const goneSinceMs = new Map<ClusterMember, number>();
  while (!signal.aborted) {
    const lines: MemberLine[] = [];
    const looks = await Promise.all(members.map((member) => member.look()));
    for (const [at, member] of members.entries()) {
      const look = looks[at];
      if (look === undefined) continue;
      const { name, clientUrl: url } = member.options;
      if (look.kind !== 'gone') {
        goneSinceMs.delete(member);
        lines.push({ name, url, look });
        continue;
      }
      if (!member.everServed) return `${name}: ${inTermsOfCluster(member.lastWords())}`;
      const sinceMs = goneSinceMs.get(member) ?? performance.now();
      goneSinceMs.set(member, sinceMs);
      const leftMs = BACK_AFTER_MS - (performance.now() - sinceMs);
      lines.push({ name, url, look, backInSeconds: Math.max(0, Math.ceil(leftMs / 1000)) });
      if (leftMs <= 0) member.start();
    }
    screen.show(lines, clusterVerdict(looks));
    await pause(LOOK_MS, signal);
  }
  return undefined;
}

/** Why a member could not start, with the flag that helps here. */
function inTermsOfCluster(words: string): string {
  return words.replace(/^tidelock: /, '').replace(/another --listen-\w+-urls/, 'another --port');
}

function pause(pauseMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    const timer = setTimeout(end, pauseMs);
    signal.addEventListener('abort', end, { once: true });
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      done();
    }
  });
}

function openingText(members: readonly ClusterMember[], directory: string): string {
  const urls = members.map(({ options }) => options.clientUrl.replace('http://', '')).join();
  const steps = [
    `etcdctl --endpoints ${urls} put greeting hello`,
    `etcdctl --endpoints ${urls} endpoint status -w table`,
    `npx tidelock watch greeting --endpoints ${urls}`,
    'kill -9 <pid of the leader>      # another one leads; it is back after 10 seconds',
    'kill -STOP <pid>                 # one that does not answer; kill -CONT goes on',
  ];
  return [
    '',
    `A cluster of ${members.length} on this machine; data and logs are in ${directory}.`,
    'Try in another terminal:',
    '',
    ...steps.map((step) => `  ${step}`),
    '',
    'Ctrl-C stops all.',
    '',
    '',
  ].join('\n');
}
