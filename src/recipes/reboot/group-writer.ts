import type { Compare, TxnOperation, TxnRequest, TxnResult } from '../../store/index.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { rangeOf } from '../base/queue-place.js';
import { isCoordinationError } from '../errors.js';
import type { GroupView, SlotView } from './group-view.js';
import { logKey, type RebootKeys } from './reboot-keys.js';
import { REBOOT_LIMITS, type RebootPolicy } from './reboot-policy.js';
import {
  encodeCooldown,
  encodeLog,
  encodeSlot,
  type LogNote,
  nonceOf,
  type SlotRecord,
} from './reboot-records.js';

/** One step of a group: what it rests on beside the epoch, what it does, and what is told of it. */
export interface Step {
  readonly compare?: readonly Compare[];
  readonly operations: readonly TxnOperation[];
  readonly entry: LogNote;
  /** Leases made for this step, which have no use if it fails. */
  readonly leases?: readonly bigint[];
  /** Leases that nothing hangs on any more once the step is taken. */
  readonly outlived?: readonly bigint[];
}

/** What a step came to. */
export interface Committed {
  readonly succeeded: boolean;
  readonly revision: number;
}

/** A clock in the store that was made for a step. */
export interface StoreClock {
  readonly lease: bigint;
  readonly ttlSeconds: number;
}

/** How long the background may try to take back a lease that would end by itself anyway. */
const TAKE_BACK_MS = 5000;

/**
 * Writes the steps of a group, one after the other: each compares the epoch of the view that it was
 * decided on and moves it, and leaves its entry in the audit trail. So no step rests on what is out
 * of date, and one whose answer was lost finds its own entry instead of happening twice. One that
 * was sent again and refused moves the epoch as well, for not all that a step compares is under it.
 */
export class GroupWriter {
  readonly #context: RecipeContext;
  readonly #keys: RebootKeys;
  /** Leases that were made for steps which were not sent yet, each with the way to let it be. */
  readonly #spare = new Map<bigint, () => void>();

  constructor(context: RecipeContext, keys: RebootKeys) {
    this.#context = context;
    this.#keys = keys;
  }

