import { ByteReader, ByteWriter } from '../codec/bytes.js';
import { crc32c } from '../codec/crc32c.js';
import { RowCorruptError } from '../codec/row.js';
import type { WriteBuffer } from './write-buffer.js';

/**
 * The rows of the bucket `meta` that belong to the multiversion store, each with a checksum over
 * its name and its content. They commit together with the rows that they speak of.
 */

const encoder = new TextEncoder();
const CHECKSUM_BYTES = 4;

const NAMES = {
  state: encoder.encode('mvccState'),
  scheduled: encoder.encode('scheduledCompactRev'),
  finished: encoder.encode('finishedCompactRev'),
} as const;

type MetaName = keyof typeof NAMES;

/** Where rows of `meta` are read: a buffer, or a view of the backend. */
export type MetaSource = Pick<WriteBuffer, 'get'>;

/** The store as a whole, as of the flush that wrote it. */
export interface StateRow {
  readonly revision: number;
  readonly rollingHash: number;
  /** Rows in the bucket `key`. */
  readonly rowCount: number;
}

function write(buffer: WriteBuffer, name: MetaName, writer: ByteWriter): void {
  const body = writer.finish();
  const sum = crc32c(body, crc32c(NAMES[name]));
  buffer.put('meta', NAMES[name], writer.raw(body).u32(sum).finish());
}

function read(buffer: MetaSource, name: MetaName): ByteReader | undefined {
  const row = buffer.get('meta', NAMES[name]);
  if (row === undefined) return undefined;
  const end = row.length - CHECKSUM_BYTES;
  if (end < 0 || new ByteReader(row, end).u32() !== crc32c(row, crc32c(NAMES[name]), 0, end)) {
    throw new RowCorruptError(`wrong checksum of the meta row "${name}"`);
  }
  return new ByteReader(row);
}

export function writeStateRow(buffer: WriteBuffer, state: StateRow): void {
  const writer = new ByteWriter(32);
  write(
    buffer,
    'state',
    writer.varint(state.revision).u32(state.rollingHash).varint(state.rowCount),
  );
}

/** @throws RowCorruptError */
export function readStateRow(buffer: MetaSource): StateRow | undefined {
  const reader = read(buffer, 'state');
  if (reader === undefined) return undefined;
  return {
    revision: reader.varint(),
    rollingHash: reader.u32(),
    rowCount: reader.varint(),
  };
}

/**
 * Notes that compaction at `revision` was decided (`scheduled`), or that its rows are gone
 * (`finished`).
 */
export function writeCompactRow(
  buffer: WriteBuffer,
  name: 'scheduled' | 'finished',
  revision: number,
): void {
  write(buffer, name, new ByteWriter(16).varint(revision));
}

/**
 * @returns the revision, or -1 when there never was one
 * @throws RowCorruptError
 */
export function readCompactRow(buffer: MetaSource, name: 'scheduled' | 'finished'): number {
  return read(buffer, name)?.varint() ?? -1;
}
