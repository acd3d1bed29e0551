// Two ways to the same index, from one backend: out of its checkpoint and out of its rows; both
// shown as plain data, so that they can be compared.
import { keyText } from '../../../src/kernel/codec/key-text.js';
import { IndexCheckpoint } from '../../../src/kernel/mvcc/checkpoint.js';
import { CHECKPOINT_FROM, CHECKPOINT_TO } from '../../../src/kernel/mvcc/checkpoint-rows.js';
import { Compactor } from '../../../src/kernel/mvcc/compactor.js';
import type { IndexLeaf } from '../../../src/kernel/mvcc/index-leaf.js';
import { loadRows } from '../../../src/kernel/mvcc/loader.js';
import { Mvcc } from '../../../src/kernel/mvcc/mvcc.js';
import { MvccState } from '../../../src/kernel/mvcc/state.js';
import { WriteBuffer } from '../../../src/kernel/mvcc/write-buffer.js';
import type { Backend } from '../../../src/ports/backend.js';
import type { BytesInput } from '../../../src/store/index.js';
import { toBytes } from '../../../src/store/index.js';

export interface OpenMvcc {
  readonly buffer: WriteBuffer;
  readonly mvcc: Mvcc;
  /** Why the checkpoint was not believed; empty when it was, or when there was none. */
  readonly refusals: readonly string[];
}

export async function openMvcc(backend: Backend): Promise<OpenMvcc> {
  const buffer = new WriteBuffer(backend);
  const refusals: string[] = [];
  const mvcc = await Mvcc.open({
    backend,
    buffer,
    onCheckpointRefused: (reason) => refusals.push(reason),
  });
  return { buffer, mvcc, refusals };
}

export function put(mvcc: Mvcc, key: BytesInput, value = 'value', lease = 0n): void {
  const write = mvcc.begin();
  write.put(toBytes(key), toBytes(value), lease, false);
  write.commit();
}

/** Flushes and makes a checkpoint, as a clean close does. */
export async function closeCleanly({ buffer, mvcc }: Omit<OpenMvcc, 'refusals'>): Promise<boolean> {
  await buffer.flush();
  return await mvcc.saveCheckpoint();
}

export function checkpointKeys(backend: Backend): Uint8Array[] {
  const rows = [...backend.range('meta', CHECKPOINT_FROM, CHECKPOINT_TO, 0)];
  return rows.map(({ key }) => key);
}

/** What the checkpoint makes of the backend; undefined when it is not there or not believed. */
export function shownFromCheckpoint(backend: Backend): unknown {
  const state = new MvccState(backend, new WriteBuffer(backend));
  new Compactor(state).restore();
  const isLoaded = new IndexCheckpoint(state).load(undefined);
  return isLoaded ? shown(state) : undefined;
}

/** What the rows make of it. */
export function shownFromRows(backend: Backend): unknown {
  const buffer = new WriteBuffer(backend);
  const state = new MvccState(backend, buffer);
  new Compactor(state).restore();
  loadRows(state, { backend, buffer });
  return shown(state);
}

function shown(state: MvccState): unknown {
  const { index, revision, rollingHash, rowCount, compactRevision } = state;
  const keys: unknown[] = [];
  let leaf: IndexLeaf | undefined = index.first;
  for (; leaf !== undefined; leaf = leaf.next) {
    for (let slot = 0; slot < leaf.count; slot++) keys.push(shownKey(leaf, slot));
  }
  const { liveCount, keyCount } = index;
  return { revision, rollingHash, rowCount, compactRevision, liveCount, keyCount, keys };
}

function shownKey(leaf: IndexLeaf, slot: number): unknown {
  const history = leaf.history(slot);
  const older = Array.from({ length: history?.count ?? 0 }, (_, at) => [
    history?.main(at),
    history?.place(at),
  ]);
  return [
    keyText(leaf.key(slot)),
    leaf.main(slot),
    leaf.create(slot),
    leaf.version(slot),
    leaf.place(slot),
    leaf.lease(slot),
    older,
  ];
}
