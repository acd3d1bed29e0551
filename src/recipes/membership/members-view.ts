import { compareBytes, type KeyValue, toBytes, toText } from '../../store/index.js';
import { decodeNote, type Metadata, parseObject } from '../base/note.js';
import type { PrefixSnapshot } from '../base/prefix-snapshot.js';

/** Somebody who is there. */
export interface Member {
  readonly id: string;
  /**
   * The create revision of its key: another one means that the member was gone in between, or that
   * another process has the id now.
   */
  readonly incarnation: number;
  /** The revision at which its metadata changed last. */
  readonly updateRevision: number;
  /** Who the process says it is. */
  readonly identity: string;
  /** Wall-clock milliseconds at which this incarnation joined, by its own clock. */
  readonly sinceMs: number | undefined;
  readonly metadata: Metadata;
  readonly lease: bigint;
}

/** A group at one revision. */
export interface MembersView {
  readonly revision: number;
  /** In the byte order of ids. */
  readonly members: readonly Member[];
}

/** What changed from one view to the next; of the first one everybody has joined. */
export interface MembersChange {
  readonly revision: number;
  readonly joined: readonly Member[];
  /** As they were last seen. A member of another incarnation has left and joined. */
  readonly left: readonly Member[];
  /** Those whose metadata changed, as they are now. */
  readonly updated: readonly Member[];
}

export function membersOf({ entries, revision }: PrefixSnapshot): MembersView {
  const members = [...entries].map(([id, kv]) => toMember(id, kv));
  members.sort((a, b) => compareBytes(toBytes(a.id), toBytes(b.id)));
  return Object.freeze({ revision, members: Object.freeze(members) });
}

export function changeBetween(before: MembersView | undefined, now: MembersView): MembersChange {
  const known = new Map(before?.members.map((member) => [member.id, member]));
  const joined: Member[] = [];
  const updated: Member[] = [];
  for (const member of now.members) {
    const earlier = known.get(member.id);
    if (earlier?.incarnation !== member.incarnation) joined.push(member);
    else {
      known.delete(member.id);
      if (earlier.updateRevision !== member.updateRevision) updated.push(member);
    }
  }
  return { revision: now.revision, joined, left: [...known.values()], updated };
}

/** The nonce of the registration that wrote a member's key. */
export function nonceOf(kv: KeyValue): string | undefined {
  const { nonce } = parseObject(toText(kv.value));
  return typeof nonce === 'string' ? nonce : undefined;
}

export function toMember(id: string, kv: KeyValue): Member {
  return Object.freeze({
    id,
    incarnation: kv.createRevision,
    updateRevision: kv.modRevision,
    lease: kv.lease,
    ...decodeNote(kv.value),
  });
}
