import { inspectSnapshot } from '../server/index.js';
import { byteSize } from './byte-size.js';
import { EXIT_CODE } from './exit-code.js';
import type { FileOptions } from './file-options.js';
import type { CommandRun } from './store-command.js';

/** Shows what a snapshot file holds, once all of it has proved to be sound. */
export async function showSnapshot(
  path: string,
  { skipHashCheck = false }: FileOptions,
  { output, interrupt }: CommandRun,
): Promise<number> {
  const { signal } = interrupt;
  const summary = await inspectSnapshot(path, { skipHashCheck, signal });
  const { revision, compactRevision, keyRevisionCount, leaseCount, byteCount } = summary;
  const [clusterId, memberId] = [summary.clusterId.toString(16), summary.memberId.toString(16)];
  const { raftIndex, raftTerm, sha256, hasHash } = summary;
  const counts = { keyRevisions: keyRevisionCount, leases: leaseCount, sizeBytes: byteCount };
  const origin = { clusterId, memberId, raftIndex, raftTerm };
  output.write({ revision, compactRevision, ...counts, ...origin, sha256, hasHash }, () => [
    `revision ${revision}, ${keyRevisionCount} revisions of keys, ${leaseCount} leases, ` +
      `${byteSize(byteCount)}, from member ${memberId} of cluster ${clusterId}`,
    `sha256 ${sha256}${hasHash ? '' : ' (the file does not have it)'}`,
  ]);
  return EXIT_CODE.done;
}
