// Proves what the KV service adds to the store: statuses and texts as etcd sends them, size limits,
// timeouts, the wish for a leader, refusal by name of what is not built, and that nothing a client
// sends ends the server.
import assert from 'node:assert/strict';
import { StoreError } from '../../../src/store/index.js';
import {
  encodeCompactRequest,
  encodePutRequest,
  encodeDeleteRequest,
} from '../../../src/wire/kv.js';
import { decodePutResponse, decodeDeleteResponse } from '../../../src/wire/kv.js';
import { decodeRangeResponse, encodeRangeRequest } from '../../../src/wire/range.js';
import { methodsOf, SERVICE_NAMES } from '../../../src/wire/services.js';
import { decodeTxnResponse, encodeTxnRequest } from '../../../src/wire/txn.js';
import { BytesClient, type BytesStream, type Failure } from '../support/bytes-client.js';
import { FakeKernel } from '../support/fake-kernel.js';
import { startFakeServer, stopTestServers, type TestServer } from '../support/test-server.js';

const KV = '/etcdserverpb.KV';

async function refusalOf(stream: BytesStream): Promise<Failure> {
  stream.send(new Uint8Array(0));
  stream.halfClose();
  return await stream.ended;
}

describe('the KV service', () => {
  let kernel: FakeKernel;
  let server: TestServer;
  let client: BytesClient;

  beforeEach(async () => {
    kernel = new FakeKernel();
    server = await startFakeServer(kernel, { 'max-request-bytes': '2000' });
    client = new BytesClient(server.address);
  });

  afterEach(async () => {
    client.close();
    await stopTestServers();
  });

  it('puts, reads, deletes and runs txns', async () => {
    const put = await client.call(`${KV}/Put`, encodePutRequest({ key: 'a', value: 'b' }));
    assert.equal(decodePutResponse(put).header.revision, 2);
    const range = await client.call(`${KV}/Range`, encodeRangeRequest({ key: 'a' }));
    assert.equal(Buffer.from(decodeRangeResponse(range).kvs[0]?.value ?? '').toString(), 'b');
    const txn = encodeTxnRequest({
      compare: [{ key: 'a', target: 'mod', operator: '=', operand: 2 }],
      success: [{ kind: 'put', key: 'c', value: 'd' }],
    });
    assert.equal(decodeTxnResponse(await client.call(`${KV}/Txn`, txn)).succeeded, true);
    const gone = await client.call(
      `${KV}/DeleteRange`,
      encodeDeleteRequest({ key: 'a', rangeEnd: 'z' }),
    );
    assert.equal(decodeDeleteResponse(gone).deleted, 2);
    await client.call(`${KV}/Compact`, encodeCompactRequest({ revision: 3 }));
    assert.deepEqual(await client.failure(`${KV}/Compact`, encodeCompactRequest({ revision: 3 })), {
      code: 11,
      details: 'etcdserver: mvcc: required revision has been compacted',
    });
  });

  it('sends the status and the text of the store’s errors', async () => {
    const cases = [
      ['Put', encodePutRequest({ key: '' }), 3, 'etcdserver: key is not provided'],
      ['Range', encodeRangeRequest({ key: '' }), 3, 'etcdserver: key is not provided'],
      [
        'Put',
        encodePutRequest({ key: 'a', lease: 99n }),
        5,
        'etcdserver: requested lease not found',
      ],
      [
        'Range',
        encodeRangeRequest({ key: 'a', revision: 9 }),
        11,
        'etcdserver: mvcc: required revision is a future revision',
      ],
    ] as const;
    for (const [rpc, message, code, details] of cases) {
      assert.deepEqual(await client.failure(`${KV}/${rpc}`, message), { code, details });
    }
  });

  it('answers bytes that are no message as grpc-go does', async () => {
    for (const bytes of [
      [10, 200],
      [255, 255, 255],
      [10, 5, 97],
    ]) {
      const failure = await client.failure(`${KV}/Put`, Uint8Array.from(bytes));
      assert.equal(failure.code, 13);
      assert.match(failure.details, /^grpc: error unmarshalling request: /);
    }
    assert.deepEqual(server.errors, [], 'that is no fault of ours');
  });

  it('refuses what is too large, by etcd’s limit and by gRPC’s', async () => {
    const put = (bytes: number) => encodePutRequest({ key: 'a', value: Buffer.alloc(bytes, 'x') });
    await client.call(`${KV}/Put`, put(1900));
    assert.deepEqual(await client.failure(`${KV}/Put`, put(2000)), {
      code: 3,
      details: 'etcdserver: request is too large',
    });
    assert.equal((await client.failure(`${KV}/Put`, put(600_000))).code, 8);
    const reads = { kind: 'range', key: Buffer.alloc(2500, 'k') } as const;
    await client.call(`${KV}/Txn`, encodeTxnRequest({ success: [reads] }));
    const write = { kind: 'delete', key: 'k' } as const;
    const mixed = encodeTxnRequest({ success: [reads, write] });
    assert.equal(
      (await client.failure(`${KV}/Txn`, mixed)).details,
      'etcdserver: request is too large',
    );
  });

  it('refuses those who want a leader when there is none, and serves the others', async () => {
    kernel.leader = 0n;
    kernel.store.role$.next('candidate');
    const message = encodeRangeRequest({ key: 'a', serializable: true });
    assert.deepEqual(await client.failure(`${KV}/Range`, message, { hasleader: 'true' }), {
      code: 14,
      details: 'etcdserver: no leader',
    });
    await client.call(`${KV}/Range`, message);
    kernel.leader = 11n;
    kernel.store.role$.next('leader');
    await client.call(`${KV}/Range`, message, { hasleader: 'true' });
  });

  it('reports an error that it did not expect, and goes on', async () => {
    kernel.store.put = () => Promise.reject(new Error('a bug'));
    assert.deepEqual(await client.failure(`${KV}/Put`, encodePutRequest({ key: 'a' })), {
      code: 2,
      details: 'a bug',
    });
    assert.equal(server.errors.length, 1);
    kernel.store.put = () => {
      throw new StoreError('NoSpace');
    };
    assert.equal((await client.failure(`${KV}/Put`, encodePutRequest({ key: 'a' }))).code, 8);
  });

  it('refuses by name every rpc that is not built', async () => {
    const built = new Set([
      ...['Range', 'Put', 'DeleteRange', 'Txn', 'Compact'].map((rpc) => `${KV}/${rpc}`),
      '/etcdserverpb.Watch/Watch',
      ...['Grant', 'Revoke', 'KeepAlive', 'TimeToLive', 'Leases'].map(
        (rpc) => `/etcdserverpb.Lease/Lease${rpc}`,
      ),
      ...methodsOf('etcdserverpb.Cluster').map(({ path }) => path),
      ...methodsOf('etcdserverpb.Maintenance').map(({ path }) => path),
      ...['Check', 'List', 'Watch'].map((rpc) => `/grpc.health.v1.Health/${rpc}`),
    ]);
    built.delete('/etcdserverpb.Maintenance/Downgrade');
    built.add('/tidelock.pipe.v1.Pipe/Carry');
    const others = SERVICE_NAMES.flatMap((name) => methodsOf(name)).filter(
      (method) => !built.has(method.path),
    );
    assert.ok(others.length >= 25);
    for (const { path, requestStream, responseStream } of others) {
      const [, service, method] = path.split('/');
      const status =
        requestStream || responseStream
          ? await refusalOf(client.stream(path))
          : await client.failure(path, new Uint8Array(0));
      assert.deepEqual(status, {
        code: 12,
        details: `unknown method ${method} for service ${service}`,
      });
    }
  });
});
