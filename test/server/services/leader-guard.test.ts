// Proves that a stream whose client insists on a leader ends when the member has had none for three
// election timeouts, and not sooner; that an election in between starts the count again; and that
// the streams of all others go on.
import assert from 'node:assert/strict';
import { encodeLeaseKeepAliveRequest } from '../../../src/wire/lease.js';
import { decodeWatchResponse, encodeWatchRequest } from '../../../src/wire/watch.js';
import { BytesClient } from '../support/bytes-client.js';
import { FakeKernel } from '../support/fake-kernel.js';
import { startFakeServer, stopTestServers } from '../support/test-server.js';

const WATCH = '/etcdserverpb.Watch/Watch';
const KEEP_ALIVE = '/etcdserverpb.Lease/LeaseKeepAlive';
const ELECTION_MS = 60;
const INSISTS = { hasleader: 'true' };
const NO_LEADER = { code: 14, details: 'etcdserver: no leader' };

describe('streams without a leader', () => {
  let kernel: FakeKernel;
  let client: BytesClient;

  beforeEach(async () => {
    kernel = new FakeKernel();
    const flags = { 'heartbeat-interval': '10', 'election-timeout': `${ELECTION_MS}` };
    client = new BytesClient((await startFakeServer(kernel, flags)).address);
  });

  afterEach(async () => {
    client.close();
    await stopTestServers();
  });

  function lead(leader: bigint): void {
    kernel.leader = leader;
    kernel.store.role$.next(leader === 0n ? 'candidate' : 'follower');
  }

  async function watch(headers: Record<string, string>) {
    const stream = client.stream(WATCH, headers);
    const request = { key: 'a' };
    stream.send(encodeWatchRequest({ kind: 'create', request, watchId: 0, fragment: false }));
    assert.equal(decodeWatchResponse(await stream.next()).created, true);
    return stream;
  }

  async function keepAlive(headers: Record<string, string>) {
    const stream = client.stream(KEEP_ALIVE, headers);
    stream.send(encodeLeaseKeepAliveRequest(7n));
    await stream.next();
    return stream;
  }

  it('end when it stays away, if their clients insist on one', async () => {
    const insisting = [await watch(INSISTS), await keepAlive(INSISTS)];
    const patient = [await watch({}), await keepAlive({ hasleader: 'no' })];
    let ended = 0;
    for (const stream of patient) void stream.ended.then(() => ended++);
    const lostAt = performance.now();
    lead(0n);
    for (const stream of insisting) assert.deepEqual(await stream.ended, NO_LEADER);
    const waitedMs = performance.now() - lostAt;
    assert.ok(waitedMs > 1.9 * ELECTION_MS, `${waitedMs} ms`);
    assert.deepEqual(await client.stream(WATCH, INSISTS).ended, NO_LEADER, 'and are not opened');
    lead(12n);
    await kernel.store.put({ key: 'a' });
    const [watching, renewing] = patient;
    assert.equal(decodeWatchResponse((await watching?.next()) ?? Buffer.of()).events.length, 1);
    renewing?.send(encodeLeaseKeepAliveRequest(7n));
    await renewing?.next();
    assert.equal(ended, 0);
    (await watch(INSISTS)).cancel();
    for (const stream of patient) stream.cancel();
  });

  it('go on over an election', async () => {
    const stream = await watch(INSISTS);
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    for (let round = 0; round < 3; round++) {
      lead(0n);
      await pause(ELECTION_MS);
      lead(12n);
      await pause(1.5 * ELECTION_MS);
    }
    await kernel.store.put({ key: 'a' });
    assert.equal(decodeWatchResponse(await stream.next()).events.length, 1);
    stream.cancel();
  });
});
