import type { RecipeContext } from '../base/context.js';
import { checkNode } from '../base/names.js';
import type { Decision, GroupChanges } from './group-changes.js';
import { type GroupView, holderOf, sameSlot, type SlotView } from './group-view.js';
import { cooldownSeconds, modIs, type StoreClock } from './group-writer.js';
import type { CancelScope } from '../base/cancel-scope.js';
import type { RebootKeys } from './reboot-keys.js';
import type { RebootingOptions, RebootSteadyOptions } from './reboot-options.js';
import type { SlotRecord } from './reboot-records.js';
import type { RebootHolder, RebootSteady } from './reboot-status.js';

/**
 * What a node that has a slot says of itself: that it goes, and that it is back. Each moves the
 * slot to its next phase, with a clock in the store for it.
 */
export class NodeSteps {
  readonly #context: RecipeContext;
  readonly #keys: RebootKeys;
  readonly #changes: GroupChanges;

  constructor(context: RecipeContext, keys: RebootKeys, changes: GroupChanges) {
    this.#context = context;
    this.#keys = keys;
    this.#changes = changes;
  }

  rebooting(options: RebootingOptions): Promise<RebootHolder | undefined> {
    const node = checkNode(options.node);
    const pick = sameSlot(node);
    return this.#changes.change(options, node, async (view, scope) => {
      const slot = pick(view);
      if (slot === undefined) return { kind: 'done', value: undefined };
      const { bootId = slot.record.bootId } = options;
      const isNews = slot.record.phase === 'granted' && slot.state === 'active';
      if (!isNews) return { kind: 'done', value: holderOf(slot) };
      const seconds = view.policy?.rebootTimeoutSeconds ?? 0;
      const clock = await this.#changes.writer.clock(scope, seconds);
      const record = this.#inPhase({ ...slot.record, bootId }, 'rebooting', clock && seconds);
      return this.#enter(slot, record, clock, options);
    });
  }

  steady(options: RebootSteadyOptions): Promise<RebootSteady> {
    const node = checkNode(options.node);
    let last: RebootSteady['state'] = 'not-held';
    const pick = sameSlot(node);
    return this.#changes.change(options, node, async (view, scope) => {
      const slot = pick(view);
      if (slot === undefined) return done(last, undefined);
      const { bootId = '' } = options;
      const isSame = bootId !== '' && bootId === slot.record.bootId;
      if (slot.record.phase === 'soaking') {
        // One that went down while it was being watched is watched from the beginning.
        const isOther = bootId !== '' && slot.record.bootId !== '' && !isSame;
        if (!isOther) return done('soaking', slot);
      } else if (isSame) return done('not-rebooted', slot);
      last = 'released';
      return await this.#comeBack(scope, view, slot, options);
    });
  }

  async #comeBack(
    scope: CancelScope,
    view: GroupView,
    slot: SlotView,
    options: RebootSteadyOptions,
  ): Promise<Decision<RebootSteady>> {
    const { writer } = this.#changes;
    const { node } = slot;
    const soakSeconds = view.policy?.soakSeconds ?? 0;
    const cooling = cooldownSeconds(view.policy);
    const soak = await writer.clock(scope, soakSeconds);
    // It begins with the soak time and outlasts it, so that nobody has to be there at the change.
    const cooldown = await writer.clock(scope, cooling === 0 ? 0 : soakSeconds + cooling);
    if (soak === undefined) {
      const step = {
        compare: [modIs(this.#keys.slots + node, slot.modRevision)],
        operations: writer.leave(node, cooldown),
        entry: this.#changes.entry('released', options, node),
        ...this.#leases(slot, [cooldown]),
      };
      return { kind: 'step', step, value: { state: 'released', holder: undefined } };
    }
    const { bootId = slot.record.bootId } = options;
    const record = this.#inPhase({ ...slot.record, bootId }, 'soaking', soakSeconds);
    const { step, value } = this.#enter(slot, record, soak, options);
    const operations = [...step.operations, ...writer.cool(node, cooldown)];
    return {
      kind: 'step',
      step: { ...step, operations, ...this.#leases(slot, [soak, cooldown]) },
      value: { state: 'soaking', holder: value },
    };
  }

  #enter(
    slot: SlotView,
    record: SlotRecord,
    clock: StoreClock | undefined,
    options: RebootingOptions,
  ): Extract<Decision<RebootHolder>, { kind: 'step' }> {
    const { node } = slot;
    const kind = record.phase === 'soaking' ? 'soaking' : 'rebooting';
    return {
      kind: 'step',
      step: {
        compare: [modIs(this.#keys.slots + node, slot.modRevision)],
        operations: this.#changes.writer.enter(node, record, clock),
        entry: this.#changes.entry(kind, options, node),
        ...this.#leases(slot, [clock]),
      },
      value: holderOf({ ...slot, record, state: 'active' }),
    };
  }

  #inPhase(
    record: SlotRecord,
    phase: SlotRecord['phase'],
    dueSeconds: number | undefined,
  ): SlotRecord {
    const phaseSinceMs = this.#context.store.clock.wall();
    return { ...record, phase, phaseSinceMs, dueSeconds: dueSeconds ?? 0 };
  }

  #leases(
    { due }: SlotView,
    clocks: readonly (StoreClock | undefined)[],
  ): { readonly leases: readonly bigint[]; readonly outlived: readonly bigint[] } {
    return {
      leases: clocks.flatMap((clock) => (clock === undefined ? [] : [clock.lease])),
      outlived: due === undefined ? [] : [due.lease],
    };
  }
}

function done(state: RebootSteady['state'], slot: SlotView | undefined): Decision<RebootSteady> {
  return {
    kind: 'done',
    value: { state, holder: slot === undefined ? undefined : holderOf(slot) },
  };
}
