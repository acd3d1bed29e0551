import { type Observable, takeUntil } from 'rxjs';
import { type Compare, prefix, toText } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { checkNode } from '../base/names.js';
import { RecipeView } from '../base/recipe-view.js';
import { CoordinationError, isCoordinationError } from '../errors.js';
import { GrantAttempt, type WishTerms } from './grant-attempt.js';
import { GroupChanges } from './group-changes.js';
import { readGroup, readWholeGroup, viewOfSnapshot } from './group-reader.js';
import { type GroupView, holderOf, slotIn } from './group-view.js';
import { createIs } from './group-writer.js';
import { NodeSteps } from './node-steps.js';
import { type RebootKeys, rebootKeys } from './reboot-keys.js';
import type {
  RebootAcquireOptions,
  RebootChangeOptions,
  RebootForceOptions,
  RebootHoldOptions,
  RebootingOptions,
  RebootLogOptions,
  RebootNodeOptions,
  RebootPauseOptions,
  RebootReleaseOptions,
  RebootSteadyOptions,
  RebootTryOptions,
  RebootUnholdOptions,
} from './reboot-options.js';
import { followPlan, planOf } from './reboot-plan.js';
import {
  checkMax,
  REBOOT_LIMITS,
  type RebootMax,
  type RebootPolicy,
  type RebootPolicyChange,
} from './reboot-policy.js';
import { decodeLog } from './reboot-records.js';
import { RebootRequest } from './reboot-request.js';
import type {
  RebootHold,
  RebootHolder,
  RebootLogEntry,
  RebootPlan,
  RebootStatus,
  RebootSteady,
  RebootTry,
} from './reboot-status.js';
import { statusOf } from './status-of.js';

/**
 * The slots of one group of machines, of which only some may reboot at a time. A slot has no lease,
 * because its holder is meant to go away: it goes through its phases, granted, rebooting, soaking,
 * and is free when its node is back and healthy, or when an administrator says so. One whose node
 * does not come back in time is stuck; it is never freed in silence, and when more nodes are stuck
 * than the policy puts up with, nothing is given away any more. Asking again is harmless, and so is
 * releasing what is not held.
 *
 * The idea of a counted lock that reboots take is that of locksmith; the calls that FleetLock
 * clients make map onto `tryAcquire` and `steady`.
 *
 * @example
 * const reboots = coord.reboots('workers');
 * await reboots.acquire({ node: 'host-7', bootId, reason: 'kernel 6.9' });
 * await reboots.rebooting({ node: 'host-7' });
 * // …the machine reboots; when it is healthy again:
 * await reboots.steady({ node: 'host-7', bootId: newBootId });
 */
export class RebootGroup {
  readonly group: string;
  /** The group, now and after each change. Replays the last value; shares one watch. */
  readonly status$: RecipeView<RebootStatus>;
  readonly #context: RecipeContext;
  readonly #keys: RebootKeys;
  readonly #changes: GroupChanges;
  readonly #steps: NodeSteps;
  readonly #view$: RecipeView<GroupView>;

