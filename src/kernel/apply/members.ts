import { ByteReader, ByteWriter } from '../codec/bytes.js';
import type { MemberRecord } from '../codec/command.js';
import { readMember, writeMember } from '../codec/command-codec.js';
import { sealRow, unsealRow } from '../codec/sealed-row.js';
import type { WriteBuffer } from '../mvcc/write-buffer.js';

/**
 * The cluster's members by id: the one source of who there is, changed only by applied commands.
 */
export class Members {
  readonly #buffer: WriteBuffer;
  readonly #byId = new Map<bigint, MemberRecord>();

  /** @throws CodecError when a stored member is damaged */
  constructor(buffer: WriteBuffer) {
    this.#buffer = buffer;
    for (const { key, value } of buffer.range('members', new Uint8Array(0), undefined, 0)) {
      const member = readMember(new ByteReader(unsealRow('a member', key, value)));
      this.#byId.set(member.id, member);
    }
  }

  list(): readonly MemberRecord[] {
    return [...this.#byId.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: bigint): MemberRecord | undefined {
    return this.#byId.get(id);
  }

  publish(member: MemberRecord): void {
    this.#byId.set(member.id, member);
    const writer = new ByteWriter();
    writeMember(writer, member);
    const key = new ByteWriter(8).u64(member.id).finish();
    this.#buffer.put('members', key, sealRow(key, writer.finish()));
  }
}
