import { toBytes, type TxnOperation } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { checkExact, checkNode } from '../base/names.js';
import { CoordinationError } from '../errors.js';
import { readGroup } from './group-reader.js';
import { type GroupView, sameSlot } from './group-view.js';
import { cooldownSeconds, GroupWriter, type Step } from './group-writer.js';
import type { RebootKeys } from './reboot-keys.js';
import type {
  RebootActor,
  RebootHoldOptions,
  RebootPauseOptions,
  RebootReleaseOptions,
  RebootUnholdOptions,
} from './reboot-options.js';
import {
  checkPolicy,
  DEFAULT_POLICY,
  REBOOT_LIMITS,
  type RebootPolicy,
  type RebootPolicyChange,
} from './reboot-policy.js';
import { encodeHold, type LogNote } from './reboot-records.js';
import type { RebootHold, RebootLogKind } from './reboot-status.js';

/** What to do on a view: nothing more, or a step, and what to answer then. */
export type Decision<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'step'; readonly step: Step; readonly value: T };

/**
 * What administrators do to a group: each is decided on a view, taken as a step, and decided anew
 * when something came in between. Once it is done it is in the audit trail, exactly once.
 */
export class GroupChanges {
  readonly #context: RecipeContext;
  readonly #keys: RebootKeys;
  readonly writer: GroupWriter;

  constructor(context: RecipeContext, keys: RebootKeys) {
    this.#context = context;
    this.#keys = keys;
    this.writer = new GroupWriter(context, keys);
  }

  /** Decides and acts until it is done. `node` is the one whose entries the view must have. */
  async change<T>(
    options: WaitOptions,
    node: string,
    decide: (view: GroupView, scope: CancelScope) => Decision<T> | Promise<Decision<T>>,
  ): Promise<T> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const nonce = store.random.hex(8);
    for (;;) {
      const view = await readGroup(store, scope, this.#keys, node, 'none');
      if (await this.writer.tend(scope, view)) continue;
      const decision = await decide(view, scope);
      if (decision.kind === 'done') return decision.value;
      const { succeeded } = await this.writer.commit(scope, view, decision.step, nonce);
      if (succeeded) return decision.value;
    }
  }

  release(options: RebootReleaseOptions): Promise<boolean> {
    const node = checkNode(options.node);
    const pick = sameSlot(node);
    let seen = false;
    return this.change(options, node, async (view, scope) => {
      const slot = pick(view);
      const { revision = slot?.createRevision } = options;
      // Once it was there and is not any more, it was this release or another that ended it.
      if (slot === undefined || slot.createRevision !== revision) {
        return { kind: 'done', value: seen };
      }
      seen = true;
      const cooldown = await this.writer.clock(scope, cooldownSeconds(view.policy));
      return {
        kind: 'step',
        step: {
          operations: this.writer.leave(node, cooldown),
          entry: this.entry('released', options, node),
          leases: cooldown === undefined ? [] : [cooldown.lease],
          outlived: slot.due === undefined ? [] : [slot.due.lease],
        },
        value: true,
      };
    });
  }

