import type { BackendView, Bucket } from '../../ports/backend.js';
import { readCompactRow, readStateRow } from '../mvcc/meta-rows.js';
import type { ImageHeader } from '../snapshot/image-format.js';
import { readAppliedRow } from './applied-row.js';
import type { Identity } from './identity.js';

/**
 * What a state says of itself: read from its own rows, so that it is true of exactly these rows,
 * whatever was applied meanwhile.
 * @throws CodecError, RowCorruptError for a damaged row; an Error when there is no state yet
 */
export function stateHeader(
  view: BackendView,
  { clusterId, memberId }: Pick<Identity, 'clusterId' | 'memberId'>,
): ImageHeader {
  const rows = {
    get: (bucket: Bucket, key: Uint8Array): Uint8Array | undefined => {
      for (const row of view.range(bucket, key, Uint8Array.of(...key, 0), 1)) return row.value;
      return undefined;
    },
  };
  const applied = readAppliedRow(rows);
  const state = readStateRow(rows);
  if (applied === undefined || state === undefined) {
    throw new Error('the backend holds no state yet');
  }
  return {
    clusterId,
    memberId,
    mark: applied,
    revision: state.revision,
    rollingHash: state.rollingHash,
    compactRevision: Math.max(readCompactRow(rows, 'scheduled'), readCompactRow(rows, 'finished')),
  };
}
