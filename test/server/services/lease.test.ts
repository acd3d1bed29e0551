// Proves the Lease service: the calls with their statuses, and the keep-alive stream, which answers
// every request in its order, says 0 for a lease that is gone, and ends when the client is done.
import assert from 'node:assert/strict';
import {
  decodeLeaseGrantResponse,
  decodeLeaseKeepAliveResponse,
  decodeLeaseListResponse,
  decodeLeaseTimeToLiveResponse,
  encodeLeaseGrantRequest,
  encodeLeaseKeepAliveRequest,
  encodeLeaseListRequest,
  encodeLeaseRevokeRequest,
  encodeLeaseTimeToLiveRequest,
} from '../../../src/wire/lease.js';
import { BytesClient } from '../support/bytes-client.js';
import { FakeKernel } from '../support/fake-kernel.js';
import { startFakeServer, stopTestServers } from '../support/test-server.js';

const LEASE = '/etcdserverpb.Lease/Lease';

describe('the Lease service', () => {
  let kernel: FakeKernel;
  let client: BytesClient;

  beforeEach(async () => {
    kernel = new FakeKernel();
    client = new BytesClient((await startFakeServer(kernel)).address);
  });

  afterEach(async () => {
    client.close();
    await stopTestServers();
  });

  async function grant(id: bigint): Promise<void> {
    await client.call(`${LEASE}Grant`, encodeLeaseGrantRequest({ ttlSeconds: 30, id }));
  }

  it('grants, tells, lists and revokes', async () => {
    const granted = decodeLeaseGrantResponse(
      await client.call(`${LEASE}Grant`, encodeLeaseGrantRequest({ ttlSeconds: 1 })),
    );
    assert.equal(granted.ttlSeconds, 2, 'raised to the least TTL');
    assert.ok(granted.id > 0n);
    const { id } = granted;
    await kernel.store.put({ key: 'a', lease: id });
    const told = decodeLeaseTimeToLiveResponse(
      await client.call(`${LEASE}TimeToLive`, encodeLeaseTimeToLiveRequest({ id, keys: true })),
    );
    assert.deepEqual([told.grantedTtlSeconds, told.keys.length], [2, 1]);
    const listed = decodeLeaseListResponse(
      await client.call(`${LEASE}Leases`, encodeLeaseListRequest()),
    );
    assert.deepEqual(listed.ids, [id]);
    await client.call(`${LEASE}Revoke`, encodeLeaseRevokeRequest(id));
    assert.deepEqual(await client.failure(`${LEASE}Revoke`, encodeLeaseRevokeRequest(id)), {
      code: 5,
      details: 'etcdserver: requested lease not found',
    });
    const gone = decodeLeaseTimeToLiveResponse(
      await client.call(`${LEASE}TimeToLive`, encodeLeaseTimeToLiveRequest({ id })),
    );
    assert.deepEqual([gone.remainingTtlSeconds, gone.grantedTtlSeconds], [-1, 0]);
  });

  it('answers keep-alives in order, 0 for a lease that is gone', async () => {
    await grant(5n);
    await grant(6n);
    const stream = client.stream(`${LEASE}KeepAlive`);
    const asked = [5n, 99n, 6n, 5n, 98n];
    for (const id of asked) stream.send(encodeLeaseKeepAliveRequest(id));
    for (const id of asked) {
      const answer = decodeLeaseKeepAliveResponse(await stream.next());
      assert.equal(answer.id, id);
      assert.equal(answer.ttlSeconds, id < 90n ? 30 : 0);
    }
    stream.halfClose();
    assert.equal((await stream.ended).code, 0);
  });

  it('answers far more requests than it takes at once', async () => {
    await grant(5n);
    const stream = client.stream(`${LEASE}KeepAlive`);
    for (let i = 0; i < 1000; i++) stream.send(encodeLeaseKeepAliveRequest(i % 2 === 0 ? 5n : 7n));
    for (let i = 0; i < 1000; i++) {
      const { ttlSeconds } = decodeLeaseKeepAliveResponse(await stream.next());
      assert.equal(ttlSeconds, i % 2 === 0 ? 30 : 0);
    }
    stream.cancel();
  });

  it('ends the stream with the status of what it did not expect', async () => {
    kernel.store.leases.keepAlive = () => Promise.reject(new Error('not a primary lessor'));
    const stream = client.stream(`${LEASE}KeepAlive`);
    stream.send(encodeLeaseKeepAliveRequest(5n));
    assert.deepEqual(await stream.ended, { code: 2, details: 'not a primary lessor' });
  });

  it('ends the stream on bytes that are no request', async () => {
    const stream = client.stream(`${LEASE}KeepAlive`);
    stream.send(Uint8Array.from([8]));
    assert.equal((await stream.ended).code, 13);
  });
});
