// A state image goes from one member to another whatever the network does to its frames, is
// complete and durable before anybody is told, and takes bounded memory on both sides; what cannot
// be finished is given up on both.
import assert from 'node:assert/strict';
import { imagePieces } from '../../../src/kernel/snapshot/image-writer.js';
import { imageRows, listImages } from '../../../src/kernel/snapshot/snapshot-files.js';
import type { ImageRow } from '../../../src/kernel/snapshot/image-rows.js';
import type { DiskFile } from '../../../src/ports/disk.js';
import type { SimDisk } from '../../../src/simulation/sim-disk.js';
import { LIMITS } from '../../../src/store/index.js';
import { CALM, headerAt, rowsOf, TransferWorld } from './transfer-world.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 31);

async function storedRows(disk: SimDisk, index: number): Promise<ImageRow[]> {
  const rows: ImageRow[] = [];
  for await (const batch of imageRows(disk, { index, term: 3 }))
    rows.push(...(batch as ImageRow[]));
  return rows;
}

describe('transfer of state images', () => {
  it('brings an image over, durable before it is reported', async () => {
    const world = new TransferWorld(SEED);
    const rows = rowsOf(world.random, 3_000_000);
    world.offers(40, rows);
    await world.run(6);
    assert.deepEqual(world.arrivals, [{ from: 1n, term: 5, mark: headerAt(40).mark }]);
    assert.deepEqual(world.reports, [{ by: 1n, ok: true }]);
    assert.deepEqual(await storedRows(world.disk.crash('lost'), 40), rows);
    assert.equal(world.openImages, 0);
    assert.ok(world.sentBytes < 3_100_000, `each piece is sent once: ${world.sentBytes} bytes`);
    assert.deepEqual(world.failures, []);
  });

  it('brings it over a network that loses, doubles, delays and damages frames', async () => {
    for (let seed = SEED; seed < SEED + 12; seed++) {
      const world = new TransferWorld(seed);
      world.weather = { lost: 15, doubled: 10, damaged: 5, late: 20 };
      const rows = rowsOf(world.random, 1_500_000);
      const sender = world.holder(40, rows);
      sender.offer(9n, 40, 5);
      for (let tries = 0; tries < 40 && world.arrivals.length === 0; tries++) await world.run(10);
      const hint = `TIDELOCK_SEED=${seed}`;
      assert.ok(world.arrivals.length > 0, hint);
      assert.deepEqual(await storedRows(world.disk.crash('lost'), 40), rows, hint);
      assert.deepEqual(world.failures, [], hint);
      world.weather = CALM;
      sender.offer(9n, 40, 5);
      await world.run(4);
      assert.equal(world.reports.at(-1)?.ok, true, hint);
      assert.equal(world.openImages, 0, hint);
    }
  }).timeout(10_000);

  it('goes on where it was when the network comes back', async () => {
    const world = new TransferWorld(SEED);
    const rows = rowsOf(world.random, 6_000_000);
    world.offers(40, rows);
    world.weather = { ...CALM, lost: 60 };
    await world.run(10);
    world.isCut = true;
    await world.run(100);
    assert.equal(world.arrivals.length, 0);
    world.isCut = false;
    world.weather = CALM;
    await world.run(30);
    assert.equal(world.arrivals.length, 1);
    assert.ok(world.sentBytes < 12_000_000, `${world.sentBytes} bytes`);
  });

  it('goes on soon when nothing that the receiver said had arrived', async () => {
    const world = new TransferWorld(SEED);
    const rows = rowsOf(world.random, 100_000);
    world.offers(40, rows);
    world.isMute = true;
    const roundTicks = LIMITS.snapshotRefetchMs / 100;
    // The offer is repeated meanwhile, which must not put off the question for the first piece.
    for (let tick = 0; tick < 5 * roundTicks; tick++) await world.run(1);
    world.isMute = false;
    for (let tick = 0; tick < 2 * roundTicks; tick++) await world.run(1);
    assert.equal(world.arrivals.length, 1);
  });

  it('begins anew, and soon, with a receiver that has forgotten half of it', async () => {
    const world = new TransferWorld(SEED);
    const rows = rowsOf(world.random, 6_000_000);
    const sender = world.offers(40, rows);
    await world.run(1, 100, 6);
    assert.deepEqual([world.arrivals, world.reports], [[], []]);
    world.restartReceiver();
    const roundTicks = LIMITS.snapshotRefetchMs / 100;
    for (let tick = 0; tick < 4 * roundTicks && world.reports.length === 0; tick++) {
      await world.run(1);
    }
    assert.deepEqual(world.reports, [{ by: 1n, ok: false }], 'the leader hears that it is over');
    sender.offer(9n, 40, 5);
    await world.run(10);
    assert.equal(world.arrivals.length, 1);
    assert.deepEqual(await storedRows(world.disk.crash('lost'), 40), rows);
    assert.deepEqual([world.openImages, world.failures.length], [0, 0]);
  });

  it('makes no more of an image than the window while nobody takes it', async () => {
    const world = new TransferWorld(SEED);
    let made = 0;
    function* counted(rows: readonly ImageRow[]): Iterable<ImageRow> {
      for (const row of rows) {
        made += row.value.length;
        yield row;
      }
    }
    const rows = rowsOf(world.random, 9_000_000);
    world
      .sender(
        1n,
        () => headerAt(40),
        () => counted(rows),
      )
      .offer(9n, 40, 5);
    world.weather = CALM;
    const run = world.run(1);
    world.isCut = true;
    await run;
    await world.run(50);
    assert.ok(made <= LIMITS.snapshotWindowBytes + 2 * LIMITS.snapshotPieceBytes, `${made} bytes`);
  });

  it('is given up by both sides after long silence, and tried again when offered', async () => {
    const world = new TransferWorld(SEED);
    const rows = rowsOf(world.random, 6_000_000);
    const sender = world.offers(40, rows);
    world.weather = { ...CALM, lost: 50 };
    await world.run(1);
    world.isCut = true;
    await world.run(LIMITS.snapshotIdleMs / 100 + 5);
    assert.deepEqual(world.reports, [{ by: 1n, ok: false }]);
    assert.equal(world.openImages, 0);
    assert.equal(sender.count, 0);
    assert.deepEqual(await world.disk.list('snapshot'), []);
    world.isCut = false;
    world.weather = CALM;
    sender.offer(9n, 40, 6);
    await world.run(30);
    assert.equal(world.arrivals.at(-1)?.term, 6);
    assert.equal(world.reports.at(-1)?.ok, true);
  });

  it('learns that an image is gone from a sender that started again', async () => {
    const world = new TransferWorld(SEED);
    const rows = rowsOf(world.random, 4_000_000);
    world.offers(40, rows);
    world.weather = { ...CALM, lost: 50 };
    await world.run(1);
    world.weather = CALM;
    const again = world.holder(41, rows);
    await world.run(12);
    again.offer(9n, 41, 6);
    await world.run(12);
    assert.deepEqual(
      world.arrivals.map(({ mark }) => mark.index),
      [41],
    );
  });

  it('lets the newest image win, and takes two in a row', async () => {
    const world = new TransferWorld(SEED);
    const rows = rowsOf(world.random, 2_500_000);
    const slow = world.holder(40, rows);
    const quick = world.holder(60, rows, 2n);
    slow.offer(9n, 40, 5);
    world.weather = { ...CALM, lost: 70 };
    await world.run(2);
    world.weather = CALM;
    quick.offer(9n, 60, 5);
    await world.run(10);
    assert.deepEqual([...new Set(world.arrivals.map(({ mark }) => mark.index))], [60]);
    world.offers(70, rows);
    await world.run(10);
    assert.deepEqual([...new Set(world.arrivals.map(({ mark }) => mark.index))], [60, 70]);
    assert.deepEqual(await listImages(world.disk), [
      { index: 60, term: 3 },
      { index: 70, term: 3 },
    ]);
    assert.deepEqual(await storedRows(world.disk, 70), rows);
  });

  it('asks for nothing that it has: applied already, or complete on disk', async () => {
    const world = new TransferWorld(SEED);
    const sender = world.holder(40, rowsOf(world.random, 100));
    world.applied = 40;
    sender.offer(9n, 40, 5);
    await world.run(2);
    assert.deepEqual(world.reports, [{ by: 1n, ok: true }]);
    assert.equal(world.arrivals.length, 0);
    world.applied = 0;
    sender.offer(9n, 40, 5);
    await world.run(4);
    const bytes = world.sentBytes;
    sender.offer(9n, 40, 6);
    await world.run(4);
    assert.deepEqual(
      world.arrivals.map(({ term }) => term),
      [5, 6],
    );
    assert.ok(world.sentBytes < bytes + 200);
  });

  it('keeps no image that the log has overtaken', async () => {
    const world = new TransferWorld(SEED);
    world.offers(40, rowsOf(world.random, 100_000));
    await world.run(4);
    world.applied = 39;
    await world.run(2);
    assert.deepEqual(await listImages(world.disk), [{ index: 40, term: 3 }]);
    world.applied = 40;
    await world.run(2);
    assert.deepEqual(await listImages(world.disk), []);
    // It is taken anew by who has forgotten the entries since.
    world.applied = 0;
    world.offers(40, rowsOf(world.random, 100_000));
    await world.run(4);
    assert.equal(world.arrivals.length, 2);
    assert.deepEqual(await listImages(world.disk), [{ index: 40, term: 3 }]);
    assert.deepEqual(world.failures, []);
  });

  it('refuses an image of another cluster, and one that is not what was offered', async () => {
    for (const header of [headerAt(40, 3, 78n), headerAt(41)]) {
      const world = new TransferWorld(SEED);
      let calls = 0;
      const offered = (): typeof header => (calls++ === 0 ? header : headerAt(40));
      const sender = world.sender(1n, offered, () => rowsOf(world.random, 100_000));
      // What is offered is of the header; what is sent says otherwise.
      if (header.clusterId !== 78n) Object.assign(header, { revision: 1 });
      sender.offer(9n, 40, 5);
      if (header.clusterId !== 78n) Object.assign(header, { revision: 2 });
      await world.run(4);
      assert.equal(world.arrivals.length, 0);
      assert.deepEqual(world.reports, [{ by: 1n, ok: false }]);
      assert.deepEqual(await world.disk.list('snapshot'), []);
      assert.deepEqual(world.failures, []);
    }
  });

  it('refuses an image that is called complete before its end', async () => {
    const world = new TransferWorld(SEED);
    const sender = world.holder(40, []);
    const image = Buffer.concat([...imagePieces(headerAt(40), rowsOf(world.random, 100_000))]);
    const bytes = Uint8Array.from(image.subarray(0, image.length - 512));
    const imageId = 3n;
    const offer = { kind: 'offer', imageId, term: 5, index: 40, revision: 80 } as const;
    world.receiver.receive(1n, offer);
    world.receiver.receive(1n, { kind: 'piece', imageId, position: 0, isLast: true, bytes });
    await world.run(3);
    assert.equal(sender.count, 0);
    assert.deepEqual([world.arrivals, world.failures], [[], []]);
    assert.deepEqual(await world.disk.list('snapshot'), []);
  });

  it('gives up when the disk is full, and fails when it is broken', async () => {
    for (const kind of ['full', 'io'] as const) {
      const world = new TransferWorld(SEED);
      const sender = world.holder(40, rowsOf(world.random, 900_000));
      world.disk.fail({ call: 'write', nth: 2, kind });
      sender.offer(9n, 40, 5);
      await world.run(5);
      assert.equal(world.arrivals.length, 0);
      assert.equal(world.failures.length, kind === 'io' ? 1 : 0);
      if (kind === 'full') assert.deepEqual(world.reports, [{ by: 1n, ok: false }]);
    }
  });

  it('stops the member that finds its own rows damaged', async () => {
    const world = new TransferWorld(SEED);
    function* broken(): Iterable<ImageRow> {
      yield* rowsOf(world.random, 100_000);
      throw new Error('a damaged row');
    }
    world.sender(1n, () => headerAt(40), broken).offer(9n, 40, 5);
    await world.run(3);
    assert.match(String(world.failures[0]), /a damaged row/);
    assert.equal(world.openImages, 0);
  });

  it('gives its file back when the member stops', async () => {
    const world = new TransferWorld(SEED);
    const files: DiskFile[] = [];
    const create = world.disk.create.bind(world.disk);
    world.disk.create = async (path, sizeBytes) => {
      const file = await create(path, sizeBytes);
      files.push(file);
      return file;
    };
    const rows = rowsOf(world.random, 3_000_000);
    world.offers(40, rows);
    world.weather = { ...CALM, lost: 60 };
    await world.run(3);
    assert.equal(files.length, 1);
    await files[0]?.sync();
    world.receiver.stop();
    await world.run(3);
    await assert.rejects(files[0]?.sync() ?? Promise.resolve(), /the file is closed/);
    assert.deepEqual(world.failures, []);
  });

  it('has its file whole or not at all when the power goes in any call', async () => {
    for (let nth = 1; ; nth++) {
      const world = new TransferWorld(SEED * 100 + nth);
      const rows = rowsOf(world.random, 400_000);
      world.disk.fail({ nth, kind: 'io', isFinal: true });
      world.offers(40, rows);
      await world.run(4);
      if (world.failures.length === 0) break;
      for (const fate of ['lost', 'kept', 'chance', 'chance'] as const) {
        const disk = world.disk.crash(fate);
        const found = await listImages(disk);
        if (found.length > 0) assert.deepEqual(await storedRows(disk, 40), rows, `call ${nth}`);
        else assert.equal(world.arrivals.length, 0, `call ${nth}`);
      }
    }
  });
});
