import { type KeyValue, toText } from '../../store/index.js';

/** Keys of one kind, each the prefix and the id of the entry that it belongs to. */
interface Listed {
  readonly prefix: string;
  readonly kvs: readonly KeyValue[];
}

/**
 * Whether a delay keeps everybody out: the delay of an entry begins when the entry has gone, so one
 * whose entry is still there is none yet.
 */
export function isKeptFree(entries: Listed, delays: Listed): boolean {
  const ids = new Set(idsOf(entries));
  return idsOf(delays).some((id) => !ids.has(id));
}

function idsOf({ prefix, kvs }: Listed): readonly string[] {
  return kvs.map(({ key }) => toText(key).slice(prefix.length));
}
