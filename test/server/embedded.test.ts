// Proves that a store in this process keeps its data in a directory that nobody else can have at
// the same time, survives being closed and opened again, and refuses what a server would refuse.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { firstValueFrom } from 'rxjs';
import { DEFAULT_SETTINGS } from '../../src/kernel/index.js';
import { openEmbedded } from '../../src/server/embedded.js';
import { openMember } from '../../src/server/member.js';
import { StartFailure } from '../../src/server/start-failure.js';
import { isStoreError, type Store } from '../../src/store/index.js';

const MEMBER = { id: 1n, name: 'one', peerUrls: [], clientUrls: [], isLearner: false };

describe('openEmbedded', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'tidelock-embedded-'));
  });

  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it('keeps what it was given', async () => {
    const first = await openEmbedded({ dataDir });
    await first.put({ key: 'a', value: 'b' });
    await first.close();
    await first.close();
    const second = await openEmbedded({ dataDir });
    const { kvs, header } = await second.range({ key: 'a' });
    assert.equal(kvs.length, 1);
    assert.equal(header.revision, 2);
    await second.close();
  });

  it('takes writes again when there is room again', async () => {
    const small = await openEmbedded({ dataDir, quotaBytes: 1 });
    await assert.rejects(small.put({ key: 'a' }), (error) => isStoreError(error, 'NoSpace'));
    await small.close();
    const large = await openEmbedded({ dataDir });
    await large.put({ key: 'a' });
    await large.close();
  });

  it('clears an alarm that a member left there', async () => {
    await (await openEmbedded({ dataDir })).close();
    const member = await openMember({
      dataDir,
      settings: DEFAULT_SETTINGS,
      begin: () => Promise.resolve({ clusterId: 1n, member: MEMBER, known: [] }),
      trace: { event: () => {} },
      meter: { observe: () => {} },
    });
    const { memberId } = member.kernel.header();
    await member.kernel.setAlarm('activate', { memberId, alarm: 'nospace' });
    await member.close();
    const store = await openEmbedded({ dataDir });
    await store.put({ key: 'a' });
    await store.close();
  });

  it('tells of changes, and ends its streams when it closes', async () => {
    const store = await openEmbedded({ dataDir });
    const change = firstValueFrom(store.watch({ key: 'a' }));
    await store.put({ key: 'a', value: 'b' });
    assert.equal((await change).revision, 2);
    let completed = false;
    store.revisions$.subscribe({
      complete: () => {
        completed = true;
      },
    });
    const ended = new Promise((resolve) => {
      store.watch({ key: 'a' }).subscribe({ error: resolve });
    });
    await store.close();
    assert.ok(completed);
    const silence = new Promise((resolve) => {
      setTimeout(resolve, 10_000, 'a watch that does not end').unref();
    });
    const end = await Promise.race([ended, silence]);
    assert.ok(isStoreError(end, 'Stopped'), String(end));
    await assert.rejects(store.put({ key: 'a' }), (error) => isStoreError(error, 'Stopped'));
  });

  it('keeps a program alive that waits for something in it, and no longer than until it closes', async () => {
    const door = new URL('../../src/index.js', import.meta.url).href;
    const program = `
      import { coordinate, openEmbedded } from ${JSON.stringify(door)};
      const store = await openEmbedded({ dataDir: ${JSON.stringify(dataDir)} });
      const coord = coordinate(store);
      const held = await coord.lock('thing').acquire();
      setTimeout(() => held.release(), 300).unref();
      await coord.lock('thing').acquire();
      console.log('acquired');
      await coord.close();
      await store.close();
    `;
    const words = ['--input-type=module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 40_000 });
    assert.equal(stdout, 'acquired\n');
  });

  for (const [kind, read] of [
    ['linearizable', (store: Store) => store.range({ key: 'a' })],
    ['serializable', (store: Store) => store.range({ key: 'a', serializable: true })],
    ['transactional', (store: Store) => store.txn({ success: [{ kind: 'range', key: 'a' }] })],
  ] as const) {
    it(`lets timers have their turn though a program does nothing but ${kind} reads`, async () => {
      await using store = await openEmbedded({ dataDir });
      await store.put({ key: 'a', value: 'b' });
      let fired = 0;
      const timer = setInterval(() => fired++, 1);
      const untilMs = performance.now() + 20_000;
      try {
        while (fired < 10 && performance.now() < untilMs) await read(store);
      } finally {
        clearInterval(timer);
      }
      assert.ok(fired >= 10, `${fired} timers`);
    });
  }

  it('has its directory to itself', async () => {
    const store = await openEmbedded({ dataDir });
    await assert.rejects(openEmbedded({ dataDir }), (error) => {
      assert.ok(error instanceof StartFailure);
      assert.match(error.message, /in use by this process/);
      return true;
    });
    await store.put({ key: 'still', value: 'here' });
    await store.close();
    await (await openEmbedded({ dataDir })).close();
  });

  it('has limits that can be set', async () => {
    const store = await openEmbedded({ dataDir, txnOperationsMax: 1 });
    const success = [1, 2].map((i) => ({ kind: 'put', key: `k${i}` }) as const);
    await assert.rejects(store.txn({ success }), (error) => isStoreError(error, 'TooManyOps'));
    await store.close();
  });
});
