import { StoreError } from '../../store/index.js';
import { ByteReader, ByteWriter, CodecError } from '../codec/bytes.js';
import type { MemberRecord } from '../codec/command.js';
import { readMember, writeMember } from '../codec/command-codec.js';
import type { MemberChange } from '../codec/conf-change-codec.js';
import { sealRow, unsealRow } from '../codec/sealed-row.js';
import type { WriteBuffer } from '../mvcc/write-buffer.js';

/** A row of the table: a member, and the nonce of its data directory once it is known. */
interface MemberRow {
  readonly member: MemberRecord;
  /** 0n until the member has published itself. */
  readonly directoryNonce: bigint;
}

/** Rows of members have their id as key; those of removed members have this before it. */
const REMOVED_PREFIX = new TextEncoder().encode('removed/');
const ID_BYTES = 8;

/**
 * The cluster's members by id, and the ids that were removed, for ever: the one source of who there
 * is, changed only by applied entries. What a change would break is decided here, from the table
 * alone, so that every member decides alike.
 */
export class Members {
  readonly #buffer: WriteBuffer;
  readonly #rows = new Map<bigint, MemberRow>();
  /** With the addresses that they had, to tell them that they were removed. */
  readonly #removed = new Map<bigint, readonly string[]>();
  #changeCount = 0;

  /** @throws CodecError when a stored member is damaged */
  constructor(buffer: WriteBuffer) {
    this.#buffer = buffer;
    this.reload();
  }

  /** Reads everything again from the rows. @throws CodecError when one is damaged */
  reload(): void {
    this.#rows.clear();
    this.#removed.clear();
    for (const { key, value } of this.#buffer.range('members', new Uint8Array(0), undefined, 0)) {
      const reader = new ByteReader(unsealRow('a member', key, value));
      if (key.length === ID_BYTES) this.#readMember(key, reader);
      else this.#readRemoved(key, reader);
    }
  }

  #readMember(key: Uint8Array, reader: ByteReader): void {
    const member = readMember(reader);
    const directoryNonce = reader.u64();
    reader.end();
    if (new ByteReader(key).u64() !== member.id) throw new CodecError('a member of another key');
    this.#rows.set(member.id, { member, directoryNonce });
  }

  #readRemoved(key: Uint8Array, reader: ByteReader): void {
    const id = new ByteReader(key, REMOVED_PREFIX.length).u64();
    const count = reader.varint();
    if (count > reader.remaining) throw new CodecError(`${count} addresses do not fit`);
    const decoder = new TextDecoder();
    this.#removed.set(
      id,
      Array.from({ length: count }, () => decoder.decode(reader.bytes())),
    );
  }

  /** Grows whenever anything here changes. */
  get changeCount(): number {
    return this.#changeCount;
  }

  list(): readonly MemberRecord[] {
    return [...this.#rows.values()]
      .map(({ member }) => member)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: bigint): MemberRecord | undefined {
    return this.#rows.get(id)?.member;
  }

  isRemoved(id: bigint): boolean {
    return this.#removed.has(id);
  }

  /** Members that were removed, and where they were, the last one last as far as is known. */
  removed(): readonly { readonly id: bigint; readonly peerUrls: readonly string[] }[] {
    return [...this.#removed].map(([id, peerUrls]) => ({ id, peerUrls }));
  }

  /** The nonce of a member's data directory; 0n when it has not published itself. */
  directoryNonceOf(id: bigint): bigint {
    return this.#rows.get(id)?.directoryNonce ?? 0n;
  }

  /** Fills the table of a cluster that begins. */
  found(members: readonly MemberRecord[]): void {
    for (const member of members) this.#put({ member, directoryNonce: 0n });
  }

  /**
   * A member tells its name and where clients find it. Whoever is not in the table stays out of it,
   * and a directory that is known is never replaced by another one.
   */
  publish(member: MemberRecord, directoryNonce: bigint): void {
    const row = this.#rows.get(member.id);
    if (row === undefined) return;
    if (row.directoryNonce !== 0n && row.directoryNonce !== directoryNonce) return;
    const { name, clientUrls } = member;
    this.#put({ member: { ...row.member, name, clientUrls }, directoryNonce });
  }

  /** @throws StoreError `MemberNotFound`, `PeerUrlExists`, with nothing changed */
  update(id: bigint, peerUrls: readonly string[]): void {
    const row = this.#rows.get(id);
    if (row === undefined) throw new StoreError('MemberNotFound');
    this.#checkUrls(id, peerUrls);
    this.#put({ ...row, member: { ...row.member, peerUrls } });
  }

  /**
   * Whether the change may be made to the table as it is.
   * @throws StoreError `MemberNotFound`, `MemberExists`, `PeerUrlExists`, `NotLearner`
   */
  check(change: MemberChange): void {
    switch (change.kind) {
      case 'add':
        if (this.#removed.has(change.member.id)) throw new StoreError('MemberNotFound');
        if (this.#rows.has(change.member.id)) throw new StoreError('MemberExists');
        this.#checkUrls(change.member.id, change.member.peerUrls);
        break;
      case 'remove':
        if (!this.#rows.has(change.id)) throw new StoreError('MemberNotFound');
        break;
      case 'promote': {
        const member = this.get(change.id);
        if (member === undefined) throw new StoreError('MemberNotFound');
        if (!member.isLearner) throw new StoreError('NotLearner');
        break;
      }
      case 'keepOnly':
        break;
    }
  }

  /** @throws StoreError as {@link check}, with nothing changed */
  change(change: MemberChange): void {
    this.check(change);
    switch (change.kind) {
      case 'add':
        this.#put({ member: change.member, directoryNonce: 0n });
        break;
      case 'remove':
        this.#remove(change.id);
        break;
      case 'promote':
        this.#promote(change.id);
        break;
      case 'keepOnly':
        for (const id of [...this.#rows.keys()]) if (id !== change.id) this.#remove(id);
        this.#promote(change.id);
        break;
    }
  }

  #checkUrls(id: bigint, peerUrls: readonly string[]): void {
    for (const { member } of this.#rows.values()) {
      if (member.id === id) continue;
      if (member.peerUrls.some((url) => peerUrls.includes(url))) {
        throw new StoreError('PeerUrlExists');
      }
    }
  }

  #promote(id: bigint): void {
    const row = this.#rows.get(id);
    if (row !== undefined) this.#put({ ...row, member: { ...row.member, isLearner: false } });
  }

  #remove(id: bigint): void {
    this.#changeCount++;
    const peerUrls = this.get(id)?.peerUrls ?? [];
    this.#rows.delete(id);
    this.#removed.set(id, peerUrls);
    this.#buffer.remove('members', rowKey(id));
    const key = new ByteWriter(16).raw(REMOVED_PREFIX).u64(id).finish();
    const writer = new ByteWriter().varint(peerUrls.length);
    for (const url of peerUrls) writer.input(url);
    this.#buffer.put('members', key, sealRow(key, writer.finish()));
  }

  #put(row: MemberRow): void {
    this.#changeCount++;
    this.#rows.set(row.member.id, row);
    const writer = new ByteWriter();
    writeMember(writer, row.member);
    const key = rowKey(row.member.id);
    this.#buffer.put('members', key, sealRow(key, writer.u64(row.directoryNonce).finish()));
  }
}

function rowKey(id: bigint): Uint8Array {
  return new ByteWriter(ID_BYTES).u64(id).finish();
}
