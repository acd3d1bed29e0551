// What the tests of the log share: small logs on a simulated disk, and what may be asked of them.
import assert from 'node:assert/strict';
import type { Disk } from '../../../src/ports/disk.js';
import type { Random } from '../../../src/ports/random.js';
import { EMPTY_CONF_STATE } from '../../../src/kernel/raft/types.js';
import type { Entry, HardState, SnapshotMark } from '../../../src/kernel/raft/types.js';
import { Wal } from '../../../src/kernel/wal/wal.js';
import type { WalContent } from '../../../src/kernel/wal/wal.js';
import { SimDisk } from '../../../src/simulation/sim-disk.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';

export const DIRECTORY = 'wal';
export const METADATA = Uint8Array.of(1, 2, 3);
export const CONF_STATE = { ...EMPTY_CONF_STATE, voters: [7n], learners: [1n << 63n] };

export const markAt = (index: number, term: number): SnapshotMark => ({
  index,
  term,
  confState: CONF_STATE,
});

export const stateAt = (term: number, commit: number): HardState => ({ term, vote: 7n, commit });

export function entryAt(index: number, term = 1, byteCount = 20, fill = index % 255): Entry {
  const data = new Uint8Array(byteCount).fill(fill);
  return { index, term, kind: index % 5 === 0 ? 'config' : 'normal', data };
}

export const newDisk = (seed = 1): SimDisk => new SimDisk(new SimRandom(seed));

export const create = (disk: Disk, segmentBytes = 4096): Promise<Wal> =>
  Wal.create({ disk, directory: DIRECTORY, segmentBytes }, METADATA, markAt(0, 0));

export const open = (disk: Disk, segmentBytes = 4096): ReturnType<typeof Wal.open> =>
  Wal.open({ disk, directory: DIRECTORY, segmentBytes });

/** Reads a log and closes it again. */
export async function contentOf(disk: Disk, segmentBytes = 4096): Promise<WalContent> {
  const { wal, content } = await open(disk, segmentBytes);
  await wal.close();
  return content;
}

/** Paths of the segments, oldest first. */
export async function segmentsOf(disk: Disk): Promise<readonly string[]> {
  const names = await disk.list(DIRECTORY);
  return names.filter((name) => name.endsWith('.wal')).map((name) => `${DIRECTORY}/${name}`);
}

export async function lastSegmentOf(disk: Disk): Promise<string> {
  const path = (await segmentsOf(disk)).at(-1);
  assert.ok(path !== undefined);
  return path;
}

/** The log as a plain model sees it: what `Wal` has to give back after any crash. */
export class LogModel {
  mark = markAt(0, 0);
  hardState: HardState = { term: 0, vote: 0n, commit: 0 };
  entries: readonly Entry[] = [];

  get lastIndex(): number {
    return this.entries.at(-1)?.index ?? this.mark.index;
  }

  copy(): LogModel {
    return Object.assign(new LogModel(), this);
  }

  append(entries: readonly Entry[], hardState: HardState | undefined): void {
    for (const entry of entries) {
      this.entries = [...this.entries.filter(({ index }) => index < entry.index), entry];
    }
    this.hardState = hardState ?? this.hardState;
  }

  setMark(mark: SnapshotMark): void {
    const own = this.entries.find(({ index }) => index === mark.index);
    const continues = own?.term === mark.term || mark.index === this.mark.index;
    this.entries = continues ? this.entries.filter(({ index }) => index > mark.index) : [];
    this.mark = mark;
  }

  reset(mark: SnapshotMark): void {
    const { term, vote } = this.hardState;
    const own = term < mark.term ? { term: mark.term, vote: 0n } : { term, vote };
    this.hardState = { ...own, commit: mark.index };
    this.entries = [];
    this.mark = mark;
  }

  take(step: LogStep): void {
    if (step.kind === 'mark') this.setMark(step.mark);
    else if (step.kind === 'reset') this.reset(step.mark);
    else this.append(step.entries, step.hardState);
  }

  /** Whether a log that was read back is this one. */
  matches(content: WalContent): boolean {
    const commit = Math.max(this.hardState.commit, this.mark.index);
    const expected = {
      mark: this.mark,
      hardState: { ...this.hardState, commit },
      entries: this.entries,
      metadata: METADATA,
    };
    const { mark, hardState, entries, metadata } = content;
    try {
      assert.deepEqual({ mark, hardState, entries: [...entries], metadata }, expected);
      return true;
    } catch {
      return false;
    }
  }
}

/** One change of a log, as raft could ask for it. */
export type LogStep =
  | {
      readonly kind: 'append';
      readonly entries: readonly Entry[];
      readonly hardState: HardState | undefined;
      readonly sync: boolean;
    }
  | { readonly kind: 'mark'; readonly mark: SnapshotMark }
  | { readonly kind: 'reset'; readonly mark: SnapshotMark };

/** Durable when it resolves, unless it is an append without `sync`. */
export async function runStep(wal: Wal, step: LogStep): Promise<void> {
  if (step.kind === 'mark') await wal.mark(step.mark);
  else if (step.kind === 'reset') await wal.reset(step.mark);
  else await wal.append(step.entries, step.hardState, step.sync);
}

/** A random sequence of steps that is valid for a log that begins empty. */
export function randomSteps(random: Random, count: number): readonly LogStep[] {
  const model = new LogModel();
  const steps: LogStep[] = [];
  let term = 1;
  while (steps.length < count) {
    const step = randomStep(random, model, term);
    model.take(step);
    if (random.below(4) === 0) term++;
    steps.push(step);
  }
  return steps;
}

function randomStep(random: Random, model: LogModel, term: number): LogStep {
  const { commit } = model.hardState;
  const known = Math.max(commit, model.mark.index);
  if (random.below(9) === 0) {
    // A state from elsewhere, inside the log, at its end or ahead of it.
    const index = known + random.below(model.lastIndex - known + 4);
    return {
      kind: 'reset',
      mark: markAt(index, Math.max(model.mark.term, term - random.below(2))),
    };
  }
  if (random.below(6) === 0) {
    // A mark inside the log, or a snapshot from elsewhere that is ahead of it.
    if (random.below(3) === 0) return { kind: 'mark', mark: markAt(model.lastIndex + 3, term) };
    const own = model.entries.find(({ index }) => index === known);
    const ownTerm = own?.term ?? model.mark.term;
    if (known >= model.mark.index) return { kind: 'mark', mark: markAt(known, ownTerm) };
  }
  const overwrite = random.below(5) === 0 ? random.below(model.lastIndex - known + 1) : 0;
  const first = model.lastIndex + 1 - overwrite;
  const entries = Array.from({ length: random.below(4) }, (_, i) =>
    entryAt(first + i, term, randomLength(random), random.below(3) === 0 ? 0 : random.below(256)),
  );
  const last = entries.length > 0 ? first + entries.length - 1 : model.lastIndex;
  const hardState =
    random.below(2) === 0 ? stateAt(term, known + random.below(last - known + 1)) : undefined;
  return { kind: 'append', entries, hardState, sync: random.below(4) !== 0 };
}

const randomLength = (random: Random): number =>
  random.below(4) === 0 ? random.below(3000) : random.below(60);
