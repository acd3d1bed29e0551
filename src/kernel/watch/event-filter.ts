import {
  LIMITS,
  type RevisionBatch,
  type StoreEvent,
  type WatchRequest,
} from '../../store/index.js';
import type { History } from './history.js';

/**
 * What of a revision's events a watcher wants to see, besides their keys. It never changes an event
 * or a batch that it was given: who sees the same thing gets the same object, so that whatever is
 * derived from it (an encoding, say) can be cached by identity.
 */
export interface EventFilter {
  readonly noPut: boolean;
  readonly noDelete: boolean;
  readonly prevKv: boolean;
}

/** How many different filters there are; {@link filterNumber} is below it. */
export const FILTER_COUNT = 8;

export function toFilter(request: WatchRequest): EventFilter {
  return {
    noPut: request.noPut === true,
    noDelete: request.noDelete === true,
    prevKv: request.prevKv === true,
  };
}

export function filterNumber(filter: EventFilter): number {
  return (filter.noPut ? 1 : 0) + (filter.noDelete ? 2 : 0) + (filter.prevKv ? 4 : 0);
}

/**
 * Events with the pair before them. While an event lives, its pair is looked up once and its copy
 * made once, for everybody who asks. Of large pairs only the latest is kept: small events that
 * replaced them may be remembered by the thousand.
 */
export class PreviousPairs {
  readonly #history: History;
  readonly #made = new WeakMap<StoreEvent, StoreEvent>();
  #largeOf: StoreEvent | undefined;
  #large: StoreEvent | undefined;

  constructor(history: History) {
    this.#history = history;
  }

  /** `event` itself when there was no pair before it, or none that is still kept. */
  attach(event: StoreEvent): StoreEvent {
    if (event === this.#largeOf && this.#large !== undefined) return this.#large;
    const made = this.#made.get(event);
    if (made !== undefined) return made;
    const { kv } = event;
    // A key that a revision deletes and puts again has a pair before it, but not before this put.
    const isCreation = event.type === 'put' && kv.createRevision === kv.modRevision;
    const prevKv = isCreation ? undefined : this.#history.previous(kv.key, kv.modRevision);
    const attached = prevKv === undefined ? event : { ...event, prevKv };
    if (prevKv !== undefined && prevKv.value.length > LIMITS.watchPreviousBytes) {
      this.#largeOf = event;
      this.#large = attached;
    } else this.#made.set(event, attached);
    return attached;
  }
}

/**
 * The batch as `filter` lets it be seen: the same object when nothing differs, undefined when
 * nothing is left.
 */
export function filterBatch(
  batch: RevisionBatch,
  filter: EventFilter,
  previous: PreviousPairs,
): RevisionBatch | undefined {
  const { events } = batch;
  let seen = events;
  if (filter.noPut || filter.noDelete) {
    seen = events.filter((event) => !(event.type === 'put' ? filter.noPut : filter.noDelete));
    if (seen.length === 0) return undefined;
  }
  if (filter.prevKv) seen = seen.map((event) => previous.attach(event));
  const same = seen.length === events.length && seen.every((event, i) => event === events[i]);
  return same ? batch : { revision: batch.revision, events: seen };
}
