// Proves that the Store contract holds wherever a Store can come from: in this process on a
// directory, over gRPC on our server, through its pipe and call by call, and over gRPC on a real
// etcd, which is the judge of the suite itself.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/client/index.js';
import { memoryStore } from '../../src/testing.js';
import { openEmbedded } from '../../src/server/index.js';
import { LIMITS, type Store } from '../../src/store/index.js';
import { storeContract } from '../contract/store.js';
import type { StoreHarness } from '../contract/store-harness.js';
import { etcdMissing, startEtcd } from '../support/etcd-process.js';
import { startMember } from '../support/member-process.js';

/** A harness in real time, for a store whose surroundings end with it. */
function realHarness(store: Store, release: () => Promise<void>): StoreHarness {
  return {
    store,
    advance: (ms) => sleep(ms),
    settle: (work) => work,
    close: async () => {
      try {
        await store.close();
      } finally {
        await release();
      }
    },
  };
}

storeContract('embedded', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-embedded-'));
  const store = await openEmbedded({ dataDir });
  return realHarness(store, () => rm(dataDir, { recursive: true, force: true }));
});

storeContract('in memory, in real time', () =>
  Promise.resolve(realHarness(memoryStore(), () => Promise.resolve())),
);

/** How often a pipe, and a call in one or by itself, was begun at a member. */
async function countsOf(endpoint: string): Promise<{ pipes: number; puts: number }> {
  const text = await (await fetch(`${endpoint}/metrics`)).text();
  const count = (method: string): number => {
    const found = new RegExp(`^grpc_server_started_total\\{.*"${method}"\\} (\\d+)$`, 'm').exec(
      text,
    );
    return Number(found?.[1]);
  };
  return { pipes: count('Carry'), puts: count('Put') };
}

/** A pipe is there while calls come often: so that all of the suite goes through it, they do. */
function callOften(store: Store): () => void {
  const timer = setInterval(() => {
    store.range({ key: 'none', serializable: true }).catch(() => undefined);
  }, LIMITS.pipeIdleMs / 4);
  return () => clearInterval(timer);
}

storeContract('the client of our server, through its pipe', async () => {
  const member = await startMember();
  const store = await connect(member.endpoint);
  const rest = callOften(store);
  return realHarness(store, async () => {
    rest();
    const { pipes, puts } = await countsOf(member.endpoint);
    await member.stop();
    assert.ok(puts > 0);
    assert.equal(pipes, 1);
  });
});

storeContract('the client of our server, call by call', async () => {
  const member = await startMember();
  return realHarness(await connect(member.endpoint, { pipe: false }), async () => {
    const { pipes, puts } = await countsOf(member.endpoint);
    await member.stop();
    assert.ok(puts > 0);
    assert.equal(pipes, 0);
  });
});

storeContract(
  'the client of etcd',
  async () => {
    const etcd = await startEtcd();
    return realHarness(await connect(etcd.endpoint), () => etcd.stop());
  },
  etcdMissing,
);