  /**
   * Takes a step if nothing that it rests on has changed since `view`; otherwise looking again
   * tells. `nonce` belongs to the wish, and stays the same when the wish is tried anew.
   */
  async commit(scope: CancelScope, view: GroupView, step: Step, nonce: string): Promise<Committed> {
    const { store } = this.#context;
    const sequence = view.sequence + 1;
    const entry = logKey(this.#keys, sequence);
    const value = encodeLog(step.entry, store.clock.wall(), nonce);
    const unmoved = modIs(this.#keys.epoch, view.epochMod);
    const move: readonly TxnOperation[] = [
      { kind: 'put', key: this.#keys.epoch },
      ...this.#trim(sequence),
    ];
    const request: TxnRequest = {
      compare: [unmoved, ...(step.compare ?? [])],
      success: [...step.operations, ...move, { kind: 'put', key: entry, value }],
      failure: [{ kind: 'range', key: entry }],
    };
    // A refusal must be the end of it: an earlier try could still arrive when all holds again.
    const settling: TxnRequest = {
      ...request,
      failure: [...(request.failure ?? []), { kind: 'txn', compare: [unmoved], success: move }],
    };
    const conclude = (result: TxnResult): Committed => {
      const { revision } = result.header;
      const found = rangeOf(result.responses[0])?.[0];
      const isMine = found !== undefined && nonceOf(found) === nonce;
      const succeeded = result.succeeded || isMine;
      this.#takeBack((succeeded ? step.outlived : step.leases) ?? []);
      return { succeeded, revision: isMine ? found.modRevision : revision };
    };
    let unsure = false;
    let sent: Promise<TxnResult> | undefined;
    this.use(step.leases ?? []);
    try {
      const result = await scope.retry((failures) => {
        unsure ||= failures > 0;
        sent = store.txn(unsure ? settling : request);
        return sent;
      });
      return conclude(result);
    } catch (error) {
      // Whoever has given up leaves it to the answer which leases have no use now.
      if (scope.signal.aborted) void sent?.then(conclude).catch(() => undefined);
      scope.check();
      // A lease of the step ran out before the step was taken: it has to be made anew.
      if (!isCoordinationError(error, 'SessionLost')) throw error;
      return { succeeded: false, revision: view.revision };
    }
  }

  /**
   * A lease that nobody renews; undefined for no time at all. It goes when `scope` ends before it
   * was put to use: it may be one of days.
   */
  async clock(scope: CancelScope, seconds: number): Promise<StoreClock | undefined> {
    if (seconds === 0) return undefined;
    const { leases } = this.#context.store;
    const granted = await scope.retry(() => {
      const grant = leases.grant({ ttlSeconds: seconds });
      grant.then(
        ({ id }) => this.#spareUntil(scope, id),
        () => undefined,
      );
      return grant;
    });
    return { lease: granted.id, ttlSeconds: granted.ttlSeconds };
  }

  /** To be called before leases of `clock` are sent with a write. */
  use(leases: readonly bigint[]): void {
    for (const lease of leases) {
      this.#spare.get(lease)?.();
      this.#spare.delete(lease);
    }
  }

  /** Puts a slot into a phase, with its clock; the old clock has to be taken back afterwards. */
  enter(node: string, record: SlotRecord, clock: StoreClock | undefined): readonly TxnOperation[] {
    const key = this.#keys.dues + node;
    return [
      { kind: 'put', key: this.#keys.slots + node, value: encodeSlot(record) },
      clock === undefined
        ? { kind: 'delete', key }
        : { kind: 'put', key, value: record.phase, lease: clock.lease },
    ];
  }

  /** Ends a slot, and begins the cooldown. */
  leave(node: string, cooldown: StoreClock | undefined): readonly TxnOperation[] {
    return [
      { kind: 'delete', key: this.#keys.slots + node },
      { kind: 'delete', key: this.#keys.dues + node },
      ...this.cool(node, cooldown),
    ];
  }

  cool(node: string, cooldown: StoreClock | undefined): readonly TxnOperation[] {
    if (cooldown === undefined) return [];
    const { lease, ttlSeconds } = cooldown;
    const value = encodeCooldown(this.#context.store.clock.wall() + ttlSeconds * 1000);
    return [{ kind: 'put', key: this.#keys.cooldowns + node, value, lease }];
  }

  /**
   * Draws the conclusion from one clock that has run out, if there is any: a soaked slot ends, and
   * any other is stuck. Says whether there was one, and then the view is out of date.
   */
  async tend(scope: CancelScope, view: GroupView): Promise<boolean> {
    const late = view.slots.find(isLate);
    if (late === undefined) return false;
    const { node, record } = late;
    const compare = [
      modIs(this.#keys.slots + node, late.modRevision),
      createIs(this.#keys.dues + node, 0),
    ];
    const nonce = this.#context.store.random.hex(8);
    const entry = { node, by: this.#context.identity, reason: lateReason(record) };
    const step: Step =
      late.state === 'soaked'
        ? {
            compare,
            operations: this.leave(node, undefined),
            entry: { ...entry, kind: 'released' },
          }
        : {
            compare,
            operations: this.enter(node, this.#stuck(record), undefined),
            entry: { ...entry, kind: 'stuck' },
          };
    await this.commit(scope, view, step, nonce);
    return true;
  }

  /** Gives up leases that were made for a step which is not taken after all. */
  drop(leases: readonly bigint[]): void {
    this.use(leases);
    this.#takeBack(leases);
  }

  #spareUntil(scope: CancelScope, lease: bigint): void {
    const unfollow = scope.ended.follow(() => {
      this.#spare.delete(lease);
      this.#takeBack([lease]);
    });
    if (!scope.ended.isOver) this.#spare.set(lease, unfollow);
  }

  /** Revokes leases that nothing hangs on any more, behind the caller's back. */
  #takeBack(leases: readonly bigint[]): void {
    const { store, closed } = this.#context;
    for (const lease of leases) {
      if (lease === 0n) continue;
      const revoke = async (): Promise<void> => {
        using scope = new CancelScope(store, { timeoutMs: TAKE_BACK_MS }, closed);
        await scope.race(store.leases.revoke(lease));
      };
      // Should it fail, the lease ends by itself.
      void this.#context.track(revoke()).catch(() => undefined);
    }
  }

  #stuck(record: SlotRecord): SlotRecord {
    const phaseSinceMs = this.#context.store.clock.wall();
    return { ...record, phase: 'stuck', phaseSinceMs, dueSeconds: 0 };
  }

  #trim(sequence: number): readonly TxnOperation[] {
    const oldest = sequence - REBOOT_LIMITS.logEntries;
    return oldest < 1 ? [] : [{ kind: 'delete', key: logKey(this.#keys, oldest) }];
  }
}

/** Seconds of cooldown that a slot leaves behind under a policy. */
export function cooldownSeconds(policy: RebootPolicy | undefined): number {
  return policy?.cooldownSeconds ?? 0;
}

/** The condition that a key was last changed at `revision`; 0: that it does not exist. */
export function modIs(key: string, revision: number): Compare {
  return { key, target: 'mod', operator: '=', operand: revision };
}

/** The condition that a key came into being at `revision`; 0: that it does not exist. */
export function createIs(key: string, revision: number): Compare {
  return { key, target: 'create', operator: '=', operand: revision };
}

function isLate({ state, record }: SlotView): boolean {
  return state === 'soaked' || (state === 'stuck' && record.phase !== 'stuck');
}

function lateReason({ phase, dueSeconds }: SlotRecord): string {
  switch (phase) {
    case 'soaking':
      return `healthy for ${dueSeconds} s`;
    case 'granted':
      return `did not reboot within ${dueSeconds} s`;
    case 'rebooting':
    case 'stuck':
      return `not back within ${dueSeconds} s`;
  }
}
