import type { Interval, RevisionBatch, StoreEvent } from '../../store/index.js';
import { keyText } from '../codec/key-text.js';
import {
  type EventFilter,
  FILTER_COUNT,
  filterBatch,
  filterNumber,
  type PreviousPairs,
} from './event-filter.js';
import { IntervalTree } from './interval-tree.js';

/**
 * Who watches what, found from the key of an event: single keys by hash, ranges by tree, so that an
 * event costs its watchers and not all watchers. Watchers of one range share a node, and those of
 * them with one filter share a group and see the very same batch.
 */
export class WatcherIndex<W extends IndexedWatcher> {
  readonly #keys = new Map<string, WatchNode<W>>();
  readonly #ranges = new IntervalTree<WatchNode<W>>();
  #size = 0;

  /** Watchers in the index. */
  get size(): number {
    return this.#size;
  }

  /** @throws Error if the watcher is in already */
  add(watcher: W): void {
    if (watcher.slot !== NO_SLOT) throw new Error('watcher is in the index already');
    const { group } = this.#nodeOf(watcher.interval);
    const number = filterNumber(watcher.filter);
    const members = (group[number] ??= []);
    watcher.slot = members.length;
    members.push(watcher);
    this.#size++;
  }

  /** A watcher that is not in is left alone. */
  remove(watcher: W): void {
    if (watcher.slot === NO_SLOT) return;
    const node = this.#nodeOf(watcher.interval);
    const members = node.group[filterNumber(watcher.filter)] as W[];
    const last = members.pop() as W;
    if (last !== watcher) {
      members[watcher.slot] = last;
      last.slot = watcher.slot;
    }
    watcher.slot = NO_SLOT;
    this.#size--;
    if (members.length > 0) return;
    node.group[filterNumber(watcher.filter)] = undefined;
    if (node.group.some((group) => group !== undefined)) return;
    const { start, end } = watcher.interval;
    if (end === undefined) this.#keys.delete(keyText(start));
    else this.#ranges.delete(start, end);
  }

  /**
   * Offers the batch, reduced to what each is to see, to everyone who is to see some of it. A
   * watcher may leave the index while it is offered something; none may join.
   */
  offer(batch: RevisionBatch, previous: PreviousPairs): void {
    if (this.#size === 0) return;
    const touched: WatchNode<W>[] = [];
    const touch = (node: WatchNode<W>, event: StoreEvent): void => {
      if (node.matched.length === 0) touched.push(node);
      node.matched.push(event);
    };
    for (const event of batch.events) {
      const node = this.#keys.size > 0 ? this.#keys.get(keyText(event.kv.key)) : undefined;
      if (node !== undefined) touch(node, event);
      this.#ranges.visitContaining(event.kv.key, (ranged) => touch(ranged, event));
    }
    for (const node of touched) {
      const events = node.matched;
      node.matched = [];
      const whole = events.length === batch.events.length;
      offerTo(node, whole ? batch : { revision: batch.revision, events }, previous);
    }
  }

  /** All watchers, in a list of the caller's own. */
  all(): W[] {
    const found: W[] = [];
    const collect = (node: WatchNode<W>): void => {
      for (const members of node.group) {
        // One by one: there may be more of them than a call takes arguments.
        for (const member of members ?? []) found.push(member);
      }
    };
    for (const node of this.#keys.values()) collect(node);
    this.#ranges.visitAll(collect);
    return found;
  }

  #nodeOf(interval: Interval): WatchNode<W> {
    const { start, end } = interval;
    if (end !== undefined) return this.#ranges.obtain(start, end, () => newNode<W>());
    const text = keyText(start);
    let node = this.#keys.get(text);
    if (node === undefined) {
      node = newNode<W>();
      this.#keys.set(text, node);
    }
    return node;
  }
}

/** The `slot` of a watcher that is not in the index. */
export const NO_SLOT = -1;

/** What the index needs of a watcher. */
export interface IndexedWatcher {
  readonly interval: Interval;
  readonly filter: EventFilter;
  /** The watcher's place in its group: the index's business, {@link NO_SLOT} when made. */
  slot: number;
  offer(batch: RevisionBatch): void;
}

interface WatchNode<W> {
  /** By filter number. */
  readonly group: (W[] | undefined)[];
  /** Events of the batch at hand that fall in the range; empty between offers. */
  matched: StoreEvent[];
}

function newNode<W>(): WatchNode<W> {
  return { group: Array.from({ length: FILTER_COUNT }), matched: [] };
}

function offerTo<W extends IndexedWatcher>(
  node: WatchNode<W>,
  batch: RevisionBatch,
  previous: PreviousPairs,
): void {
  for (const members of node.group) {
    const first = members?.[0];
    if (members === undefined || first === undefined) continue;
    const seen = filterBatch(batch, first.filter, previous);
    if (seen === undefined) continue;
    for (let i = 0; i < members.length; ) {
      const member = members[i] as W;
      member.offer(seen);
      // One that left was replaced by the last member, whose turn is still to come.
      if (members[i] === member) i++;
    }
  }
}
