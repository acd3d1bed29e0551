// Proves that a member's own work does not hold up its log: while committed entries are applied,
// the write of the entries behind them is under way, and what they promise leaves when they are
// kept.
import assert from 'node:assert/strict';
import type { ReplicaProbe } from '../../../src/kernel/index.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { Disk, DiskFile } from '../../../src/ports/disk.js';
import { ClusterLite } from '../../support/sim-cluster-lite.js';

type Event = 'ready' | 'write' | 'apply' | 'kept';

/** The disk of a member, which takes its time for a durable write and notes when one begins. */
function slow(disk: Disk, clock: Clock, note: (event: Event) => void): Disk {
  const file = (of: DiskFile): DiskFile => ({
    write: (bytes, offset) => of.write(bytes, offset),
    writeDurably: async (bytes, offset) => {
      note('write');
      await new Promise<void>((resolve) => clock.timer(3, resolve));
      await of.writeDurably(bytes, offset);
    },
    sync: () => of.sync(),
    truncate: (sizeBytes) => of.truncate(sizeBytes),
    close: () => of.close(),
  });
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    read: (path) => disk.read(path),
    readPart: (path, offset, byteCount) => disk.readPart(path, offset, byteCount),
    create: async (path, sizeBytes) => file(await disk.create(path, sizeBytes)),
    open: async (path) => file(await disk.open(path)),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
  };
}

function probeOf(note: (event: Event) => void): ReplicaProbe {
  return {
    stepped: () => note('ready'),
    sending: () => undefined,
    persisted: (entries) => {
      if (entries.length > 0) note('kept');
    },
    applied: () => note('apply'),
    installed: () => undefined,
  };
}

/** What happened between two steps of the machine, where entries were both applied and kept. */
function bothAtOnce(events: readonly Event[]): readonly (readonly Event[])[] {
  const turns: Event[][] = [[]];
  for (const event of events) {
    if (event === 'ready') turns.push([]);
    else turns.at(-1)?.push(event);
  }
  return turns.filter((turn) => turn.includes('apply') && turn.includes('kept'));
}

describe('the loop of a member', () => {
  it('applies while the entries behind are on their way to the disk, not before', async () => {
    const cluster = new ClusterLite({ seed: 1 });
    const events = new Map<bigint, Event[]>();
    for (const id of [1n, 2n, 3n]) {
      const noted: Event[] = [];
      events.set(id, noted);
      const note = (event: Event): void => void noted.push(event);
      const { disk } = cluster.member(id);
      await cluster.start(id, { disk: slow(disk, cluster.clock, note), probe: probeOf(note) });
    }
    const { id, running } = await cluster.elect();
    const writes: Promise<unknown>[] = [];
    for (let at = 0; at < 50; at++) {
      writes.push(running.store.put({ key: `k${at}`, value: '' }));
      await cluster.advance(1);
    }
    await cluster.run(Promise.all(writes));
    for (const [of, noted] of events) {
      const turns = bothAtOnce(noted);
      assert.ok(turns.length > 10, `member ${of} (leader ${id}): ${turns.length} such turns`);
      for (const turn of turns) assert.equal(turn[0], 'write', turn.join(' '));
    }
    await cluster.close();
  });
});
