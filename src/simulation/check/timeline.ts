import type { ResponseHeader, RevisionBatch } from '../../store/index.js';
import type { History, Operation } from './history.js';
import { PrefixMax } from './prefix-max.js';
import { isSerializable } from './request-facts.js';

/** The header of an answer; undefined when there was none. */
export function headerOf({ outcome }: Operation): ResponseHeader | undefined {
  return outcome.kind === 'answered' ? outcome.answer.result.header : undefined;
}

/**
 * What times say about revisions, whatever the revisions hold: by when each was known to exist, and
 * how far the store was known to be at any time.
 */
export class Timeline {
  readonly lastRevision: number;
  readonly #batches: readonly RevisionBatch[];
  readonly #knownByMs: Float64Array;
  readonly #operations: readonly Operation[];
  #floor: PrefixMax | undefined;

  constructor(history: History) {
    this.#batches = history.revisions;
    this.lastRevision = history.revisions.length + 1;
    this.#knownByMs = this.#know(history);
    this.#operations = history.operations;
  }

  /** The events of a revision, from 2 on. */
  batch(revision: number): RevisionBatch | undefined {
    return this.#batches[revision - 2];
  }

  /** The earliest time at which somebody is known to have seen `revision` or a later one. */
  knownByMs(revision: number): number {
    if (revision <= 1) return 0;
    return this.#knownByMs[revision] ?? Number.POSITIVE_INFINITY;
  }

  /** A revision that every linearizable call that begins at `atMs` must be at, or later. */
  floorAt(atMs: number): number {
    // Only refusals ask, and few histories have many.
    this.#floor ??= new PrefixMax(
      this.#operations
        .filter(isFloor)
        .map((operation) => [operation.returnedMs, headerOf(operation)?.revision ?? 1]),
    );
    return this.#floor.before(atMs) ?? 1;
  }

  #know(history: History): Float64Array {
    const known = new Float64Array(this.lastRevision + 1).fill(Number.POSITIVE_INFINITY);
    const see = (revision: number, atMs: number): void => {
      const place = Math.min(revision, this.lastRevision);
      if (atMs < (known[place] as number)) known[place] = atMs;
    };
    for (const operation of history.operations) {
      const header = headerOf(operation);
      if (header !== undefined) see(header.revision, operation.returnedMs);
    }
    for (const watch of history.watches) {
      for (const note of watch.notes) {
        if (note.kind === 'batch') see(note.batch.revision, note.atMs);
        else if (note.kind === 'progress') see(note.revision, note.atMs);
      }
    }
    for (const [at, atMs] of (history.revisionsAtMs ?? []).entries()) {
      if (atMs !== undefined) see(at + 2, atMs);
    }
    for (let revision = this.lastRevision - 1; revision >= 1; revision--) {
      known[revision] = Math.min(known[revision] as number, known[revision + 1] as number);
    }
    return known;
  }
}

/** Leases are answered by whoever counts their time, so their headers say nothing here. */
function isFloor(operation: Operation): boolean {
  if (operation.outcome.kind !== 'answered' || isSerializable(operation.call)) return false;
  switch (operation.call.kind) {
    case 'leaseKeepAlive':
    case 'leaseTimeToLive':
    case 'leaseList':
      return false;
    default:
      return true;
  }
}
