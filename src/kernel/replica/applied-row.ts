import { ByteReader, ByteWriter, CodecError } from '../codec/bytes.js';
import { crc32c } from '../codec/crc32c.js';
import { REPLACE_MEMBER } from '../codec/replace-member.js';
import type { ConfState } from '../raft/types.js';
import type { WriteBuffer } from '../mvcc/write-buffer.js';

/**
 * How far the rows of the backend are: the last log entry whose effects they hold, and who the
 * voters were then. It commits in the same backend transaction as the rows that it speaks of;
 * anything else would apply an entry twice, or not at all, after a crash.
 */
export interface AppliedState {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

const ROW_KEY = new TextEncoder().encode('applied');

function writeIds(writer: ByteWriter, ids: readonly bigint[]): void {
  writer.varint(ids.length);
  for (const id of ids) writer.u64(id);
}

function readIds(reader: ByteReader): readonly bigint[] {
  const count = reader.varint();
  if (count > reader.remaining) throw new CodecError(`${count} ids do not fit`);
  return Array.from({ length: count }, () => reader.u64());
}

/** Puts the row into the buffer, to go with whatever else is in it. */
export function writeAppliedRow(buffer: WriteBuffer, state: AppliedState): void {
  const writer = new ByteWriter(64).varint(state.index).varint(state.term);
  writeIds(writer, state.confState.voters);
  writeIds(writer, state.confState.learners);
  writeIds(writer, state.confState.votersOutgoing);
  writeIds(writer, state.confState.learnersNext);
  const body = writer.bool(state.confState.autoLeave).finish();
  buffer.put('meta', ROW_KEY, new ByteWriter(body.length + 4).raw(body).u32(crc32c(body)).finish());
}

/**
 * The row of the backend, or undefined in a new one.
 * @throws CodecError when the row is damaged
 */
export function readAppliedRow(buffer: Pick<WriteBuffer, 'get'>): AppliedState | undefined {
  const row = buffer.get('meta', ROW_KEY);
  if (row === undefined) return undefined;
  const body = row.subarray(0, row.length - 4);
  if (new ByteReader(row, body.length).u32() !== crc32c(body)) {
    const what = 'the row of the applied index is damaged';
    throw new CodecError(`backend is corrupt: ${what}. ${REPLACE_MEMBER}`);
  }
  const reader = new ByteReader(body);
  const index = reader.varint();
  const term = reader.varint();
  const confState = {
    voters: readIds(reader),
    learners: readIds(reader),
    votersOutgoing: readIds(reader),
    learnersNext: readIds(reader),
    autoLeave: reader.bool(),
  };
  return { index, term, confState };
}