  constructor(context: RecipeContext, group: string) {
    this.#context = context;
    this.group = group;
    this.#keys = rebootKeys(group);
    this.#changes = new GroupChanges(context, this.#keys);
    this.#steps = new NodeSteps(context, this.#keys, this.#changes);
    const prefixes = [this.#keys.root] as const;
    this.status$ = new RecipeView(context, {
      prefixes,
      derive: ([snapshot]) => statusOf(group, snapshot),
    });
    this.#view$ = new RecipeView(context, {
      prefixes,
      derive: ([snapshot]) => viewOfSnapshot(group, snapshot),
    });
  }

  /**
   * Waits in line until the node may reboot; returns at once when it may already. Everything that
   * the policy says is judged when the slot is taken, however long the wait was.
   * @throws CoordinationError `InvalidArgument`; `Aborted`, `Timeout`: the node may have been given
   * a slot all the same, which asking again finds and `release` gives back
   *
   * @example
   * await reboots.acquire({ node: 'host-7', zone: 'eu-1', timeoutMs: 3_600_000 });
   */
  async acquire(options: RebootAcquireOptions): Promise<RebootHolder> {
    const { store, closed } = this.#context;
    const wish = this.#wish(options);
    using scope = new CancelScope(store, options, closed);
    for (;;) {
      const request = new RebootRequest(this.#context, this.#keys, wish);
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
   * Asks for a slot and does not wait. With `pollTtlSeconds` a refused wish stays visible for that
   * long; those who stand in line are served before those who poll.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument`
   *
   * @example
   * const tried = await reboots.tryAcquire({ node: 'host-7', pollTtlSeconds: 900 });
   * if (!tried.ok) console.log(tried.rule, tried.reason);
   */
  async tryAcquire(options: RebootTryOptions): Promise<RebootTry> {
    const { store, closed } = this.#context;
    const wish = this.#wish(options);
    const { pollTtlSeconds } = options;
    if (pollTtlSeconds !== undefined) checkPollTtl(pollTtlSeconds);
    using scope = new CancelScope(store, options, closed);
    return await new RebootRequest(this.#context, this.#keys, wish).ask(scope, pollTtlSeconds);
  }

  /**
   * Says that the node goes down now, which starts the time that it has to come back. Answers with
   * its slot, or undefined when it has none.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument`
   *
   * @example
   * await reboots.rebooting({ node: 'host-7' });
   */
  async rebooting(options: RebootingOptions): Promise<RebootHolder | undefined> {
    return await this.#steps.rebooting(options);
  }

  /**
   * Says that the node is back and healthy. A stuck node is welcome too. With the boot id that it
   * had at the grant it has not rebooted, and keeps its slot.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument`
   *
   * @example
   * const { state } = await reboots.steady({ node: 'host-7', bootId });
   * if (state === 'not-rebooted') console.log('only the agent has restarted');
   */
  async steady(options: RebootSteadyOptions): Promise<RebootSteady> {
    return await this.#steps.steady(options);
  }

  /**
   * Frees the slot of a node, if it has one, and says whether it had. Tried again after a lost
   * answer it cannot free a slot that the node took later.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument`
   *
   * @example
   * await reboots.release({ node: 'host-7', by: 'ann', reason: 'scrapped' });
   */
  async release(options: RebootReleaseOptions): Promise<boolean> {
    return await this.#changes.release(options);
  }

  /**
   * The condition that a slot is still there, for a transaction of the caller's: it fails once the
   * slot has ended.
   *
   * @example
   * const slot = await reboots.acquire({ node: 'host-7' });
   * await store.txn({
   *   compare: [reboots.guard(slot)],
   *   success: [{ kind: 'put', key: 'drain/host-7', value: 'yes' }],
   * });
   */
  guard({ node, revision }: Pick<RebootHolder, 'node' | 'revision'>): Compare {
    return createIs(this.#keys.slots + node, revision);
  }

  /**
   * Gives a node a slot past limit, windows, holds and all other rules; it counts like any other. A
   * node that has one keeps it as it is.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument`
   *
   * @example
   * await reboots.force({ node: 'host-7', by: 'ann', reason: 'CVE, now' });
   */
  async force(options: RebootForceOptions): Promise<RebootHolder> {
    const { store, closed } = this.#context;
    const wish = this.#wish(options);
    const attempt = new GrantAttempt(this.#context, this.#keys, this.#changes.writer, wish);
    using scope = new CancelScope(store, options, closed);
    for (;;) {
      const view = await readGroup(store, scope, this.#keys, wish.node, 'none');
      if (await this.#changes.writer.tend(scope, view)) continue;
      const slot = slotIn(view, wish.node);
      if (slot !== undefined && slot.record.phase !== 'soaking') return holderOf(slot);
      const zone = wish.zone ?? view.nodes.get(wish.node) ?? '';
      const outcome = await attempt.force(scope, view, { node: wish.node, zone });
      if (outcome !== 'again' && outcome.kind === 'held') return outcome.holder;
    }
  }

  /**
   * Keeps the group, or one node, from getting slots, until it is taken away or its time is up. It
   * takes no slot away.
   * @throws CoordinationError `InvalidArgument`, `Aborted`, `Timeout`
   *
   * @example
   * const hold = await reboots.hold({ node: 'host-7', forSeconds: 3600, reason: 'debugging' });
   */
  async hold(options: RebootHoldOptions): Promise<RebootHold> {
    return await this.#changes.hold(options);
  }

  /**
   * Takes holds away and answers with them: the one of an id, or those of a node, or with neither
   * those of the group as a whole.
   * @throws CoordinationError `Aborted`, `Timeout`
   *
   * @example
   * await reboots.unhold({ node: 'host-7' });
   */
  async unhold(options: RebootUnholdOptions = {}): Promise<readonly RebootHold[]> {
    return await this.#changes.unhold(options);
  }

  /**
   * Changes the policy; fields that are left out stay as they are. Answers with the whole of it.
   * @throws CoordinationError `InvalidArgument`, which names the field; `Aborted`, `Timeout`
   *
   * @example
   * await reboots.setPolicy({
   *   max: '20%',
   *   windows: [parseWindow('Mon-Fri 22:00 4h Europe/Berlin')],
   *   rebootTimeoutSeconds: 1800,
   *   failureBudget: 1,
   * });
   */
  async setPolicy(
    change: RebootPolicyChange,
    options: RebootChangeOptions = {},
  ): Promise<RebootPolicy> {
    return await this.#changes.setPolicy(change, options);
  }

  /**
   * Sets how many may reboot at a time, as a number or a percentage of the known nodes. Lowering it
   * takes no slot away: while more are taken than allowed, the group is `draining` and grants
   * nothing. 0 gives nothing away at all; `pause` says why.
   * @throws CoordinationError `InvalidArgument`, `Aborted`, `Timeout`
   *
   * @example
   * await reboots.setMax(3);
   */
  async setMax(max: RebootMax, options: RebootChangeOptions = {}): Promise<void> {
    await this.#changes.setPolicy({ max: checkMax(max) }, options);
  }

  /**
   * Gives nothing away until somebody resumes, or until the time is up. It takes no slot away.
   * @throws CoordinationError `InvalidArgument`, `Aborted`, `Timeout`
   *
   * @example
   * await reboots.pause({ by: 'ann', reason: 'Christmas' });
   */
  async pause(options: RebootPauseOptions = {}): Promise<RebootPolicy> {
    return await this.#changes.pause(options);
  }

  /**
   * Ends a pause.
   * @throws CoordinationError `InvalidArgument`, `Aborted`, `Timeout`
   *
   * @example
   * await reboots.resume({ by: 'ann' });
   */
  async resume(options: RebootChangeOptions = {}): Promise<RebootPolicy> {
    return await this.#changes.resume(options);
  }

  /**
   * Takes a node that is gone for good out of those that a percentage refers to, and says whether
   * it was among them. Its slot, if it has one, stays; asking for a slot makes it known again.
   * @throws CoordinationError `InvalidArgument`, `Aborted`, `Timeout`
   *
   * @example
   * await reboots.forget({ node: 'host-7' });
   */
  async forget(options: RebootNodeOptions): Promise<boolean> {
    return await this.#changes.forget(options);
  }

  /**
   * The group as it is now.
   * @throws CoordinationError `Aborted`, `Timeout`
   *
   * @example
   * const { taken, max, stuck, holders, queue } = await reboots.status();
   */
  async status(options: WaitOptions = {}): Promise<RebootStatus> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    return statusOf(this.group, await readWholeGroup(store, scope, this.#keys));
  }

  /**
   * Why the node may not reboot now, or that it may.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument`
   *
   * @example
   * const { rule, reason, nextWindowMs } = await reboots.plan('host-7');
   */
  async plan(node: string, options: WaitOptions = {}): Promise<RebootPlan> {
    const { store, closed } = this.#context;
    checkNode(node);
    using scope = new CancelScope(store, options, closed);
    const view = viewOfSnapshot(this.group, await readWholeGroup(store, scope, this.#keys));
    return planOf(this.#keys, view, node, store.clock.wall());
  }

  /**
   * The same as it changes: with the group, and with the time of day.
   * @throws CoordinationError `InvalidArgument`
   *
   * @example
   * reboots.plan$('host-7').subscribe(({ state, reason }) => console.log(state, reason));
   */
  plan$(node: string): Observable<RebootPlan> {
    const { store, closed$ } = this.#context;
    const plans = followPlan(this.#keys, this.#view$, checkNode(node), store.clock);
    return plans.pipe(takeUntil(closed$));
  }

  /**
   * The audit trail, oldest first: who did what, when and why. It keeps the newest 256 entries.
   * @throws CoordinationError `Aborted`, `Timeout`
   *
   * @example
   * for (const { kind, node, by } of await reboots.log({ limit: 10 })) console.log(kind, node, by);
   */
  async log(options: RebootLogOptions = {}): Promise<readonly RebootLogEntry[]> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const { signal } = scope;
    const limit = Math.min(options.limit ?? REBOOT_LIMITS.logEntries, REBOOT_LIMITS.logEntries);
    if (limit < 1) return [];
    const request = { ...prefix(this.#keys.log), limit, sortTarget: 'key' } as const;
    const read = await scope.retry(() =>
      store.range({ ...request, sortOrder: 'descend' }, { signal }),
    );
    return read.kvs
      .map((kv) => decodeLog(Number(toText(kv.key).slice(this.#keys.log.length)), kv))
      .toReversed();
  }

  #wish(options: RebootAcquireOptions): WishTerms {
    const { zone, bootId = '', reason = '' } = options;
    const { store, identity } = this.#context;
    const node = checkNode(options.node);
    const by = options.by ?? (identity === '' ? node : identity);
    for (const [what, text] of Object.entries({ node, zone, bootId, reason, by })) {
      if ((text ?? '').length <= REBOOT_LIMITS.textBytes) continue;
      const message = `${what} is longer than ${REBOOT_LIMITS.textBytes} characters`;
      throw new CoordinationError('InvalidArgument', message);
    }
    return { node, zone, bootId, reason, by, sinceMs: store.clock.wall() };
  }
}

function checkPollTtl(seconds: number): void {
  const isWhole = Number.isSafeInteger(seconds) && seconds > 0;
  if (isWhole && seconds <= REBOOT_LIMITS.timeSeconds) return;
  const message = `pollTtlSeconds ${seconds} is not a whole number from 1 to ${REBOOT_LIMITS.timeSeconds}`;
  throw new CoordinationError('InvalidArgument', message);
}
