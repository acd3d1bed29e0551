import type {
  Call,
  History,
  MemberRestart,
  Operation,
  Outcome,
  RecipeNote,
  WatchNote,
  WatchRecord,
} from '../check/history.js';
import type { RevisionBatch, WatchRequest } from '../../store/index.js';

type Noted = Omit<Operation, 'returnedMs' | 'outcome'>;

/** What a watch tells its record. */
export interface WatchLog {
  note(note: WatchNote): void;
  close(): void;
}

interface OpenWatch {
  readonly id: number;
  readonly client: number;
  readonly request: WatchRequest;
  readonly openedMs: number;
  closedMs: number | undefined;
  readonly notes: WatchNote[];
}

/**
 * Writes down all that clients do and see, by the true time. It judges nothing.
 *
 * @example
 * const { store } = world.addClient();
 * await sim.run(store.put({ key: 'greeting', value: 'hello' }), 10_000);
 * console.log(world.history.operationCount); // 1
 */
export class HistoryRecorder {
  readonly #nowMs: () => number;
  readonly #begun: Noted[] = [];
  readonly #ended: (Operation | undefined)[] = [];
  readonly #watches: OpenWatch[] = [];
  readonly #revisions: RevisionBatch[] = [];
  readonly #revisionTimes: number[] = [];
  readonly #restarts: MemberRestart[] = [];
  readonly #recipes: RecipeNote[] = [];
  #answeredWrites = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get operationCount(): number {
    return this.#begun.length;
  }

  get watchCount(): number {
    return this.#watches.length;
  }

  /** Writes that were acknowledged so far. */
  get answeredWrites(): number {
    return this.#answeredWrites;
  }

  /** The first revision that the merged truth does not have yet. */
  get nextRevision(): number {
    return this.#revisions.length + 2;
  }

  /** A client calls. @returns the call's id */
  begin(client: number, member: string, call: Call): number {
    const id = this.#begun.length;
    this.#begun.push({ id, client, member, call, invokedMs: this.#nowMs() });
    this.#ended.push(undefined);
    return id;
  }

  /** The call came to this; only the first outcome counts. */
  end(id: number, outcome: Outcome): void {
    const begun = this.#begun[id];
    if (begun === undefined || this.#ended[id] !== undefined) return;
    this.#ended[id] = { ...begun, returnedMs: this.#nowMs(), outcome };
    const kind = begun.call.kind;
    const isWrite = kind === 'put' || kind === 'delete' || kind === 'txn';
    if (outcome.kind === 'answered' && isWrite) this.#answeredWrites++;
  }

  openWatch(client: number, request: WatchRequest): WatchLog {
    const watch: OpenWatch = {
      id: this.#watches.length,
      client,
      request,
      openedMs: this.#nowMs(),
      closedMs: undefined,
      notes: [],
    };
    this.#watches.push(watch);
    return {
      note: (note) => {
        if (watch.closedMs === undefined) watch.notes.push(note);
      },
      close: () => {
        watch.closedMs ??= this.#nowMs();
      },
    };
  }

  /** A member showed this revision; one that is known, or that leaves a gap, is passed over. */
  addRevision(batch: RevisionBatch): void {
    if (batch.revision !== this.nextRevision) return;
    this.#revisions.push(batch);
    this.#revisionTimes.push(this.#nowMs());
  }

  /** When the revision was first seen; undefined when it was not. */
  seenMs(revision: number): number | undefined {
    return this.#revisionTimes[revision - 2];
  }

  /** A member came back. */
  addRestart(member: string): void {
    this.#restarts.push({ member, atMs: this.#nowMs() });
  }

  /** A user of a recipe did something, or was told something. */
  addRecipeNote(note: RecipeNote): void {
    this.#recipes.push(note);
  }

  get revisions(): readonly RevisionBatch[] {
    return this.#revisions;
  }

  /** Everything until now; what is under way has an unknown outcome. */
  finish(): History {
    const endMs = this.#nowMs();
    const operations = this.#begun.map(
      (begun, id): Operation =>
        this.#ended[id] ?? { ...begun, returnedMs: endMs, outcome: { kind: 'unknown' } },
    );
    const watches: readonly WatchRecord[] = this.#watches;
    return {
      operations,
      watches,
      revisions: this.#revisions,
      revisionsAtMs: this.#revisionTimes,
      restarts: this.#restarts,
      recipes: this.#recipes,
      endMs,
    };
  }
}
