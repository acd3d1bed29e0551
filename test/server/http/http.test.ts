// Proves the plain HTTP side of the client port: the paths, methods, bodies and statuses that
// monitoring relies on, in good times and bad, and the names and shapes of the metrics.
import assert from 'node:assert/strict';
import { FakeKernel } from '../support/fake-kernel.js';
import { startFakeServer, stopTestServers, type TestServer } from '../support/test-server.js';
import { BytesClient } from '../support/bytes-client.js';
import { StoreError } from '../../../src/store/index.js';
import { encodePutRequest } from '../../../src/wire/kv.js';

describe('the HTTP side', () => {
  let kernel: FakeKernel;
  let server: TestServer;

  beforeEach(async () => {
    kernel = new FakeKernel();
    server = await startFakeServer(kernel, { metrics: 'extensive' });
  });

  afterEach(stopTestServers);

  async function get(path: string, method = 'GET') {
    const response = await fetch(`${server.url}${path}`, { method });
    const body = await response.text();
    return { status: response.status, body, headers: response.headers };
  }

  function loseLeader(): void {
    kernel.leader = 0n;
    kernel.store.role$.next('candidate');
  }

  it('tells its version', async () => {
    const { status, body, headers } = await get('/version');
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'application/json');
    assert.equal(body, '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}');
  });

  it('refuses other methods and unknown paths as etcd does', async () => {
    for (const path of ['/version', '/health', '/livez', '/readyz/non_learner', '/metrics']) {
      const { status, body, headers } = await get(path, 'POST');
      assert.deepEqual([status, body], [405, 'Method Not Allowed\n'], path);
      assert.equal(headers.get('allow'), 'GET');
    }
    assert.deepEqual((await get('/nothing')).body, '404 page not found\n');
    const gateway = await get('/v3/kv/range', 'POST');
    assert.deepEqual(
      [gateway.status, JSON.parse(gateway.body)],
      [404, { code: 5, message: 'Not Found', details: [] }],
    );
  });

  it('is healthy, or says why not', async () => {
    assert.equal((await get('/health')).body, '{"health":"true","reason":""}');
    kernel.raised = [{ memberId: 11n, alarm: 'nospace' }];
    const full = await get('/health');
    assert.equal(full.status, 503);
    assert.equal(full.body, '{"health":"false","reason":"ALARM NOSPACE"}\n');
    assert.equal((await get('/health?exclude=NOSPACE')).status, 200);
    assert.equal((await get('/health?exclude=CORRUPT')).status, 503);
    kernel.raised = [];
    loseLeader();
    assert.match((await get('/health')).body, /RAFT NO LEADER/);
    assert.equal((await get('/health?serializable=true')).status, 200);
    kernel.store.range = () => Promise.reject(new Error('etcdserver: request timed out'));
    assert.match(
      (await get('/health?serializable=true')).body,
      /"RANGE ERROR:etcdserver: request timed out"/,
    );
  });

  it('does not wait for a majority that does not come', async () => {
    kernel.store.range = (_request, options) =>
      new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new StoreError('Canceled')));
      });
    const asked = [get('/health'), get('/readyz/linearizable_read')];
    let isOver = false;
    const alive = get('/livez').finally(() => {
      isOver = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    loseLeader();
    const [health, ready] = await Promise.all(asked);
    assert.ok(!isOver, 'they were told of the loss');
    assert.equal(health?.body, '{"health":"false","reason":"RAFT NO LEADER"}\n');
    assert.equal(ready?.body, '[-]linearizable_read failed: etcdserver: no leader\n');
    const late = '[-]serializable_read failed: context deadline exceeded\n';
    assert.equal((await alive).body, late, 'and this one waits for its time');
  });

  it('is alive and ready, check by check', async () => {
    assert.deepEqual((await get('/livez')).body, 'ok\n');
    assert.equal((await get('/livez?verbose')).body, '[+]serializable_read ok\nok\n');
    assert.equal(
      (await get('/readyz?verbose')).body,
      '[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n',
    );
    assert.equal((await get('/readyz/linearizable_read')).body, 'ok\n');
    assert.equal((await get('/livez/linearizable_read')).status, 404);
    kernel.raised = [{ memberId: 11n, alarm: 'corrupt' }];
    const corrupt = await get('/readyz');
    assert.equal(corrupt.status, 503);
    assert.match(corrupt.body, /^\[-\]data_corruption failed: alarm activated: CORRUPT$/m);
    assert.match(corrupt.body, /^\[\+\]non_learner ok$/m);
    assert.equal((await get('/readyz?exclude=data_corruption')).status, 200);
    assert.equal((await get('/livez')).status, 200);
  });

  it('does not fail readiness for want of space', async () => {
    kernel.raised = [{ memberId: 11n, alarm: 'nospace' }];
    assert.equal((await get('/readyz')).status, 200);
  });

  it('shows metrics under etcd’s names, every rpc from the start', async () => {
    const client = new BytesClient(server.address);
    await client.call('/etcdserverpb.KV/Put', encodePutRequest({ key: 'a', value: 'b' }));
    await client.failure('/etcdserverpb.KV/Put', encodePutRequest({ key: '' }));
    client.close();
    const { body, headers } = await get('/metrics');
    assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const value = (series: string): number => {
      const line = body.split('\n').find((each) => each.startsWith(`${series} `));
      assert.ok(line !== undefined, `${series} is missing`);
      return Number(line.slice(series.length + 1));
    };
    const rpc = 'grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put"';
    assert.equal(value(`grpc_server_started_total{${rpc}}`), 2);
    assert.equal(value(`grpc_server_handled_total{${rpc},grpc_code="OK"}`), 1);
    assert.equal(value(`grpc_server_handled_total{${rpc},grpc_code="InvalidArgument"}`), 1);
    assert.equal(value(`grpc_server_handling_seconds_count{${rpc}}`), 2);
    const never = 'grpc_type="unary",grpc_service="etcdserverpb.Auth",grpc_method="AuthEnable"';
    assert.equal(value(`grpc_server_started_total{${never}}`), 0);
    const watch = 'grpc_type="bidi_stream",grpc_service="etcdserverpb.Watch",grpc_method="Watch"';
    assert.equal(value(`grpc_server_started_total{${watch}}`), 0);
    for (const [name, expected] of [
      ['etcd_server_has_leader', 1],
      ['etcd_server_is_leader', 1],
      ['etcd_server_leader_changes_seen_total', 1],
      ['etcd_mvcc_put_total', 1],
      ['etcd_server_proposals_pending', 3],
      ['etcd_server_proposals_failed_total', 5],
      ['etcd_debugging_mvcc_pending_events_total', 0],
      ['etcd_debugging_mvcc_current_revision', 2],
      ['etcd_server_quota_backend_bytes', 2 ** 31],
      ['etcd_server_id{server_id="b"}', 1],
      ['etcd_server_version{server_version="3.7.1"}', 1],
      ['etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"}', 0],
      ['etcd_disk_wal_fsync_duration_seconds_bucket{le="8.192"}', 0],
    ] as const) {
      assert.equal(value(name), expected, name);
    }
    assert.ok(value('etcd_network_client_grpc_received_bytes_total') > 0);
    assert.ok(value('process_resident_memory_bytes') > 1_000_000);
    assert.ok(value('process_open_fds') > 3);
  });

  it('answers HEAD of the metrics without a body, and many requests on one connection', async () => {
    assert.equal((await get('/metrics', 'HEAD')).body, '');
    for (let i = 0; i < 20; i++) assert.equal((await get('/livez')).status, 200);
  });
});
