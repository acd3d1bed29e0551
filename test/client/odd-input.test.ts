// Proves that what cannot be said on the wire is refused before anything is sent, as an embedded
// store refuses it: never cut to what fits, never left out, and never at the cost of the other
// watches and keep-alives of the same stream.
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { connect } from '../../src/client/index.js';
import type { Store } from '../../src/store/index.js';
import { SERVICES } from '../../src/wire/services.js';
import { FakeServer } from './fake-server.js';
import { QuickClock } from './quick-clock.js';

const { leaseGrant } = SERVICES['etcdserverpb.Lease'];
const header = { clusterId: 1n, memberId: 2n, revision: 10, raftTerm: 3 };
const REFUSED = { code: 'InvalidArgument' };

describe('odd input of a client', () => {
  let server: FakeServer;
  let store: Store;

  beforeEach(async () => {
    server = await FakeServer.start();
    store = await connect(server.endpoint, { clock: new QuickClock() });
  });

  afterEach(async () => {
    assert.deepEqual(
      server.calls.filter((path) => path !== leaseGrant.path),
      [],
    );
    await store.close();
    server.stop();
  });

  it('refuses what is neither text nor bytes', async () => {
    const seven = 7 as unknown as string;
    await assert.rejects(store.put({ key: 'a', value: seven }), REFUSED);
    await assert.rejects(store.put({ key: seven, value: 'a' }), REFUSED);
    await assert.rejects(store.range({ key: 'a', rangeEnd: {} as unknown as string }), REFUSED);
    await assert.rejects(store.delete({ key: seven }), REFUSED);
  });

  it('refuses numbers that are not whole', async () => {
    await assert.rejects(store.range({ key: 'a', revision: 1.5 }), REFUSED);
    await assert.rejects(store.range({ key: 'a', limit: Number.NaN }), REFUSED);
    await assert.rejects(store.compact({ revision: 1.5 }), REFUSED);
    await assert.rejects(store.leases.grant({ ttlSeconds: Number.NaN }), REFUSED);
  });

  it('refuses lease ids beyond 64 bits', async () => {
    for (const id of [2n ** 64n + 5n, 2n ** 63n, -(2n ** 63n) - 1n, 5 as unknown as bigint]) {
      await assert.rejects(store.put({ key: 'a', lease: id }), REFUSED);
      await assert.rejects(store.leases.grant({ ttlSeconds: 5, id }), REFUSED);
      await assert.rejects(store.leases.keepAlive(id), REFUSED);
      await assert.rejects(store.leases.revoke(id), REFUSED);
      await assert.rejects(store.leases.timeToLive({ id }), REFUSED);
    }
  });

  it('refuses a watch that cannot be asked for', async () => {
    await assert.rejects(firstValueFrom(store.watch({ key: 'a', startRevision: 1.5 })), REFUSED);
    await assert.rejects(firstValueFrom(store.watch({ key: 7 as unknown as string })), REFUSED);
  });

  it('rounds a TTL up, for a lease is never shorter than was asked', async () => {
    const asked: number[] = [];
    server.onUnary(leaseGrant.path, (bytes) => {
      const { ttlSeconds } = leaseGrant.requestDeserialize(bytes);
      asked.push(ttlSeconds);
      return leaseGrant.responseSerialize({ header, id: 5n, ttlSeconds });
    });
    await store.leases.grant({ ttlSeconds: 10.5 });
    assert.deepEqual(asked, [11]);
  });
});
