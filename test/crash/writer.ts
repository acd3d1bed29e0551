// One client that keeps writing and reading through crashes, and remembers what it was told. It
// never repeats a write whose outcome it does not know.
import type { Random } from '../../src/ports/random.js';
import { isStoreError, type Store, type StoreErrorCode, toText } from '../../src/store/index.js';
import type { Read, Write } from './history.js';

const KEY_COUNT = 12;
/** Errors after which a write may have happened or not. */
const UNKNOWN_OUTCOMES: readonly StoreErrorCode[] = [
  'Unavailable',
  'Stopped',
  'Timeout',
  'Canceled',
  'DeadlineExceeded',
  'Unknown',
];
const PAUSE_MS = 5;

/** What all clients of a run know together. */
export interface Shared {
  /** The highest revision that anybody was told of. */
  revision: number;
  /** The highest revision whose compaction was acknowledged. */
  compactRevision: number;
  /** Up to where every watcher has seen everything. */
  readonly watched: () => number;
  stopping: boolean;
}

export class Writer {
  readonly writes: Write[] = [];
  readonly reads: Read[] = [];
  readonly #name: string;
  readonly #store: Store;
  readonly #random: Random;
  readonly #shared: Shared;
  #sequence = 0;

  constructor(name: string, store: Store, random: Random, shared: Shared) {
    this.#name = name;
    this.#store = store;
    this.#random = random;
    this.#shared = shared;
  }

  get acknowledgedCount(): number {
    return this.writes.filter((write) => write.revision !== undefined).length;
  }

  /** Until the run is stopping. */
  async run(): Promise<void> {
    while (!this.#shared.stopping) {
      const isDone = await this.#step();
      // Nobody answers while the member is down.
      if (!isDone) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #step(): Promise<boolean> {
    const roll = this.#random.below(100);
    if (roll < 45) return await this.#put();
    if (roll < 60) return await this.#txn();
    if (roll < 70) return await this.#delete();
    if (roll < 76) return await this.#lease();
    if (roll < 79) return await this.#compact();
    return await this.#read();
  }

  async #put(): Promise<boolean> {
    const key = this.#key();
    const value = this.#value();
    return await this.#write({ value, puts: [key], deletes: [] }, async () => {
      return (await this.#store.put({ key, value })).header.revision;
    });
  }

  async #txn(): Promise<boolean> {
    const puts = [`t/${this.#random.below(KEY_COUNT)}/a`, `t/${this.#random.below(KEY_COUNT)}/b`];
    const value = this.#value();
    return await this.#write({ value, puts, deletes: [] }, async () => {
      const success = puts.map((key) => ({ kind: 'put', key, value }) as const);
      return (await this.#store.txn({ success })).header.revision;
    });
  }

  /** Of a key that this client alone uses, so that the outcome is its own. */
  async #delete(): Promise<boolean> {
    const key = `own/${this.#name}/${this.#sequence++}`;
    const value = this.#value();
    const isThere = await this.#write({ value, puts: [key], deletes: [] }, async () => {
      return (await this.#store.put({ key, value })).header.revision;
    });
    if (!isThere) return false;
    return await this.#write({ value: '', puts: [], deletes: [key] }, async () => {
      return (await this.#store.delete({ key })).header.revision;
    });
  }

  /** A lease with keys of its own, all of which its end takes away in one revision. */
  async #lease(): Promise<boolean> {
    const { leases } = this.#store;
    let id = 0n;
    const isGranted = await this.#unknownIsFalse(async () => {
      id = (await leases.grant({ ttlSeconds: 600 })).id;
    });
    if (!isGranted) return false;
    const keys = ['a', 'b', 'c'].map((name) => `lease/${this.#name}/${this.#sequence}/${name}`);
    for (const key of keys) {
      const value = this.#value();
      const isPut = await this.#write({ value, puts: [key], deletes: [] }, async () => {
        return (await this.#store.put({ key, value, lease: id })).header.revision;
      });
      if (!isPut) return false;
    }
    return await this.#write({ value: '', puts: [], deletes: keys }, async () => {
      return (await leases.revoke(id)).header.revision;
    });
  }

  /** Never beyond what all watchers have, so that they still see everything. */
  async #compact(): Promise<boolean> {
    const revision = this.#shared.watched() - 20 - this.#random.below(20);
    if (revision <= this.#shared.compactRevision) return true;
    return await this.#unknownIsFalse(async () => {
      try {
        await this.#store.compact({ revision, physical: this.#random.below(2) === 0 });
      } catch (error) {
        if (!isStoreError(error, 'Compacted')) throw error;
      }
      this.#shared.compactRevision = Math.max(this.#shared.compactRevision, revision);
    });
  }

  async #read(): Promise<boolean> {
    const key = this.#key();
    const atLeast = this.#shared.revision;
    return await this.#unknownIsFalse(async () => {
      const { kvs, header } = await this.#store.range({ key });
      const value = kvs[0] === undefined ? '' : toText(kvs[0].value);
      this.reads.push({ key, value, revision: header.revision, atLeast });
      this.#learn(header.revision);
    });
  }

  async #write(write: Omit<Write, 'revision'>, send: () => Promise<number>): Promise<boolean> {
    let revision: number | undefined;
    const isDone = await this.#unknownIsFalse(async () => {
      revision = await send();
      this.#learn(revision);
    });
    this.writes.push({ ...write, revision });
    return isDone;
  }

  async #unknownIsFalse(call: () => Promise<void>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      if (UNKNOWN_OUTCOMES.some((code) => isStoreError(error, code))) return false;
      throw error;
    }
  }

  #learn(revision: number): void {
    this.#shared.revision = Math.max(this.#shared.revision, revision);
  }

  #key(): string {
    return `k/${this.#random.below(KEY_COUNT)}`;
  }

  #value(): string {
    return `${this.#name}:${this.#sequence++}`;
  }
}
