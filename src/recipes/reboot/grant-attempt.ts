import type { Compare, TxnOperation } from '../../store/index.js';
import { prefix } from '../../store/index.js';
import type { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { type GroupView, holderOf, type SlotView } from './group-view.js';
import { type GroupWriter, modIs, type Step, type StoreClock } from './group-writer.js';
import { type Asker, closingWindow } from './judge.js';
import type { RebootKeys } from './reboot-keys.js';
import { REBOOT_LIMITS } from './reboot-policy.js';
import { encodeNode, type SlotRecord } from './reboot-records.js';
import type { RebootVerdict } from './reboot-rule.js';
import type { RebootHolder, RebootLogKind } from './reboot-status.js';
import { windowState } from './reboot-window.js';

/** What a node says when it asks. */
export interface WishTerms {
  readonly node: string;
  /** Absent: what is known of the node. */
  readonly zone: string | undefined;
  readonly sinceMs: number;
  readonly by: string;
  readonly reason: string;
  readonly bootId: string;
}

/** What became of an attempt; `again`: something has changed since the view was taken. */
export type Attempted =
  | { readonly kind: 'held'; readonly holder: RebootHolder }
  | Extract<RebootVerdict, { kind: 'refuse' }>
  | 'again';

/**
 * Seconds within which a grant made in a window has to arrive. A transaction can be on its way for
 * any time; this one carries a lease that is gone by then, and fails without it.
 */
const PASS_SECONDS = 5;

/**
 * The transaction that takes a slot. It compares everything that a verdict rests on: beside the
 * epoch, which every step compares, the policy, the holds, the node's own slot, its turn, and that
 * no clock of another slot has run out.
 */
export class GrantAttempt {
  readonly #context: RecipeContext;
  readonly #keys: RebootKeys;
  readonly #writer: GroupWriter;
  readonly #wish: WishTerms;
  readonly #nonce: string;

  constructor(context: RecipeContext, keys: RebootKeys, writer: GroupWriter, wish: WishTerms) {
    this.#context = context;
    this.#keys = keys;
    this.#writer = writer;
    this.#wish = wish;
    this.#nonce = context.store.random.hex(8);
  }

  /** Takes a slot by the rules, on a view for which the verdict was to grant it. */
  async grant(
    scope: CancelScope,
    view: GroupView,
    asker: Asker,
    turn: Compare,
  ): Promise<Attempted> {
    const { policy } = view;
    if (policy === undefined) throw new Error('a slot was granted without a policy');
    const due = await this.#writer.clock(scope, policy.grantTimeoutSeconds);
    const leases = due === undefined ? [] : [due.lease];
    const pass =
      policy.windows.length === 0 ? undefined : await this.#writer.clock(scope, PASS_SECONDS);
    if (pass !== undefined) {
      const now = windowState(policy.windows, this.#context.store.clock.wall());
      const leftMs = now.isOpen ? (now.closesMs ?? 0) - this.#context.store.clock.wall() : 0;
      if (!now.isOpen) return this.#drop([...leases, pass.lease], 'again');
      if (now.closesMs !== undefined && leftMs < pass.ttlSeconds * 1000) {
        return this.#drop([...leases, pass.lease], closingWindow(policy, now.closesMs));
      }
      leases.push(pass.lease);
    }
    const { policy: policyKey, holds } = this.#keys;
    return this.#take(scope, view, asker, {
      kind: 'granted',
      due,
      leases,
      compare: [
        modIs(policyKey, view.policyMod),
        { ...prefix(holds), target: 'mod', operator: '<', operand: view.revision + 1 },
        turn,
        ...this.#clocksRun(view),
      ],
      more: this.#passes(pass),
    });
  }

  /** Takes a slot whatever the rules say. */
  async force(scope: CancelScope, view: GroupView, asker: Asker): Promise<Attempted> {
    const due = await this.#writer.clock(scope, view.policy?.grantTimeoutSeconds ?? 0);
    const leases = due === undefined ? [] : [due.lease];
    const step = { kind: 'forced', due, leases, compare: [], more: [] } as const;
    return this.#take(scope, view, asker, step);
  }

  /**
   * Whether the node has rebooted since its slot says it was granted, and asks for another time.
   */
  isAfterReboot({ record, state }: SlotView): boolean {
    const { bootId } = this.#wish;
    const isNew = bootId !== '' && record.bootId !== '' && record.bootId !== bootId;
    return isNew && state === 'active' && record.phase !== 'soaking';
  }

  /** The slot of a node that came back and wants to go once more: it is kept, for the new boot. */
  async adopt(scope: CancelScope, view: GroupView, slot: SlotView): Promise<Attempted> {
    const due = await this.#writer.clock(scope, view.policy?.grantTimeoutSeconds ?? 0);
    const { node, bootId, sinceMs } = this.#wish;
    const dueSeconds = due === undefined ? 0 : (view.policy?.grantTimeoutSeconds ?? 0);
    const phase = { phase: 'granted', phaseSinceMs: sinceMs, dueSeconds } as const;
    const record: SlotRecord = { ...slot.record, ...phase, bootId };
    const { succeeded } = await this.#writer.commit(
      scope,
      view,
      {
        compare: [modIs(this.#keys.slots + node, slot.modRevision)],
        operations: this.#writer.enter(node, record, due),
        entry: { kind: 'granted', node, by: this.#wish.by, reason: 'once more, after a reboot' },
        leases: due === undefined ? [] : [due.lease],
        outlived: slot.due === undefined ? [] : [slot.due.lease],
      },
      this.#nonce,
    );
    return succeeded ? { kind: 'held', holder: holderOf({ ...slot, record }) } : 'again';
  }

  /** Makes the node known to the group, if that is news. */
  introduce(view: GroupView): readonly TxnOperation[] {
    const { node, zone } = this.#wish;
    const known = view.nodes.get(node);
    if (known !== undefined && (zone === undefined || zone === known)) return [];
    if (known === undefined && view.nodeCount >= REBOOT_LIMITS.nodes) return [];
    return [{ kind: 'put', key: this.#keys.nodes + node, value: encodeNode(zone ?? '') }];
  }

  async #take(
    scope: CancelScope,
    view: GroupView,
    { node, zone }: Asker,
    terms: {
      readonly kind: Extract<RebootLogKind, 'granted' | 'forced'>;
      readonly due: StoreClock | undefined;
      readonly leases: readonly bigint[];
      readonly compare: readonly Compare[];
      readonly more: readonly TxnOperation[];
    },
  ): Promise<Attempted> {
    const { kind, due, leases, compare, more } = terms;
    const { sinceMs, by, reason, bootId } = this.#wish;
    const before = view.slots.find((slot) => slot.node === node);
    const record: SlotRecord = {
      ...{ sinceMs, by, reason, bootId, zone },
      phase: 'granted',
      phaseSinceMs: sinceMs,
      dueSeconds: due === undefined ? 0 : (view.policy?.grantTimeoutSeconds ?? 0),
      forced: kind === 'forced',
    };
    const step: Step = {
      compare: [...compare, modIs(this.#keys.slots + node, before?.modRevision ?? 0)],
      operations: [
        ...this.#writer.enter(node, record, due),
        { kind: 'delete', key: this.#keys.wants + node },
        { kind: 'delete', key: this.#keys.polls + node },
        // A node that was being watched goes again, so its slot has not ended.
        ...(before === undefined ? [] : [this.#uncool(node)]),
        ...this.introduce(view),
        ...more,
      ],
      entry: { kind, node, by, reason },
      leases,
      outlived: before?.due === undefined ? [] : [before.due.lease],
    };
    const { succeeded, revision } = await this.#writer.commit(scope, view, step, this.#nonce);
    if (!succeeded) return 'again';
    const createRevision = before?.createRevision ?? revision;
    const slot = { node, record, createRevision, modRevision: revision, due: undefined };
    return { kind: 'held', holder: holderOf({ ...slot, state: 'active' }) };
  }

  /**
   * That no clock has run out since: a slot whose time is up changes how many are taken or stuck.
   */
  #clocksRun({ slots }: GroupView): readonly Compare[] {
    return slots.flatMap(({ node, due, state }) =>
      due === undefined || state !== 'active'
        ? []
        : [modIs(this.#keys.dues + node, due.modRevision)],
    );
  }

  #passes(pass: StoreClock | undefined): readonly TxnOperation[] {
    if (pass === undefined) return [];
    const key = this.#keys.passes + this.#wish.node;
    return [{ kind: 'put', key, lease: pass.lease }];
  }

  #uncool(node: string): TxnOperation {
    return { kind: 'delete', key: this.#keys.cooldowns + node };
  }

  #drop(leases: readonly bigint[], outcome: Attempted): Attempted {
    this.#writer.drop(leases);
    return outcome;
  }
}
