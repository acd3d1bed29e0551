import { ConfigError, restoreSnapshot } from '../server/index.js';
import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';
import type { FileOptions } from './file-options.js';
import { startHint } from './start-hint.js';
import type { CommandRun } from './store-command.js';

export interface RestoreOptions extends FileOptions {
  readonly name?: string;
  readonly dataDir?: string;
  readonly initialCluster?: string;
  readonly initialClusterToken?: string;
  readonly initialAdvertisePeerUrls?: string;
  readonly bumpRevision?: number;
  readonly markCompacted?: boolean;
}

/** Makes the data directory of a member of a new cluster, and says how to start it. */
export async function runRestore(
  path: string,
  options: RestoreOptions,
  { output, interrupt }: CommandRun,
): Promise<number> {
  const { name = 'default', dataDir = `${name}.tidelock`, bumpRevision = 0 } = options;
  const bumps = bumpRevision > 0;
  if (bumps !== (options.markCompacted === true)) {
    const message = '--bump-revision (above 0) and --mark-compacted go together; one is missing';
    throw new CliError(EXIT_CODE.usage, message);
  }
  const restored = await restoreSnapshot({
    path,
    dataDir,
    name,
    flags: {
      'initial-cluster': options.initialCluster,
      'initial-cluster-token': options.initialClusterToken,
      'initial-advertise-peer-urls': options.initialAdvertisePeerUrls,
    },
    skipHashCheck: options.skipHashCheck === true,
    signal: interrupt.signal,
    ...(bumps ? { revisionBump: bumpRevision } : {}),
  }).catch((error: unknown) => {
    if (error instanceof ConfigError) throw new CliError(EXIT_CODE.usage, error.message);
    throw error;
  });
  const { revision, memberCount } = restored;
  const [memberId, clusterId] = [restored.memberId.toString(16), restored.clusterId.toString(16)];
  output.write({ revision, dataDir: restored.dataDir, memberId, clusterId, memberCount }, () => [
    `restored revision ${revision} into ${dataDir}: member ${memberId} of cluster ${clusterId}`,
    ...howToStart({ ...options, name, dataDir }, memberCount),
  ]);
  return EXIT_CODE.done;
}

function howToStart(
  options: RestoreOptions & { readonly name: string; readonly dataDir: string },
  memberCount: number,
): readonly string[] {
  const { name, dataDir, initialCluster, initialAdvertisePeerUrls } = options;
  if (initialCluster === undefined && initialAdvertisePeerUrls === undefined) {
    return [`start it: tidelock serve --name ${name} --data-dir ${dataDir}`];
  }
  const entries = (initialCluster ?? '').split(',').map((entry) => entry.trim().split('='));
  const own = entries.flatMap(([member, url]) => (member === name && url ? [url] : []));
  const takenUrls = entries.flatMap(([, url]) => url ?? []);
  const others = memberCount - 1;
  return [
    others === 0
      ? 'start it, at any address for clients that is free:'
      : `restore the other ${others} from the same file too, each where it is to run; start this one:`,
    ...startHint({
      name,
      dataDir,
      peerUrls: initialAdvertisePeerUrls?.split(',').map((url) => url.trim()) ?? own,
      takenUrls,
    }),
  ];
}
