import type { ResponseHeader } from '../store/index.js';
import type { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/**
 * The header that opens almost every answer. Its ids and term hardly ever change, so their bytes
 * are kept from one answer to the next and only the revision is written anew. Holds no state beyond
 * that.
 */
interface HeaderFrame {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly raftTerm: number;
  readonly beforeRevision: Uint8Array;
  readonly afterRevision: Uint8Array;
}

export const EMPTY_HEADER: ResponseHeader = {
  clusterId: 0n,
  memberId: 0n,
  revision: 0,
  raftTerm: 0,
};

let lastFrame = makeFrame(EMPTY_HEADER);

function makeFrame(header: ResponseHeader): HeaderFrame {
  const { clusterId, memberId, raftTerm } = header;
  const writer = new WireWriter(64);
  writer.uint64(2, memberId);
  writer.uint64(1, clusterId);
  const beforeRevision = writer.finishOwned();
  writer.int64(4, raftTerm);
  return { clusterId, memberId, raftTerm, beforeRevision, afterRevision: writer.finishOwned() };
}

/** Writes `header` as field `field`. */
export function writeHeader(writer: WireWriter, field: number, header: ResponseHeader): void {
  if (
    header.memberId !== lastFrame.memberId ||
    header.raftTerm !== lastFrame.raftTerm ||
    header.clusterId !== lastFrame.clusterId
  ) {
    lastFrame = makeFrame(header);
  }
  const mark = writer.length;
  writer.raw(lastFrame.afterRevision);
  writer.int64(3, header.revision);
  writer.raw(lastFrame.beforeRevision);
  writer.wrap(field, mark);
}

/** Writes the header of an answer inside a transaction's: a revision and nothing else. */
export function writeRevisionHeader(writer: WireWriter, field: number, revision: number): void {
  const mark = writer.length;
  writer.int64(3, revision);
  writer.wrap(field, mark);
}

export function readHeader(reader: WireReader): ResponseHeader {
  let clusterId = 0n;
  let memberId = 0n;
  let revision = 0;
  let raftTerm = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) clusterId = reader.biguint64(clusterId);
    else if (field === 2) memberId = reader.biguint64(memberId);
    else if (field === 3) revision = reader.int64(revision);
    else if (field === 4) raftTerm = reader.int64(raftTerm);
    else reader.skip();
  }
  return { clusterId, memberId, revision, raftTerm };
}