  hold(options: RebootHoldOptions): Promise<RebootHold> {
    const { node = '', forSeconds = 0, id = this.#context.store.random.hex(4) } = options;
    if (options.node !== undefined) checkNode(node);
    checkText('id', id);
    checkExact('id of a reboot hold', id);
    checkSeconds(forSeconds, options.forSeconds !== undefined);
    return this.change(options, node, async (view, scope) => {
      checkRoom(view, id);
      const sinceMs = this.#context.store.clock.wall();
      const clock = await this.writer.clock(scope, forSeconds);
      const { by, reason } = this.#actor(options);
      const untilMs = clock === undefined ? undefined : sinceMs + clock.ttlSeconds * 1000;
      const scopeOf = options.node === undefined ? 'group' : 'node';
      const hold: RebootHold = { id, scope: scopeOf, node, by, reason, sinceMs, untilMs };
      const key = this.#keys.holds + id;
      const lease = clock === undefined ? {} : { lease: clock.lease };
      const step: Step = {
        operations: [
          { kind: 'put', key, value: encodeHold(hold), ...lease },
          ...(options.node === undefined ? [] : [this.#touch(node)]),
        ],
        entry: this.entry('held', options, node),
        leases: clock === undefined ? [] : [clock.lease],
      };
      return { kind: 'step', step, value: hold };
    });
  }

  unhold(options: RebootUnholdOptions): Promise<readonly RebootHold[]> {
    const { id, node } = options;
    let seen: readonly RebootHold[] | undefined;
    return this.change(options, node ?? '', (view) => {
      const isMeant = (hold: RebootHold): boolean => {
        if (id !== undefined) return hold.id === id;
        return node === undefined ? hold.scope === 'group' : hold.node === node;
      };
      const meant = view.holds.filter(isMeant).slice(0, REBOOT_LIMITS.holds);
      seen ??= meant;
      if (meant.length === 0) return { kind: 'done', value: seen };
      const operations = meant.map(
        (hold): TxnOperation => ({ kind: 'delete', key: this.#keys.holds + hold.id }),
      );
      const entry = this.entry('unheld', options, node ?? '');
      return { kind: 'step', step: { operations, entry }, value: seen };
    });
  }

  /** Changes what a policy says of some fields. */
  setPolicy(change: RebootPolicyChange, options: WaitOptions & RebootActor): Promise<RebootPolicy> {
    checkPolicy({ ...change });
    const reason = options.reason ?? JSON.stringify(change);
    return this.change(options, '', (view) => {
      const policy = checkPolicy({ ...change }, view.policy ?? DEFAULT_POLICY);
      const step = this.#policyStep(policy, this.entry('policy', { ...options, reason }, ''));
      return { kind: 'step', step, value: policy };
    });
  }

  pause(options: RebootPauseOptions): Promise<RebootPolicy> {
    const { forSeconds = 0 } = options;
    checkSeconds(forSeconds, options.forSeconds !== undefined);
    return this.change(options, '', (view) => {
      const nowMs = this.#context.store.clock.wall();
      const untilMs = forSeconds === 0 ? null : nowMs + forSeconds * 1000;
      const policy = { ...this.#readable(view), paused: { ...this.#actor(options), untilMs } };
      const step = this.#policyStep(policy, this.entry('paused', options, ''));
      return { kind: 'step', step, value: policy };
    });
  }

  resume(options: WaitOptions & RebootActor): Promise<RebootPolicy> {
    return this.change(options, '', (view) => {
      const policy = { ...this.#readable(view), paused: null };
      if (view.policy?.paused === null) return { kind: 'done', value: policy };
      const step = this.#policyStep(policy, this.entry('resumed', options, ''));
      return { kind: 'step', step, value: policy };
    });
  }

  forget(options: WaitOptions & RebootActor & { readonly node: string }): Promise<boolean> {
    const node = checkNode(options.node);
    let seen = false;
    return this.change(options, node, (view) => {
      if (!view.nodes.has(node)) return { kind: 'done', value: seen };
      seen = true;
      const operations = [{ kind: 'delete', key: this.#keys.nodes + node } as const];
      const entry = this.entry('forgotten', options, node);
      return { kind: 'step', step: { operations, entry }, value: true };
    });
  }

  /** What the audit trail will say. */
  entry(kind: RebootLogKind, actor: RebootActor, node: string): LogNote {
    return { kind, node, ...this.#actor(actor, node) };
  }

  #actor({ by, reason = '' }: RebootActor, node = ''): { by: string; reason: string } {
    const { identity } = this.#context;
    const who = by ?? (identity === '' ? node : identity);
    checkLength('by', who);
    checkLength('reason', reason);
    return { by: who, reason };
  }

  #policyStep(policy: RebootPolicy, entry: LogNote): Step {
    const key = this.#keys.policy;
    return { operations: [{ kind: 'put', key, value: JSON.stringify(policy) }], entry };
  }

  #readable({ group, policy }: GroupView): RebootPolicy {
    if (policy !== undefined) return policy;
    const message = `the policy of reboot group "${group}" cannot be read; set it anew`;
    throw new CoordinationError('InvalidArgument', message);
  }

  /** Wakes whoever waits for the node, and whoever is behind it in line. */
  #touch(node: string): TxnOperation {
    const key = this.#keys.wants + node;
    return {
      kind: 'txn',
      compare: [{ key, target: 'create', operator: '!=', operand: 0 }],
      success: [{ kind: 'put', key, ignoreValue: true, ignoreLease: true }],
    };
  }
}

function checkSeconds(seconds: number, isGiven: boolean): void {
  const isValid = Number.isSafeInteger(seconds) && seconds <= REBOOT_LIMITS.timeSeconds;
  if (!isGiven || (isValid && seconds > 0)) return;
  const message = `forSeconds ${seconds} is not a whole number from 1 to ${REBOOT_LIMITS.timeSeconds}`;
  throw new CoordinationError('InvalidArgument', message);
}

function checkRoom({ group, holds }: GroupView, id: string): void {
  if (holds.length < REBOOT_LIMITS.holds || holds.some((hold) => hold.id === id)) return;
  const message = `reboot group "${group}" has ${REBOOT_LIMITS.holds} holds already`;
  throw new CoordinationError('InvalidArgument', message);
}

function checkText(what: string, text: string): void {
  checkLength(what, text);
  if (text !== '') return;
  throw new CoordinationError('InvalidArgument', `the ${what} of a reboot hold is empty`);
}

function checkLength(what: string, text: string): void {
  if (toBytes(text).length <= REBOOT_LIMITS.textBytes) return;
  const message = `${what} is longer than ${REBOOT_LIMITS.textBytes} bytes`;
  throw new CoordinationError('InvalidArgument', message);
}
