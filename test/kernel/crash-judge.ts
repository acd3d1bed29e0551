// Judges a member after a power cut: what it holds must be what the model comes to when it is fed,
// in the order of the revisions, with exactly those requests that the history shows; and what any
// request was told must agree with that.
import assert from 'node:assert/strict';
import type { Kernel } from '../../src/kernel/index.js';
import { allKeys, type RevisionBatch, toText, type TxnResult } from '../../src/store/index.js';
import { Collector } from '../contract/store-harness.js';
import { ModelKv } from '../../src/simulation/model/model-kv.js';
import type { Memory, TxnCall } from './crash-life.js';
import { MARK_PREFIX } from './crash-requests.js';

/** What took effect, in order: a transaction, or the end of a lease. */
export type Effect =
  | { readonly kind: 'txn'; readonly call: TxnCall }
  | { readonly kind: 'revoke'; readonly lease: bigint };

export class Judge {
  readonly model = new ModelKv(() => true);
  readonly effects: Effect[] = [];
  readonly #memory: Memory;
  /** The revision of each transaction that took effect. */
  readonly #revisions = new Map<TxnCall, number>();

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Looks at a member that was just opened. */
  async judge(kernel: Kernel): Promise<void> {
    const { revision, compactRevision } = kernel.status();
    await this.#recover(kernel, revision);
    this.#follow();
    assert.equal(this.model.revision, revision, 'revisions that the history does not show');
    this.#checkCompaction(compactRevision);
    this.#checkAnswers();
    await this.#checkContent(kernel);
    await this.#checkLeases(kernel);
  }

  /** The revisions that nobody saw before the power went, after checking those that were seen. */
  async #recover(kernel: Kernel, revision: number): Promise<void> {
    const { batches } = this.#memory;
    for (const [at, batch] of batches.entries()) {
      assert.equal(batch.revision, at + 2, 'revisions were emitted with a gap, or twice');
    }
    const seen = batches.at(-1)?.revision ?? 1;
    assert.ok(revision >= seen, `revision ${revision}, but ${seen} was emitted before`);
    const from = Math.max(kernel.status().compactRevision + 1, 2);
    if (from > revision) return;
    const watch = Collector.watch(kernel.store, { ...allKeys(), startRevision: from });
    const recovered = await watch.until(revision - from + 1);
    watch.stop();
    for (const batch of recovered) {
      if (batch.revision <= seen) assert.deepEqual(batch, batches[batch.revision - 2]);
      else batches.push(batch);
    }
  }

  /** Feeds the model with what the history shows, revision by revision. */
  #follow(): void {
    const { batches } = this.#memory;
    while (this.model.revision <= batches.length) {
      const batch = batches[this.model.revision - 1] as RevisionBatch;
      const effect = this.#effectOf(batch);
      this.effects.push(effect);
      if (effect.kind === 'revoke') this.model.deleteLeaseKeys(effect.lease);
      else this.#run(effect.call);
      const expected = this.model.history.at(-1);
      assert.equal(
        expected?.revision,
        batch.revision,
        'a request that changes nothing has a revision',
      );
      assert.deepEqual(withoutPrevious(batch), withoutPrevious(expected as RevisionBatch));
    }
  }

  #effectOf(batch: RevisionBatch): Effect {
    const mark = batch.events.find(({ kv }) => toText(kv.key).startsWith(MARK_PREFIX));
    if (mark !== undefined) {
      const name = toText(mark.kv.value);
      const call = this.#memory.txns.find((one) => one.name === name);
      assert.ok(call !== undefined && !this.#revisions.has(call), `${name} took effect twice`);
      return { kind: 'txn', call };
    }
    const gone = batch.events.map(({ kv }) => toText(kv.key));
    const lease = this.#memory.leases.find(({ id, revoked }) => {
      const keys = this.model.leaseKeys(id).map(({ key }) => toText(key));
      return revoked !== undefined && keys.length > 0 && keys.join() === gone.join();
    });
    assert.ok(lease !== undefined, `nothing that was asked deletes ${gone.join()}`);
    return { kind: 'revoke', lease: lease.id };
  }

  #run(call: TxnCall): void {
    assert.equal(call.refused, undefined, `${call.name} was refused and took effect`);
    const expected = this.model.txn(call.request);
    this.#revisions.set(call, this.model.revision);
    if (call.result === undefined) return;
    const { header, ...data } = call.result as TxnResult;
    assert.equal(header.revision, this.model.revision);
    assert.deepEqual(data, expected);
  }

  #checkCompaction(compactRevision: number): void {
    const { compactRevision: acknowledged, compactions } = this.#memory;
    assert.ok(
      compactRevision >= acknowledged,
      `compacted to ${compactRevision} after ${acknowledged}`,
    );
    if (compactRevision <= this.model.compactedRevision) return;
    assert.ok(compactions.has(compactRevision), 'a compaction that nobody asked for');
    this.model.compact(compactRevision);
  }

  /** No acknowledged request is missing, and no read saw what was never there. */
  #checkAnswers(): void {
    for (const call of this.#memory.txns) {
      if (call.result === undefined) continue;
      assert.ok(this.#revisions.has(call), `${call.name} was acknowledged and is lost`);
    }
    for (const { request, result } of this.#memory.ranges.splice(0)) {
      const { header, ...data } = result;
      if (header.revision < this.model.compactedRevision) continue;
      assert.deepEqual(data, this.model.range({ ...request, revision: header.revision }));
    }
  }

  async #checkContent(kernel: Kernel): Promise<void> {
    const oldest = Math.max(1, this.model.compactedRevision);
    const middle = (oldest + this.model.revision) >> 1;
    for (const revision of [0, oldest, middle]) {
      const request = { ...allKeys(), revision };
      const { header: _, ...data } = await kernel.store.range(request);
      assert.deepEqual(data, this.model.range(request), `at revision ${revision}`);
    }
  }

  async #checkLeases(kernel: Kernel): Promise<void> {
    const { ids } = await kernel.store.leases.list();
    for (const { id, granted, revoked } of this.#memory.leases) {
      if (granted && revoked === undefined) assert.ok(ids.includes(id), `lease ${id} is lost`);
      if (revoked === true) assert.ok(!ids.includes(id), `lease ${id} is back`);
      const { keys } = await kernel.store.leases.timeToLive({ id, keys: true });
      const expected = this.model.leaseKeys(id).map(({ key }) => toText(key));
      assert.deepEqual(keys.map((key) => toText(key)).toSorted(), expected, `keys of lease ${id}`);
    }
  }
}

/** Whether the pair before is carried along is the watcher's choice. */
function withoutPrevious({ revision, events }: RevisionBatch): unknown {
  return { revision, events: events.map(({ type, kv }) => ({ type, kv })) };
}
