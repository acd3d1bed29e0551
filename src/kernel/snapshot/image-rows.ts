import { type BackendView, type Bucket, BUCKETS } from '../../ports/backend.js';
import { compareBytes } from '../../store/index.js';
import { decodeRowKey, RowReader } from '../codec/row.js';
import { unsealRow } from '../codec/sealed-row.js';
import { CHECKPOINT_FROM, CHECKPOINT_TO } from '../mvcc/checkpoint-rows.js';

/** A row of a state, whichever table it is of. */
export interface ImageRow {
  readonly bucket: Bucket;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const FIRST_KEY = new Uint8Array(0);

/**
 * The rows of a view that make up a state, in the order of an image, each checked against its own
 * checksum: damage of one member's backend must not travel to another. Copies of what the rows say
 * anyway stay behind.
 * @throws RowCorruptError, CodecError for a damaged row
 */
export function* stateRows(view: BackendView): Iterable<ImageRow> {
  const reader = new RowReader();
  for (const bucket of BUCKETS) {
    for (const { key, value } of view.range(bucket, FIRST_KEY, undefined, 0)) {
      if (bucket === 'meta' && isCheckpoint(key)) continue;
      checkRow(reader, bucket, key, value);
      yield { bucket, key, value };
    }
  }
}

/** The rows of `meta` have forms of their own; whoever reads a state looks at each of them. */
function checkRow(reader: RowReader, bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
  if (bucket === 'key') {
    const { main, sub, tombstone } = decodeRowKey(key);
    reader.open(main, sub, tombstone, value);
  } else if (bucket !== 'meta') unsealRow(`a row of ${bucket}`, key, value);
}

function isCheckpoint(key: Uint8Array): boolean {
  return compareBytes(key, CHECKPOINT_FROM) >= 0 && compareBytes(key, CHECKPOINT_TO) < 0;
}
