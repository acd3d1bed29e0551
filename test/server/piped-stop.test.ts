// Proves that a member which is stopped in order, and started again, under the load of clients that
// call through its pipe, fails none of their calls and carries out none of them twice.
import assert from 'node:assert/strict';
import { connect } from '../../src/client/index.js';
import type { Store } from '../../src/store/index.js';
import { type MemberProcess, startMember } from '../support/member-process.js';
import { until } from './support/until.js';

const WORKERS = 40;

describe('a member that is restarted under piped load', () => {
  let member: MemberProcess;
  let store: Store;
  let isOver: boolean;
  let count: number;

  beforeEach(async () => {
    isOver = false;
    count = 0;
    member = await startMember();
    store = await connect(member.endpoint);
  });

  afterEach(async () => {
    isOver = true;
    await store.close();
    await member.stop();
  });

  /** Writes each key once. @returns its keys */
  async function work(): Promise<string[]> {
    const keys: string[] = [];
    while (!isOver) {
      count += 1;
      const key = `k${String(count).padStart(8, '0')}`;
      keys.push(key);
      await store.put({ key, value: 'once' }).catch((error: unknown) => {
        isOver = true;
        throw error;
      });
    }
    return keys;
  }

  async function written(more: number): Promise<void> {
    const until = count + more;
    while (count < until && !isOver) await new Promise(setImmediate);
  }

  async function pipesOpened(): Promise<number> {
    const text = await (await fetch(`${member.endpoint}/metrics`)).text();
    return Number(/^grpc_server_started_total\{.*"Carry"\} (\d+)$/m.exec(text)?.[1]);
  }

  it('loses nothing and does nothing twice', async function () {
    this.timeout(60_000);
    const working = Promise.all(Array.from({ length: WORKERS }, work));
    // A failure is for the end; here it must only not go unheard.
    working.catch(() => undefined);
    for (let round = 0; round < 2; round++) {
      await written(WORKERS * 10);
      // Calls go by themselves until there is a pipe, which may take them a moment.
      await until('a pipe', async () => (await pipesOpened()) > 0);
      assert.equal(await member.terminate(), 0);
      await member.start();
    }
    await written(WORKERS * 10);
    isOver = true;
    const keys = (await working).flat().sort();
    const { kvs } = await store.range({ key: 'k', rangeEnd: 'l' });
    assert.deepEqual(
      kvs.map(({ key }) => Buffer.from(key).toString()),
      keys,
    );
    // What is written once has version 1, and nobody else took a revision.
    assert.ok(kvs.every(({ version }) => version === 1));
    assert.equal(new Set(kvs.map(({ modRevision }) => modRevision)).size, keys.length);
  });
});
