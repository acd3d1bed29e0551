// What a reboot group went through, judged from outside: revision after revision, by keys alone,
// with rules written down a second time. It knows nothing of how the recipe decides.
import assert from 'node:assert/strict';
import { type RebootPolicy, windowState } from '../../../src/recipes/index.js';
import { type KeyValue, type RevisionBatch, toText } from '../../../src/store/index.js';
import type { World } from '../../support/world.js';

interface Slot {
  readonly phase: string;
  readonly zone: string;
  readonly dueSeconds: number;
  readonly bootId: string;
}

export interface FleetCounts {
  grants: number;
  forced: number;
  stuck: number;
  released: number;
}

const POLICY: RebootPolicy = {
  max: 1,
  windows: [],
  cooldownSeconds: 0,
  soakSeconds: 0,
  rebootTimeoutSeconds: 0,
  grantTimeoutSeconds: 0,
  failureBudget: 0,
  order: null,
  paused: null,
};

/** Notes when each revision came to be, by the one clock of the world. */
export function noteTimes(world: World): Map<number, number> {
  const times = new Map<number, number>();
  world.server.listen(() => times.set(world.server.kv.revision, world.clock.wall()));
  return times;
}

/** Asserts that every grant was within the rules of its own revision, and counts what happened. */
export class FleetHistory {
  readonly counts: FleetCounts = { grants: 0, forced: 0, stuck: 0, released: 0 };
  readonly #root: string;
  readonly #pairs = new Map<string, KeyValue>();

  constructor(group: string) {
    this.#root = `reboot/${group}/`;
  }

  judge(history: readonly RevisionBatch[], times: ReadonlyMap<number, number>): FleetCounts {
    for (const batch of history) this.#apply(batch, times.get(batch.revision) ?? 0);
    return this.counts;
  }

  #apply({ revision, events }: RevisionBatch, wallMs: number): void {
    const names = events.map(({ kv }) => toText(kv.key));
    const before = new Map(this.#pairs);
    for (const [place, { type, kv }] of events.entries()) {
      const name = names[place] ?? '';
      if (!name.startsWith(this.#root)) continue;
      const key = name.slice(this.#root.length);
      if (type === 'put') this.#pairs.set(key, kv);
      else this.#pairs.delete(key);
    }
    const log = [...this.#pairs].find(
      ([key, kv]) => key.startsWith('log/') && kv.modRevision === revision,
    );
    const entry = log === undefined ? undefined : (parse(log[1]) as { kind: string; node: string });
    for (const [key, kv] of this.#pairs) {
      if (!key.startsWith('slot/') || kv.modRevision !== revision) continue;
      const node = key.slice('slot/'.length);
      assert.equal(kv.lease, 0n, `slot of ${node} has a lease`);
      assert.equal(entry?.node, node, `revision ${revision} writes the slot of ${node} unlogged`);
      if (entry.kind === 'stuck') this.counts.stuck += 1;
      if (entry.kind === 'forced') this.counts.forced += 1;
      if (entry.kind === 'granted') {
        this.counts.grants += 1;
        this.#judgeGrant(node, before, { revision, wallMs });
      }
    }
    if (entry?.kind === 'released') this.counts.released += 1;
    this.#judgeDisappearance(before, entry, revision);
  }

  #judgeGrant(
    node: string,
    before: ReadonlyMap<string, KeyValue>,
    { revision, wallMs }: { readonly revision: number; readonly wallMs: number },
  ): void {
    const policyKv = before.get('policy');
    const policy = { ...POLICY, ...(policyKv && (parse(policyKv) as Partial<RebootPolicy>)) };
    const at = `revision ${revision}, grant to ${node}`;
    const own = before.get(`slot/${node}`);
    const slots = under(before, 'slot/').map(([name, kv]) => ({ name, ...(parse(kv) as Slot) }));
    const isUp = (slot: Slot & { name: string }): boolean =>
      slot.dueSeconds > 0 && !before.has(`due/${slot.name}`);
    const others = slots.filter(({ name }) => name !== node);
    const stuck = others.filter(
      (slot) => slot.phase === 'stuck' || (slot.phase !== 'soaking' && isUp(slot)),
    );
    const taken = others.filter((slot) => !stuck.includes(slot) && !isUp(slot));
    if (own !== undefined && (parse(own) as Slot).phase !== 'soaking') {
      // A node that asks once more, after a reboot, keeps what it has.
      return;
    }
    const nodes = new Set(under(this.#pairs, 'node/').map(([name]) => name));
    const max =
      typeof policy.max === 'number'
        ? policy.max
        : Math.max(1, Math.floor((Number.parseInt(policy.max, 10) * nodes.size) / 100));
    assert.ok(taken.length < max, `${at}: ${taken.length} of ${max} are taken`);
    assert.ok(stuck.length <= policy.failureBudget, `${at}: ${stuck.length} are stuck`);
    assert.ok(windowState(policy.windows, wallMs).isOpen, `${at}: no window is open`);
    assert.equal(policy.paused, null, `${at}: paused`);
    for (const [, kv] of under(before, 'hold/')) {
      const hold = parse(kv) as { scope: string; node: string };
      assert.ok(hold.scope === 'node' && hold.node !== node, `${at}: held back`);
    }
    const watched = slots.filter((slot) => slot.phase === 'soaking' && !isUp(slot));
    for (const [name] of under(before, 'cooldown/')) {
      assert.ok(
        watched.some((slot) => slot.name === name),
        `${at}: the slot of ${name} ended too short a while ago`,
      );
    }
    if (policy.order === null) return;
    const zone = (parse(this.#pairs.get(`slot/${node}`) as KeyValue) as Slot).zone;
    for (const other of [...taken, ...stuck]) {
      const isRight = (other.zone === zone) === (policy.order.rule === 'one-zone-at-a-time');
      assert.ok(isRight, `${at} of zone ${zone}: ${other.name} of zone ${other.zone} has one`);
    }
  }

  /** A slot goes because somebody says so, or after a soak; never because time is up. */
  #judgeDisappearance(
    before: ReadonlyMap<string, KeyValue>,
    entry: { kind: string; node: string } | undefined,
    revision: number,
  ): void {
    for (const [name] of under(before, 'slot/')) {
      if (this.#pairs.has(`slot/${name}`)) continue;
      const at = `revision ${revision} takes the slot of ${name} away`;
      assert.deepEqual([entry?.kind, entry?.node], ['released', name], at);
    }
  }
}

function under(pairs: ReadonlyMap<string, KeyValue>, part: string): readonly [string, KeyValue][] {
  return [...pairs]
    .filter(([key]) => key.startsWith(part))
    .map(([key, kv]): [string, KeyValue] => [key.slice(part.length), kv]);
}

function parse(kv: KeyValue): unknown {
  return JSON.parse(toText(kv.value));
}
