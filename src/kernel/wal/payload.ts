import type { ByteReader, ByteWriter } from '../codec/bytes.js';
import { CodecError } from '../codec/bytes.js';
import type { ConfState, Entry, HardState, SnapshotMark } from '../raft/types.js';

/**
 * What is inside the records of the log, to and from bytes. Readers take only what the writers here
 * give, and raise CodecError for everything else; the frame has checked the bytes before.
 */

/** Format of the whole log; a reader refuses any other. */
const WAL_FORMAT_VERSION = 1;

/** How a segment begins: all that is needed when the segments before it are gone. */
export interface SegmentStart {
  readonly sequence: number;
  readonly sizeBytes: number;
  readonly firstIndex: number;
  /** The caller's bytes, the same in every segment. */
  readonly metadata: Uint8Array;
  readonly hardState: HardState;
  readonly mark: SnapshotMark;
}

export interface AppendPayload {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
}

function writeHardState(writer: ByteWriter, state: HardState): void {
  writer.varint(state.term).u64(state.vote).varint(state.commit);
}

function readHardState(reader: ByteReader): HardState {
  return { term: reader.varint(), vote: reader.u64(), commit: reader.varint() };
}

function writeIds(writer: ByteWriter, ids: readonly bigint[]): void {
  writer.varint(ids.length);
  for (const id of ids) writer.u64(id);
}

function readIds(reader: ByteReader): readonly bigint[] {
  const count = reader.varint();
  if (count * 8 > reader.remaining) throw new CodecError(`${count} ids do not fit`);
  return Array.from({ length: count }, () => reader.u64());
}

function readConfState(reader: ByteReader): ConfState {
  return {
    voters: readIds(reader),
    learners: readIds(reader),
    votersOutgoing: readIds(reader),
    learnersNext: readIds(reader),
    autoLeave: reader.bool(),
  };
}

export function writeMark(writer: ByteWriter, mark: SnapshotMark): void {
  writer.varint(mark.index).varint(mark.term);
  writeIds(writer, mark.confState.voters);
  writeIds(writer, mark.confState.learners);
  writeIds(writer, mark.confState.votersOutgoing);
  writeIds(writer, mark.confState.learnersNext);
  writer.bool(mark.confState.autoLeave);
}

export function readMark(reader: ByteReader): SnapshotMark {
  return { index: reader.varint(), term: reader.varint(), confState: readConfState(reader) };
}

export function writeSegmentStart(writer: ByteWriter, start: SegmentStart): void {
  writer.varint(WAL_FORMAT_VERSION).varint(start.sequence).varint(start.sizeBytes);
  writer.varint(start.firstIndex).bytes(start.metadata);
  writeHardState(writer, start.hardState);
  writeMark(writer, start.mark);
}

export function readSegmentStart(reader: ByteReader): SegmentStart {
  const version = reader.varint();
  if (version !== WAL_FORMAT_VERSION) {
    throw new CodecError(`format ${version}, and this program reads ${WAL_FORMAT_VERSION}`);
  }
  return {
    sequence: reader.varint(),
    sizeBytes: reader.varint(),
    firstIndex: reader.varint(),
    metadata: reader.bytes().slice(),
    hardState: readHardState(reader),
    mark: readMark(reader),
  };
}

export function writeAppend(writer: ByteWriter, payload: AppendPayload): void {
  writer.bool(payload.hardState !== undefined);
  if (payload.hardState !== undefined) writeHardState(writer, payload.hardState);
  writer.varint(payload.entries.length);
  for (const entry of payload.entries) {
    writer
      .varint(entry.index)
      .varint(entry.term)
      .bool(entry.kind === 'config')
      .bytes(entry.data);
  }
}

/** Entries own their bytes, so that a segment that was read can be forgotten. */
export function readAppend(reader: ByteReader): AppendPayload {
  const hardState = reader.bool() ? readHardState(reader) : undefined;
  const count = reader.varint();
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const index = reader.varint();
    const term = reader.varint();
    const kind = reader.bool() ? 'config' : 'normal';
    entries.push({ index, term, kind, data: reader.bytes().slice() });
  }
  return { hardState, entries };
}

/** Most bytes that an entry takes in an append besides its data. */
export const ENTRY_OVERHEAD_BYTES = 24;
