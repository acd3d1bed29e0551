/**
 * The data of a `config` entry: how the voters change, and what that means for the table of
 * members. Both go in one entry, so that no crash can leave one without the other. An entry without
 * data leaves a joint configuration and changes no member.
 */
import type { ConfChange, ConfChangeStep } from '../raft/types.js';
import { ByteReader, ByteWriter, CodecError } from './bytes.js';
import type { MemberRecord } from './command.js';
import { readMember, writeMember } from './command-codec.js';

const FORMAT = 1;

/** What happens to the table of members. */
export type MemberChange =
  | { readonly kind: 'add'; readonly member: MemberRecord }
  | { readonly kind: 'remove'; readonly id: bigint }
  | { readonly kind: 'promote'; readonly id: bigint }
  /** Everyone else is dropped: an operator gave up the others. */
  | { readonly kind: 'keepOnly'; readonly id: bigint };

/** Who asked for a change, so that it learns from its own log what became of it. */
export interface ChangeOrigin {
  readonly memberId: bigint;
  readonly startNonce: bigint;
  readonly sequence: number;
}

export interface Membership {
  readonly change: ConfChange;
  readonly members: MemberChange;
  readonly origin: ChangeOrigin;
}

const TRANSITIONS = [
  'simple',
  'joint-auto',
  'joint-explicit',
] as const satisfies readonly ConfChange['transition'][];
const STEPS = [
  'addVoter',
  'addLearner',
  'remove',
] as const satisfies readonly ConfChangeStep['kind'][];
const CHANGES = [
  'add',
  'remove',
  'promote',
  'keepOnly',
] as const satisfies readonly MemberChange['kind'][];

const STEP_BYTES = 9;

export function writeMembership(membership: Membership): Uint8Array {
  const { change, members, origin } = membership;
  const writer = new ByteWriter(128).u8(FORMAT).u8(TRANSITIONS.indexOf(change.transition));
  writer.varint(change.steps.length);
  for (const { kind, id } of change.steps) writer.u8(STEPS.indexOf(kind)).u64(id);
  writeMemberChange(writer, members);
  writeChangeOrigin(writer, origin);
  return writer.finish();
}

export function writeChangeOrigin(writer: ByteWriter, origin: ChangeOrigin): void {
  writer.u64(origin.memberId).u64(origin.startNonce).varint(origin.sequence);
}

export function readChangeOrigin(reader: ByteReader): ChangeOrigin {
  return { memberId: reader.u64(), startNonce: reader.u64(), sequence: reader.varint() };
}

/** Appends a change of the table alone. */
export function writeMemberChange(writer: ByteWriter, change: MemberChange): void {
  writer.u8(CHANGES.indexOf(change.kind));
  if (change.kind === 'add') writeMember(writer, change.member);
  else writer.u64(change.id);
}

/** @throws CodecError on anything but what {@link writeMemberChange} wrote */
export function readMemberChange(reader: ByteReader): MemberChange {
  const kind = pick(reader, CHANGES);
  return kind === 'add' ? { kind, member: readMember(reader) } : { kind, id: reader.u64() };
}

/** @throws CodecError on anything but what {@link writeMembership} wrote; never for no data */
export function readMembership(data: Uint8Array): Membership | undefined {
  if (data.length === 0) return undefined;
  const reader = new ByteReader(data);
  const format = reader.u8();
  if (format !== FORMAT) throw new CodecError(`config entry of format ${format}`);
  const transition = pick(reader, TRANSITIONS);
  const count = reader.varint();
  if (count > reader.remaining / STEP_BYTES) throw new CodecError(`${count} steps do not fit`);
  const steps = Array.from({ length: count }, () => ({
    kind: pick(reader, STEPS),
    id: reader.u64(),
  }));
  const members = readMemberChange(reader);
  const origin = readChangeOrigin(reader);
  reader.end();
  return { change: { steps, transition }, members, origin };
}

function pick<T>(reader: ByteReader, choices: readonly T[]): T {
  const at = reader.u8();
  const choice = choices[at];
  if (choice === undefined) throw new CodecError(`${at} names none of ${choices.join(', ')}`);
  return choice;
}
