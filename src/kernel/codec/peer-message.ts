/**
 * The bytes of a message between two members. Version, kind, envelope, then the fields of the kind;
 * entries carry no index, because it follows from the message. Reading trusts nothing: whatever is
 * not what `encodePeerMessage` writes raises a CodecError. Integrity of the frame as a whole is the
 * transport's affair.
 */
import type { Message, MessageKind } from '../raft/messages.js';
import type { ConfState, Entry, SnapshotMark } from '../raft/types.js';
import { ByteReader, ByteWriter, CodecError } from './bytes.js';

const VERSION = 1;

/** The position in this list is the byte on the wire; a new kind goes to the end. */
const KINDS = [
  'vote',
  'preVote',
  'voteResponse',
  'preVoteResponse',
  'append',
  'appendAccepted',
  'appendRejected',
  'heartbeat',
  'heartbeatResponse',
  'readIndex',
  'readIndexResponse',
  'snapshot',
  'timeoutNow',
] as const satisfies readonly MessageKind[];

/** An entry takes its kind, a term and a length at least. */
const ENTRY_BYTES_MIN = 3;
const ID_BYTES = 8;

export function encodePeerMessage(message: Message): Uint8Array {
  const writer = new ByteWriter(sizeHint(message));
  writer.u8(VERSION).u8(KINDS.indexOf(message.kind));
  writer.u64(message.from).u64(message.to).varint(message.term);
  switch (message.kind) {
    case 'vote':
    case 'preVote':
      writer.varint(message.lastIndex).varint(message.lastTerm).bool(message.force);
      writer.varint(message.commit).varint(message.commitTerm);
      break;
    case 'voteResponse':
    case 'preVoteResponse':
      writer.bool(message.granted).varint(message.commit).varint(message.commitTerm);
      break;
    case 'append':
      writer.varint(message.prevIndex).varint(message.prevTerm).varint(message.commit);
      writer.varint(message.entries.length);
      for (const entry of message.entries) {
        writer
          .bool(entry.kind === 'config')
          .varint(entry.term)
          .bytes(entry.data);
      }
      break;
    case 'appendAccepted':
      writer.varint(message.matchIndex);
      break;
    case 'appendRejected':
      writer.varint(message.rejectedIndex).varint(message.hintIndex).varint(message.hintTerm);
      break;
    case 'heartbeat':
      writer.varint(message.commit).varint(message.readRound);
      break;
    case 'heartbeatResponse':
      writer.varint(message.readRound);
      break;
    case 'readIndex':
      writer.varint(message.context);
      break;
    case 'readIndexResponse':
      writer.varint(message.context).varint(message.index);
      break;
    case 'snapshot':
      writeMark(writer, message.mark);
      break;
    case 'timeoutNow':
      break;
  }
  return writer.finish();
}

function sizeHint(message: Message): number {
  let bytes = 64;
  if (message.kind === 'append') {
    for (const entry of message.entries) bytes += entry.data.length + 16;
  }
  return bytes;
}

/**
 * The data of entries are views into `bytes`.
 * @throws CodecError unless `bytes` are exactly one message of this version
 */
export function decodePeerMessage(bytes: Uint8Array): Message {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new CodecError(`peer message of version ${version}`);
  const kindByte = reader.u8();
  const kind = KINDS[kindByte];
  if (kind === undefined) throw new CodecError(`peer message of unknown kind ${kindByte}`);
  const message = readBody(reader, kind);
  reader.end();
  return message;
}

function readBody(reader: ByteReader, kind: MessageKind): Message {
  const envelope = { from: reader.u64(), to: reader.u64(), term: reader.varint() };
  switch (kind) {
    case 'vote':
    case 'preVote':
      return {
        kind,
        ...envelope,
        lastIndex: reader.varint(),
        lastTerm: reader.varint(),
        force: reader.bool(),
        commit: reader.varint(),
        commitTerm: reader.varint(),
      };
    case 'voteResponse':
    case 'preVoteResponse':
      return {
        kind,
        ...envelope,
        granted: reader.bool(),
        commit: reader.varint(),
        commitTerm: reader.varint(),
      };
    case 'append': {
      const prevIndex = reader.varint();
      const prevTerm = reader.varint();
      const commit = reader.varint();
      const entries = readEntries(reader, prevIndex);
      return { kind, ...envelope, prevIndex, prevTerm, entries, commit };
    }
    case 'appendAccepted':
      return { kind, ...envelope, matchIndex: reader.varint() };
    case 'appendRejected': {
      const rejectedIndex = reader.varint();
      const hintIndex = reader.varint();
      return { kind, ...envelope, rejectedIndex, hintIndex, hintTerm: reader.varint() };
    }
    case 'heartbeat':
      return { kind, ...envelope, commit: reader.varint(), readRound: reader.varint() };
    case 'heartbeatResponse':
      return { kind, ...envelope, readRound: reader.varint() };
    case 'readIndex':
      return { kind, ...envelope, context: reader.varint() };
    case 'readIndexResponse':
      return { kind, ...envelope, context: reader.varint(), index: reader.varint() };
    case 'snapshot':
      return { kind, ...envelope, mark: readMark(reader) };
    case 'timeoutNow':
      return { kind, ...envelope };
  }
}

function readEntries(reader: ByteReader, prevIndex: number): readonly Entry[] {
  const count = reader.varint();
  if (count > reader.remaining / ENTRY_BYTES_MIN) {
    throw new CodecError(`${count} entries cannot be in ${reader.remaining} bytes`);
  }
  const entries: Entry[] = [];
  for (let position = 1; position <= count; position++) {
    const kind = reader.bool() ? 'config' : 'normal';
    const term = reader.varint();
    entries.push({ kind, term, index: prevIndex + position, data: reader.bytes() });
  }
  return entries;
}

function writeMark(writer: ByteWriter, { index, term, confState }: SnapshotMark): void {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = confState;
  writer.varint(index).varint(term).bool(autoLeave);
  for (const ids of [voters, learners, votersOutgoing, learnersNext]) {
    writer.varint(ids.length);
    for (const id of ids) writer.u64(id);
  }
}

function readMark(reader: ByteReader): SnapshotMark {
  const index = reader.varint();
  const term = reader.varint();
  const autoLeave = reader.bool();
  const confState: ConfState = {
    voters: readIds(reader),
    learners: readIds(reader),
    votersOutgoing: readIds(reader),
    learnersNext: readIds(reader),
    autoLeave,
  };
  return { index, term, confState };
}

function readIds(reader: ByteReader): readonly bigint[] {
  const count = reader.varint();
  if (count > reader.remaining / ID_BYTES) {
    throw new CodecError(`${count} ids cannot be in ${reader.remaining} bytes`);
  }
  return Array.from({ length: count }, () => reader.u64());
}
