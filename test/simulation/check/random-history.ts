// A random history of a correct store: clients whose calls overlap, answers that are lost, members
// that lag, leases that expire, compaction, and watches with every kind of filter.
import type {
  Call,
  History,
  Operation,
  Outcome,
  WatchNote,
  WatchRecord,
} from '../../../src/simulation/check/history.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import type { RangeRequest, TxnOperation, WatchRequest } from '../../../src/store/index.js';
import { ServedStore } from './served-store.js';
import { shownTo } from './shown-to.js';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
/** Only puts with a lease touch these, so that leases have keys when they end. */
const LEASED_KEYS = ['o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x'];
const MEMBERS = ['one', 'two', 'three'];
const NO_LEADER = { kind: 'refused', code: 'NoLeader', compactRevision: undefined } as const;

export interface RandomHistory {
  readonly history: History;
  readonly store: ServedStore;
}

/** A call with its times, before anybody knows what comes of it. */
interface Planned {
  readonly id: number;
  readonly invokedMs: number;
  readonly appliedMs: number;
  readonly returnedMs: number;
  readonly fate: 'answered' | 'lost' | 'never' | 'refused';
}

export function randomHistory(random: SimRandom, count: number): RandomHistory {
  return new RandomRun(random).run(count);
}

class RandomRun {
  readonly #random: SimRandom;
  readonly #store = new ServedStore();
  readonly #levels = new Map<string, number>();
  readonly #leases: bigint[] = [];
  #values = 0;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  run(count: number): RandomHistory {
    const planned = this.#plan(count);
    const operations: Operation[] = [];
    for (const plan of planned.toSorted((a, b) => a.appliedMs - b.appliedMs)) {
      operations.push(this.#do(plan));
    }
    const endMs =
      Math.max(...planned.map(({ appliedMs, returnedMs }) => Math.max(appliedMs, returnedMs))) +
      1000;
    this.#store.expire(endMs);
    const history: History = {
      operations: operations.toSorted((a, b) => a.id - b.id),
      watches: this.#watches(endMs),
      revisions: this.#store.kv.history,
      revisionsAtMs: this.#store.revisionsAtMs,
      endMs,
    };
    return { history, store: this.#store };
  }

  #plan(count: number): Planned[] {
    let nowMs = 0;
    return Array.from({ length: count }, (_, id) => {
      nowMs += this.#random.below(5);
      const sentMs = nowMs + 1 + this.#random.below(10);
      const returnedMs = sentMs + 1 + this.#random.below(10);
      const dice = this.#random.below(100);
      const fate = dice < 5 ? 'lost' : dice < 8 ? 'never' : dice < 10 ? 'refused' : 'answered';
      const appliedMs = fate === 'lost' ? sentMs + this.#random.below(300) : sentMs;
      return { id, invokedMs: nowMs, appliedMs, returnedMs, fate };
    });
  }

