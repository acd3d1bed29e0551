/**
 * Who a member is, for ever: the first bytes of its log, repeated in each segment. Beside the ids
 * stand the nonce of the data directory, which tells a member from another one that was made under
 * its id, and the members that a new cluster began with, from which the table of members is filled
 * for as long as the backend holds nothing.
 */
import { ByteReader, ByteWriter, CodecError } from '../codec/bytes.js';
import type { MemberRecord } from '../codec/command.js';
import { readMember, writeMember } from '../codec/command-codec.js';

export interface Identity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly directoryNonce: bigint;
}

/** What the log's metadata says. */
export interface Origin {
  readonly identity: Identity;
  /** Of a new cluster: its first members. Of a member that joins: where the others were then. */
  readonly members: readonly MemberRecord[];
  readonly joins: boolean;
}

const FORMAT = 2;

export function encodeOrigin(origin: Origin): Uint8Array {
  const { identity, members, joins } = origin;
  const writer = new ByteWriter(64)
    .u8(FORMAT)
    .u64(identity.clusterId)
    .u64(identity.memberId)
    .u64(identity.directoryNonce)
    .bool(joins)
    .varint(members.length);
  for (const member of members) writeMember(writer, member);
  return writer.finish();
}

/** @throws CodecError on anything but what {@link encodeOrigin} wrote */
export function decodeOrigin(metadata: Uint8Array): Origin {
  const reader = new ByteReader(metadata);
  const format = reader.u8();
  if (format !== FORMAT) {
    throw new CodecError(
      `the log's metadata has format ${format}, and this release reads ${FORMAT}: the directory ` +
        'was made by another release; copy the data over through a client',
    );
  }
  const identity = {
    clusterId: reader.u64(),
    memberId: reader.u64(),
    directoryNonce: reader.u64(),
  };
  const joins = reader.bool();
  const count = reader.varint();
  if (count > reader.remaining) throw new CodecError(`${count} members do not fit`);
  const members = Array.from({ length: count }, () => readMember(reader));
  reader.end();
  return { identity, members, joins };
}
