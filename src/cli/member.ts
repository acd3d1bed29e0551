import { type Command, InvalidArgumentError } from 'commander';
import type { ClusterAdmin, ClusterMember, ClusterMembers } from '../client/index.js';
import { EXIT_CODE } from './exit-code.js';
import type { JsonRecord } from './json-record.js';
import { memberAdvice } from './member-advice.js';
import { startHint } from './start-hint.js';
import { type CommandRun, type CommonOptions, runCommand, storeCommand } from './store-command.js';

interface PeerUrlOptions extends CommonOptions {
  readonly peerUrls: readonly string[];
}

interface AddOptions extends PeerUrlOptions {
  readonly learner?: boolean;
}

const EXAMPLES = `
Examples:
  $ tidelock member list
  $ tidelock member add n4 --peer-urls http://10.0.0.4:2380 --learner
  $ tidelock member promote 8e9e05c52164694d    # when it has caught up
  $ tidelock member remove 8e9e05c52164694d

One change at a time: add a member, start it, and see it in \`tidelock status --cluster\` before the
next. Remove a dead member before its replacement is added.
`;

/** Adds `member` and what is under it: who is in the cluster, and changes of that. */
export function registerMember(program: Command): void {
  const member = program
    .command('member')
    .description('Show and change who is in the cluster.')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLES);
  registerList(member);
  registerAdd(member);
  registerRemove(member);
  registerUpdate(member);
  registerPromote(member);
}

/** Runs a command with the cluster, as `runCommand` does. */
export function runWithAdmin(
  options: CommonOptions,
  work: (admin: ClusterAdmin, run: CommandRun) => Promise<number>,
): Promise<void> {
  return runCommand(options, async (run) => {
    const client = await import('../client/index.js');
    await using admin = new client.ClusterAdmin(run.endpoints, {
      timeoutMs: run.connectTimeoutMs,
      signal: run.interrupt.signal,
    });
    return await work(admin, run);
  });
}

/** An id of a member as it is shown. */
export function memberId(text: string): bigint {
  if (/^[0-9a-f]{1,16}$/i.test(text)) return BigInt(`0x${text}`);
  throw new InvalidArgumentError('Give an id in hexadecimal; `tidelock member list` shows them.');
}

function peerUrls(text: string): readonly string[] {
  const urls = text.split(',').map((url) => url.trim());
  if (!urls.includes('')) return urls;
  throw new InvalidArgumentError('Give addresses, separated by commas.');
}

function registerList(member: Command): void {
  const examples = `  $ tidelock member list
  $ tidelock member list -w json | jq -r '.members[] | select(.isLearner) | .id'
`;
  storeCommand(member, 'list', 'Show the members.', examples).action((options: CommonOptions) =>
    runWithAdmin(options, async (admin, { output }) => {
      const answer = await admin.members();
      output.write(recordOf(answer), () => answer.members.map(lineOf));
      return EXIT_CODE.done;
    }),
  );
}

function registerAdd(member: Command): void {
  const examples = `  $ tidelock member add n4 --peer-urls http://10.0.0.4:2380
  $ tidelock member add n4 --peer-urls http://10.0.0.4:2380 --learner   # no vote until promoted
`;
  storeCommand(member, 'add', 'Add a member, which is started after that.', examples)
    .argument('<name>', 'how it will call itself')
    .requiredOption('--peer-urls <urls>', 'where other members will reach it', peerUrls)
    .option('--learner', 'let it catch up without a vote, until `member promote`')
    .action((name: string, options: AddOptions) =>
      runWithAdmin(options, async (admin, { output }) => {
        const isLearner = options.learner === true;
        const answer = await admin.addMember(options.peerUrls, { isLearner }).catch(refused);
        const { added, clusterId } = answer;
        const initialCluster = initialClusterOf(answer, name);
        const id = added.id.toString(16);
        output.write({ ...recordOf(answer), id, name, initialCluster }, () => [
          `added member ${id}${isLearner ? ' as learner' : ''} to cluster ${clusterId.toString(16)}`,
          'start it where it is to run, at any address for clients that is free there:',
          ...startHint({
            name,
            flags: [
              '--initial-cluster-state existing',
              `--initial-cluster ${initialCluster}`,
              `--initial-advertise-peer-urls ${added.peerUrls.join()}`,
            ],
            peerUrls: added.peerUrls,
            takenUrls: answer.members.flatMap(({ peerUrls, clientUrls }) => [
              ...peerUrls,
              ...clientUrls,
            ]),
          }),
        ]);
        return EXIT_CODE.done;
      }),
    );
}

/** What the new member is to be told; members that never started have no name yet. */
function initialClusterOf(
  answer: ClusterMembers & { readonly added: ClusterMember },
  name: string,
): string {
  return answer.members
    .flatMap((member) => {
      const called = member.id === answer.added.id ? name : member.name || member.id.toString(16);
      return member.peerUrls.map((url) => `${called}=${url}`);
    })
    .join();
}

function registerRemove(member: Command): void {
  const examples = '  $ tidelock member remove 8e9e05c52164694d\n';
  storeCommand(member, 'remove', 'Remove a member for ever; it stops.', examples)
    .argument('<id>', 'in hexadecimal', memberId)
    .action((id: bigint, options: CommonOptions) =>
      change(options, id, 'removed', (admin) => admin.removeMember(id)),
    );
}

function registerUpdate(member: Command): void {
  const examples = '  $ tidelock member update 8e9e05c52164694d --peer-urls http://10.0.0.9:2380\n';
  storeCommand(member, 'update', 'Say where a member is found from now on.', examples)
    .argument('<id>', 'in hexadecimal', memberId)
    .requiredOption('--peer-urls <urls>', 'where other members will reach it', peerUrls)
    .action((id: bigint, options: PeerUrlOptions) =>
      change(options, id, 'updated', (admin) => admin.updateMember(id, options.peerUrls)),
    );
}

function registerPromote(member: Command): void {
  const examples = '  $ tidelock member promote 8e9e05c52164694d\n';
  storeCommand(member, 'promote', 'Give a learner that has caught up its vote.', examples)
    .argument('<id>', 'in hexadecimal', memberId)
    .action((id: bigint, options: CommonOptions) =>
      change(options, id, 'promoted', (admin) => admin.promoteMember(id)),
    );
}

function change(
  options: CommonOptions,
  id: bigint,
  done: string,
  make: (admin: ClusterAdmin) => Promise<ClusterMembers>,
): Promise<void> {
  return runWithAdmin(options, async (admin, { output }) => {
    const answer = await make(admin).catch(refused);
    const text = id.toString(16);
    output.write({ ...recordOf(answer), id: text }, () => [
      `${done} member ${text} in cluster ${answer.clusterId.toString(16)}`,
    ]);
    return EXIT_CODE.done;
  });
}

function refused(error: unknown): never {
  throw memberAdvice(error);
}

function recordOf({ clusterId, members }: ClusterMembers): JsonRecord {
  return {
    revision: null,
    clusterId: clusterId.toString(16),
    members: members.map(({ id, ...rest }) => ({ id: id.toString(16), ...rest })),
  };
}

/** As etcdctl writes it: id, whether it has started, name, addresses, whether it learns. */
function lineOf(member: ClusterMember): string {
  const { id, name, isLearner } = member;
  const started = name === '' ? 'unstarted' : 'started';
  const urls = [member.peerUrls.join(), member.clientUrls.join()];
  return [id.toString(16), started, name, ...urls, String(isLearner)].join(', ');
}