  #do({ id, invokedMs, appliedMs, returnedMs, fate }: Planned): Operation {
    this.#store.expire(appliedMs);
    const call = this.#call();
    const member = this.#pick(MEMBERS);
    const base = { id, client: id % 7, member, call, invokedMs, returnedMs };
    if (fate === 'refused') return { ...base, outcome: NO_LEADER };
    if (fate === 'never') return { ...base, outcome: { kind: 'unknown' } };
    const outcome = this.#serve(call, member, appliedMs);
    if (call.kind === 'leaseGrant' && outcome.kind === 'answered') {
      this.#leases.push(call.request.id ?? 0n);
    }
    return { ...base, outcome: fate === 'lost' ? { kind: 'unknown' } : outcome };
  }

  #serve(call: Call, member: string, nowMs: number): Outcome {
    const { kv } = this.#store;
    const level = Math.max(this.#levels.get(member) ?? 1, kv.compactedRevision);
    if (call.kind === 'range' && call.request.serializable === true) {
      const revision = level + this.#random.below(kv.revision - level + 1);
      this.#levels.set(member, revision);
      return this.#store.runAt(call, revision);
    }
    const outcome = this.#store.run(call, nowMs);
    this.#levels.set(member, kv.revision);
    return outcome;
  }

  #call(): Call {
    const dice = this.#random.below(100);
    const key = this.#pick(KEYS);
    if (dice < 30) {
      const lease = this.#random.below(4) === 0 ? this.#lease() : 0n;
      const keeps = this.#random.below(10) === 0;
      const value = keeps ? '' : this.#value();
      if (lease !== 0n) {
        return {
          kind: 'put',
          request: { key: this.#pick(LEASED_KEYS), value: this.#value(), lease },
        };
      }
      const prevKv = this.#random.below(2) === 0;
      return { kind: 'put', request: { key, value, prevKv, ignoreValue: keeps } };
    }
    if (dice < 40) return { kind: 'delete', request: { ...this.#range(), prevKv: true } };
    if (dice < 55) return { kind: 'txn', request: this.#txn() };
    if (dice < 57) return { kind: 'compact', request: { revision: this.#past() } };
    if (dice < 70) return this.#leaseCall();
    return { kind: 'range', request: this.#read() };
  }

  #leaseCall(): Call {
    const dice = this.#random.below(10);
    if (dice < 1) {
      const ttlSeconds = 1 + this.#random.below(2);
      return { kind: 'leaseGrant', request: { id: this.#random.int63(), ttlSeconds } };
    }
    const id = this.#lease();
    if (dice < 6) return { kind: 'leaseKeepAlive', id };
    if (dice < 7 && this.#random.below(4) === 0) return { kind: 'leaseRevoke', id };
    if (dice < 9) return { kind: 'leaseTimeToLive', request: { id } };
    return { kind: 'leaseList' };
  }

  #read(): RangeRequest {
    const range = this.#range();
    const dice = this.#random.below(10);
    if (dice < 2) return { ...range, revision: this.#past() };
    if (dice < 4) return { ...range, serializable: true };
    if (dice < 5) return { ...range, limit: 2, sortTarget: 'mod', sortOrder: 'descend' };
    if (dice < 6) return { ...range, countOnly: true };
    return range;
  }

  #range(): { key: string; rangeEnd?: string } {
    const key = this.#pick(KEYS);
    if (this.#random.below(3) > 0) return { key };
    return { key, rangeEnd: String.fromCharCode(key.charCodeAt(0) + 1 + this.#random.below(3)) };
  }

  #txn() {
    const first = this.#random.below(KEYS.length - 2);
    const key = KEYS[first] as string;
    const other = KEYS[first + 1] as string;
    const last = KEYS[first + 2] as string;
    const success: TxnOperation[] = [
      { kind: 'put', key, value: this.#value(), prevKv: true },
      { kind: 'range', key: 'a', rangeEnd: 'z' },
      { kind: 'txn', success: [{ kind: 'put', key: other, value: this.#value() }] },
      { kind: 'delete', key: last, prevKv: true },
    ];
    const operand = this.#random.below(3);
    const failure: TxnOperation[] = [{ kind: 'range', key }];
    const compare = [{ key: other, target: 'version', operator: '>', operand } as const];
    return { compare, success, failure };
  }

  #past(): number {
    const { revision, compactedRevision } = this.#store.kv;
    const from = Math.max(1, compactedRevision - 2);
    return from + this.#random.below(Math.max(1, revision + 3 - from));
  }

  #lease(): bigint {
    const recent = this.#leases.slice(-8);
    return recent.length === 0 ? 1n : this.#pick(recent);
  }

  #value(): string {
    return `v${++this.#values}`;
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)] as T;
  }

  #watches(endMs: number): WatchRecord[] {
    const middle = Math.floor(this.#store.kv.revision / 2);
    const openedMs = this.#store.revisionsAtMs[middle - 2] ?? 0;
    const all = { key: 'a', rangeEnd: 'z' };
    const requests: WatchRequest[] = [
      { ...all, startRevision: 2 },
      { ...all, startRevision: 2, prevKv: true },
      { key: 'c', startRevision: 1 },
      { ...all, startRevision: middle, noPut: true },
      { key: 'b', rangeEnd: 'e', startRevision: middle, noDelete: true, prevKv: true },
    ];
    const watches = requests.map((request, id) => this.#watch(id, request, 0, endMs));
    const live = this.#watch(5, { ...all, startRevision: middle + 1 }, openedMs, endMs);
    return [...watches, { ...live, request: all }];
  }

  #watch(id: number, request: WatchRequest, openedMs: number, endMs: number): WatchRecord {
    const notes: WatchNote[] = [];
    let nowMs = openedMs;
    for (const batch of shownTo(request, this.#store.kv.history)) {
      const atMs = this.#store.revisionsAtMs[batch.revision - 2] ?? 0;
      nowMs = Math.max(nowMs, atMs + 1 + this.#random.below(30));
      notes.push({ kind: 'batch', atMs: nowMs, batch });
      if (this.#random.below(20) === 0) {
        notes.push({ kind: 'progress', atMs: nowMs, revision: batch.revision });
      }
    }
    const { revision } = this.#store.kv;
    notes.push({ kind: 'progress', atMs: endMs, revision });
    return { id, client: 100 + id, request, openedMs, closedMs: undefined, notes };
  }
}
