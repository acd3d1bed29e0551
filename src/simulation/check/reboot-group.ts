import type { KeyValue } from '../../store/index.js';
import { type Fields, fieldsOf } from './fields-of.js';

/** A group whose policy was never set. */
const SLOTS_MAX_DEFAULT = 1;
const FAILURE_BUDGET_DEFAULT = 0;

/** What a slot says of itself; a field that is missing says nothing. */
export interface Slot {
  readonly phase?: unknown;
  readonly dueSeconds?: unknown;
  readonly bootId?: unknown;
  readonly zone?: unknown;
}

/**
 * A reboot group as its keys tell, and what its rules say of a slot that is given away. It knows
 * the rules of the store alone: what a clock on the wall decides, windows and the end of a pause,
 * is not judged here.
 */
export class RebootGroup {
  readonly slots = new Map<string, Slot>();
  /** Nodes whose clock runs, and those that cool down. */
  readonly #dues = new Set<string>();
  readonly #cooldowns = new Set<string>();
  readonly #nodes = new Set<string>();
  /** By id; what is held: a node, or undefined for the whole group. */
  readonly #holds = new Map<string, string | undefined>();
  #max: (nodes: number) => number = () => SLOTS_MAX_DEFAULT;
  #failureBudget = FAILURE_BUDGET_DEFAULT;
  #isPaused = false;
  #zoneRule: unknown;

  /** Everything but slots; `kv` is undefined when the key goes. */
  change(part: string | undefined, name: string, kv: KeyValue | undefined): void {
    if (part === 'policy') {
      this.#setPolicy(kv === undefined ? { max: SLOTS_MAX_DEFAULT } : fieldsOf(kv));
      return;
    }
    if (part === 'hold') {
      if (kv === undefined) this.#holds.delete(name);
      else this.#holds.set(name, heldNode(fieldsOf(kv)));
      return;
    }
    const set = part === 'due' ? this.#dues : part === 'cooldown' ? this.#cooldowns : this.#nodes;
    if (kv === undefined) set.delete(name);
    else set.add(name);
  }

  /**
   * Why no slot may have been given to `node` in this state; empty when it may. A slot whose time
   * is up is stuck, and counts against the budget instead of the limit.
   */
  whyNot(node: string): readonly string[] {
    const isLate = (slot: readonly [string, Slot]): boolean =>
      slot[1].phase === 'stuck' || this.#isUp(slot);
    const all = [...this.slots];
    const taken = all.filter((slot) => !isLate(slot)).map(([name]) => name);
    const stuck = all.filter((slot) => isLate(slot) && slot[1].phase !== 'soaking');
    const names = stuck.map(([name]) => name);
    const allowed = this.#max(this.#nodes.size);
    const why: string[] = [];
    if (taken.length > allowed) {
      why.push(`${taken.length} of ${allowed} are taken (${taken.join(', ')})`);
    }
    if (stuck.length > this.#failureBudget) {
      why.push(
        `${stuck.length} are stuck (${names.join(', ')}) of ${this.#failureBudget} that may be`,
      );
    }
    if (this.#isPaused) why.push('it is paused');
    for (const held of this.#holds.values()) {
      if (held === undefined || held === node) why.push(`${held ?? 'the group'} is held`);
    }
    for (const cooling of this.#cooldowns) {
      const slot = this.slots.get(cooling);
      const isWatched = slot?.phase === 'soaking' && !this.#isUp([cooling, slot]);
      if (!isWatched) why.push(`${cooling} cools down`);
    }
    return [...why, ...this.#zoneTrouble(node, [...taken, ...names])];
  }

  #setPolicy({ max, failureBudget, paused, order }: Fields): void {
    this.#max = (nodes) => slotsMax(max, nodes);
    this.#failureBudget = typeof failureBudget === 'number' ? failureBudget : 0;
    const pause = (paused ?? undefined) as { readonly untilMs?: unknown } | undefined;
    this.#isPaused = pause !== undefined && (pause.untilMs ?? undefined) === undefined;
    this.#zoneRule = (order as { readonly rule?: unknown } | null | undefined)?.rule;
  }

  #isUp([node, { dueSeconds }]: readonly [string, Slot]): boolean {
    return typeof dueSeconds === 'number' && dueSeconds > 0 && !this.#dues.has(node);
  }

  #zoneTrouble(node: string, away: readonly string[]): readonly string[] {
    if (this.#zoneRule === undefined) return [];
    const mine = this.slots.get(node)?.zone;
    const isBad = (other: string): boolean =>
      (this.slots.get(other)?.zone === mine) === (this.#zoneRule === 'one-per-zone');
    const others = away.filter((other) => other !== node && isBad(other));
    return others.map((other) => `by "${String(this.#zoneRule)}" ${other} is in its way`);
  }
}

/** A hold that says nothing clear holds the whole group. */
function heldNode({ scope, node }: Fields): string | undefined {
  return scope === 'node' && typeof node === 'string' ? node : undefined;
}

/** A policy that says nothing clear allows nothing. */
function slotsMax(max: unknown, nodes: number): number {
  if (typeof max === 'string' && /^\d+%$/.test(max)) {
    return Math.max(1, Math.floor((Number.parseInt(max, 10) * nodes) / 100));
  }
  return typeof max === 'number' && Number.isInteger(max) && max >= 0 ? max : 0;
}
