import { prefix, toText } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { CoordinationError, isCoordinationError } from '../errors.js';
import { checkNode } from '../base/names.js';
import { RecipeView } from '../base/recipe-view.js';
import { RebootRequest } from './reboot-request.js';
import {
  type RebootHolder,
  type RebootKeys,
  type RebootStatus,
  rebootKeys,
  statusOf,
} from './reboot-records.js';

/** A node's wish to reboot. */
export interface RebootAcquireOptions extends WaitOptions {
  readonly node: string;
  /**
   * The boot id of the node now, kept with the slot so that a reboot can be told from a restart.
   */
  readonly bootId?: string;
  /** Why, for people. */
  readonly reason?: string;
  /** Who asks, for people; default: the identity of the coordination object, or else the node. */
  readonly by?: string;
}

export interface RebootReleaseOptions extends WaitOptions {
  readonly node: string;
}

/**
 * The slots of one group of machines, of which at most `max` may reboot at a time. A slot has no
 * lease, because its holder is meant to go away: it stays until it is released, by the node when it
 * is back or by an administrator. Asking again is harmless, and so is releasing what is not held.
 *
 * @example
 * const reboots = coord.reboots('workers');
 * await reboots.acquire({ node: 'host-7', reason: 'kernel 6.9' });
 * // …the machine reboots; when it is healthy again:
 * await reboots.release({ node: 'host-7' });
 */
export class RebootGroup {
  readonly group: string;
  /** The group, now and after each change. Replays the last value; shares one watch. */
  readonly status$: RecipeView<RebootStatus>;
  readonly #context: RecipeContext;
  readonly #keys: RebootKeys;

  constructor(context: RecipeContext, group: string) {
    this.#context = context;
    this.group = group;
    this.#keys = rebootKeys(group);
    this.status$ = new RecipeView(context, {
      prefixes: [this.#keys.root],
      derive: ([snapshot]) => statusOf(group, snapshot),
    });
  }

  /**
   * Waits in line until the node may reboot; returns at once when it may already.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument`
   */
  async acquire(options: RebootAcquireOptions): Promise<RebootHolder> {
    const { store, closed, identity } = this.#context;
    const node = checkNode(options.node);
    using scope = new CancelScope(store, options, closed);
    const value = JSON.stringify({
      sinceMs: store.clock.wall(),
      by: options.by ?? (identity === '' ? node : identity),
      reason: options.reason ?? '',
      bootId: options.bootId ?? '',
    });
    for (;;) {
      const request = new RebootRequest(this.#context, this.#keys, { node, value });
      try {
        return await request.wait(scope);
      } catch (error) {
        request.abandon();
        // Waiting can take days: a lost session costs the place in line and not the wish.
        if (scope.signal.aborted || !isCoordinationError(error, 'SessionLost')) throw error;
      }
    }
  }

  /**
   * Frees the slot of a node, if it has one, and says whether it had. Tried again after a lost
   * answer it cannot free a slot that the node took later.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument`
   */
  async release(options: RebootReleaseOptions): Promise<boolean> {
    const { store, closed } = this.#context;
    const key = this.#keys.slots + checkNode(options.node);
    using scope = new CancelScope(store, options, closed);
    const { signal } = scope;
    const read = await scope.retry(() => store.range({ key, keysOnly: true }, { signal }));
    const slot = read.kvs[0];
    if (slot === undefined) return false;
    await scope.retry(() =>
      store.txn({
        compare: [{ key, target: 'create', operator: '=', operand: slot.createRevision }],
        success: [{ kind: 'delete', key }],
      }),
    );
    return true;
  }

  /** The group as it is now. @throws CoordinationError `Aborted`, `Timeout` */
  async status(options: WaitOptions = {}): Promise<RebootStatus> {
    const { store, closed } = this.#context;
    const { root } = this.#keys;
    using scope = new CancelScope(store, options, closed);
    const read = await scope.retry(() => store.range(prefix(root), { signal: scope.signal }));
    const entries = new Map(read.kvs.map((kv) => [toText(kv.key).slice(root.length), kv]));
    return statusOf(this.group, { revision: read.header.revision, entries });
  }

  /**
   * Sets how many may reboot at a time; 0 pauses the group. Lowering it takes no slot away: while
   * more are taken than allowed, the group is `draining` and grants nothing.
   * @throws CoordinationError `InvalidArgument`, `Aborted`, `Timeout`
   */
  async setMax(max: number, options: WaitOptions = {}): Promise<void> {
    if (!Number.isSafeInteger(max) || max < 0) {
      const message = `reboot slots of group "${this.group}": ${max} is not a whole number from 0 up`;
      throw new CoordinationError('InvalidArgument', message);
    }
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const value = JSON.stringify({ max });
    await scope.retry(() => store.put({ key: this.#keys.policy, value }));
  }
}
