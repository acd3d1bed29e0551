// The multiversion store as anyone would write it first: a full copy of the state for every
// revision.
import type { Interval, KeyValue, RevisionBatch, StoreEvent } from '../../../src/store/index.js';
import { keyText } from '../../../src/kernel/codec/key-text.js';

type State = ReadonlyMap<string, KeyValue>;

export class NaiveMvcc {
  /** By revision; revision 0 stands for nothing at all. */
  readonly states: State[] = [new Map(), new Map()];
  readonly batches: (RevisionBatch | undefined)[] = [undefined, undefined];
  compactRevision = -1;

  get revision(): number {
    return this.states.length - 1;
  }

  find(interval: Interval, revision: number, working?: State): KeyValue[] {
    const state = working ?? this.states[revision] ?? new Map<string, KeyValue>();
    const start = keyText(interval.start);
    const { end } = interval;
    const found = [...state].filter(([key]) => {
      if (end === undefined) return key === start;
      return key >= start && (end === null || key < keyText(end));
    });
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kv]) => kv);
  }

  begin(): NaiveWrite {
    return new NaiveWrite(this, new Map(this.states[this.revision]));
  }
}

export class NaiveWrite {
  readonly #store: NaiveMvcc;
  readonly state: Map<string, KeyValue>;
  readonly events: StoreEvent[] = [];

  constructor(store: NaiveMvcc, state: Map<string, KeyValue>) {
    this.#store = store;
    this.state = state;
  }

  put(key: Uint8Array, value: Uint8Array, lease: bigint): KeyValue | undefined {
    const modRevision = this.#store.revision + 1;
    const before = this.state.get(keyText(key));
    const createRevision = before?.createRevision ?? modRevision;
    const version = (before?.version ?? 0) + 1;
    const kv = { key, value, createRevision, modRevision, version, lease };
    this.state.set(keyText(key), kv);
    this.events.push({ type: 'put', kv });
    return before;
  }

  deleteRange(interval: Interval): KeyValue[] {
    const found = this.#store.find(interval, 0, this.state);
    const modRevision = this.#store.revision + 1;
    for (const { key } of found) {
      this.state.delete(keyText(key));
      const value = new Uint8Array(0);
      const kv = { key, value, createRevision: 0, modRevision, version: 0, lease: 0n };
      this.events.push({ type: 'delete', kv });
    }
    return found;
  }

  commit(): RevisionBatch | undefined {
    if (this.events.length === 0) return undefined;
    const batch = { revision: this.#store.revision + 1, events: this.events };
    this.#store.states.push(this.state);
    this.#store.batches.push(batch);
    return batch;
  }
}
