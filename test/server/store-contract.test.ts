// Proves that the Store contract holds wherever a Store can come from: in this process on a
// directory, over gRPC on our server, and over gRPC on a real etcd, which is the judge of the suite
// itself.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/client/index.js';
import { openEmbedded } from '../../src/server/index.js';
import type { Store } from '../../src/store/index.js';
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

storeContract('the client of our server', async () => {
  const member = await startMember();
  return realHarness(await connect(member.endpoint), () => member.stop());
});

storeContract(
  'the client of etcd',
  async () => {
    const etcd = await startEtcd();
    return realHarness(await connect(etcd.endpoint), () => etcd.stop());
  },
  etcdMissing,
);
