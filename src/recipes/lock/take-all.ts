import {
  equalBytes,
  type KeyValue,
  prefix,
  toBytes,
  type TxnOperation,
} from '../../store/index.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { encodeNote, type Metadata } from '../base/note.js';
import { QueuePlace, rangeOf } from '../base/queue-place.js';
import type { Session } from '../base/session.js';
import { isCoordinationError } from '../errors.js';
import { LockHold } from './lock-hold.js';
import { type LockEntry, toEntries } from './lock-status.js';
import type { HoldQueue } from './take-hold.js';

/** A lock that was in the way. */
export interface BusyLock {
  readonly name: string;
  readonly holder: LockEntry | undefined;
  readonly waiting: number;
}

/** What a try for several locks answers. */
export type TriedAll =
  | { readonly ok: true; readonly holds: readonly LockHold[] }
  | {
      readonly ok: false;
      /** Empty when only the delay after a lost hold was in the way. */
      readonly busy: readonly BusyLock[];
    };

/**
 * Enters several queues in one transaction if all are empty, and none otherwise. As when entering
 * one, a session that turns out to have ended before anything depended on it is replaced.
 */
export async function tryTakeAll(
  context: RecipeContext,
  scope: CancelScope,
  queues: readonly HoldQueue[],
  { metadata }: { readonly metadata?: Metadata },
): Promise<TriedAll> {
  const value = encodeNote(context, metadata);
  for (;;) {
    const session = await context.sessions.shared(scope);
    using inner = new CancelScope(context.store, {}, scope.ended, session.ended);
    const places = queues.map(
      ({ prefix: text, shape }) => new QueuePlace(context, session, text, undefined, shape),
    );
    try {
      const entry = await enterAll(context, inner, session, { queues, places, value });
      if (entry.entered !== undefined) await inner.race(session.confirmed());
      scope.add(session.ended);
      scope.check();
      if (entry.entered === undefined) return { ok: false, busy: entry.busy };
      const { entered: revision } = entry;
      return {
        ok: true,
        holds: queues.map((queue, at) => hold(context, queue, places[at], revision)),
      };
    } catch (error) {
      for (const place of places) place.abandon();
      if (scope.signal.aborted || !isCoordinationError(error, 'SessionLost')) throw error;
    }
  }
}

interface Entries {
  readonly queues: readonly HoldQueue[];
  readonly places: readonly QueuePlace[];
  readonly value: string;
}

/** `entered` has the revision at which all were seen to be entered. */
async function enterAll(
  context: RecipeContext,
  scope: CancelScope,
  session: Session,
  { queues, places, value }: Entries,
): Promise<{ readonly entered: number | undefined; readonly busy: readonly BusyLock[] }> {
  const lists = queues.map(
    (queue): TxnOperation => ({
      kind: 'range',
      ...prefix(queue.prefix),
      sortTarget: 'create',
      sortOrder: 'ascend',
    }),
  );
  let unsure = false;
  const result = await scope.retry((failures) => {
    unsure ||= failures > 0;
    const write = session.attach(
      context.store.txn({
        compare: places.flatMap((place) => place.emptyCompares()),
        success: places.flatMap((place) => place.entryOperations(value)),
        failure: lists,
      }),
    );
    for (const place of places) place.wrote(write, unsure);
    return write;
  });
  const { revision } = result.header;
  if (result.succeeded) {
    for (const place of places) place.entered(revision);
    return { entered: revision, busy: [] };
  }
  const found = result.responses.map((response) => rangeOf(response) ?? []);
  const own = found.map((kvs, at) => kvs.find((kv) => isOf(kv, places[at])));
  // All were written together or none was; after a lost answer they may be in their own way.
  if (own.every((kv) => kv !== undefined)) {
    own.forEach((kv, at) => places[at]?.entered(kv.createRevision));
    return { entered: revision, busy: [] };
  }
  if (unsure) for (const place of places) place.abandon();
  return { entered: undefined, busy: found.flatMap((kvs, at) => busyLock(queues[at], kvs)) };
}

function isOf(kv: KeyValue, place: QueuePlace | undefined): boolean {
  return place !== undefined && equalBytes(kv.key, toBytes(place.key));
}

function busyLock(queue: HoldQueue | undefined, kvs: readonly KeyValue[]): readonly BusyLock[] {
  const [holder, ...others] = toEntries(kvs);
  if (queue === undefined || holder === undefined) return [];
  return [{ name: queue.name, holder, waiting: others.length }];
}

function hold(
  context: RecipeContext,
  { what, name, shape }: HoldQueue,
  place: QueuePlace | undefined,
  revision: number,
): LockHold {
  if (place === undefined) throw new Error('a queue was entered without a place');
  const { brokenKey } = shape;
  const terms = { what, name, place, revision, closesSession: false, brokenKey, delay: undefined };
  return new LockHold(context, terms);
}
