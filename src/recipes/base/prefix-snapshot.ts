import {
  isStoreError,
  type KeyValue,
  OPEN_END,
  prefix,
  type Store,
  toText,
  type TxnOperation,
} from '../../store/index.js';
import { isTransient, toCoordinationError } from '../errors.js';
import { backoffMs, type CancelScope } from './cancel-scope.js';
import { TIMING } from './timing.js';

/** Everything under a prefix as it was at one revision, by the text after the prefix. */
export interface PrefixSnapshot {
  readonly revision: number;
  readonly entries: ReadonlyMap<string, KeyValue>;
}

/** At least one. */
export type Prefixes = readonly [string, ...string[]];

/** One snapshot for each prefix, all of one revision. */
export type Snapshots = readonly [PrefixSnapshot, ...PrefixSnapshot[]];

/** Whether nothing changed between two snapshots of one prefix. */
export function sameEntries(a: PrefixSnapshot, b: PrefixSnapshot): boolean {
  if (a.entries.size !== b.entries.size) return false;
  for (const [name, kv] of a.entries) {
    if (b.entries.get(name)?.modRevision !== kv.modRevision) return false;
  }
  return true;
}

/**
 * Reads prefixes at one revision: the first page of all in one call, what is longer at the revision
 * of that. It fails with `Compacted` when that revision goes while it reads.
 */
export async function readPrefixes(
  store: Store,
  prefixes: Prefixes,
  signal: AbortSignal,
): Promise<Snapshots> {
  const { revision, pages } = await readFirstPages(store, prefixes, signal);
  const snapshotOf = async (text: string, place: number): Promise<PrefixSnapshot> => {
    const kvs = pages[place] ?? [];
    const isWhole = kvs.length < TIMING.viewPagePairs;
    const rest = isWhole ? [] : await readAfter(store, text, kvs, revision, signal);
    const name = (kv: KeyValue): string => toText(kv.key).slice(text.length);
    return { revision, entries: new Map([...kvs, ...rest].map((kv) => [name(kv), kv])) };
  };
  const [head, ...tail] = prefixes;
  return Promise.all([snapshotOf(head, 0), ...tail.map((text, at) => snapshotOf(text, at + 1))]);
}

async function readFirstPages(
  store: Store,
  prefixes: Prefixes,
  signal: AbortSignal,
): Promise<{ readonly revision: number; readonly pages: readonly (readonly KeyValue[])[] }> {
  const limit = TIMING.viewPagePairs;
  if (prefixes.length === 1) {
    const { header, kvs } = await store.range({ ...prefix(prefixes[0]), limit }, { signal });
    return { revision: header.revision, pages: [kvs] };
  }
  const success = prefixes.map((text): TxnOperation => ({ kind: 'range', ...prefix(text), limit }));
  const { header, responses } = await store.txn({ success }, { signal });
  const pages = responses.map((page) => (page.kind === 'range' ? page.kvs : []));
  return { revision: header.revision, pages };
}

/**
 * Reads until that works, as long as the failures are of the passing kind; each is told to `doubt`.
 * History that goes while it is read is one of them: the next try reads at a later revision.
 */
export async function readUntilGood<T>(
  store: Store,
  scope: CancelScope,
  read: () => Promise<T>,
  doubt: (reason: string) => void,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await scope.race(read());
    } catch (error) {
      scope.check();
      if (!isTransient(error) && !isStoreError(error, 'Compacted')) {
        throw toCoordinationError(error);
      }
      doubt(describeFailure(error));
    }
    await scope.pause(backoffMs(store.random, failures));
  }
}

/** Why something could not be read, in one line. */
export function describeFailure(error: unknown): string {
  return error instanceof Error ? error.message : 'the watch ended';
}

/** The pairs under a prefix that come after `known`, at a revision. */
async function readAfter(
  store: Store,
  text: string,
  known: readonly KeyValue[],
  revision: number,
  signal: AbortSignal,
): Promise<readonly KeyValue[]> {
  const rest: KeyValue[] = [];
  const rangeEnd = prefix(text).rangeEnd ?? OPEN_END;
  const limit = TIMING.viewPagePairs;
  for (let last = known.at(-1); last !== undefined; ) {
    const key = keyAfter(last.key);
    const page = await store.range({ key, rangeEnd, limit, revision }, { signal });
    rest.push(...page.kvs);
    last = page.more ? page.kvs.at(-1) : undefined;
  }
  return rest;
}

/** The first key after `key` in byte order. */
function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
