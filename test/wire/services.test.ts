// Proves that every rpc of every service has a definition with the right path and kind.
import assert from 'node:assert/strict';
import { bytesOnly, streamKind } from '../../src/wire/method.js';
import { methodsOf, SERVICE_NAMES, SERVICES } from '../../src/wire/services.js';

describe('services', () => {
  it('define all rpcs under their own names', () => {
    const methods = SERVICE_NAMES.flatMap((service) =>
      methodsOf(service).map((rpc) => ({ service, rpc })),
    );
    assert.equal(methods.length, 53);
    for (const { service, rpc } of methods) assert.ok(rpc.path.startsWith(`/${service}/`));
    assert.equal(new Set(methods.map(({ rpc }) => rpc.path)).size, 53);
    const streams = methods
      .filter(({ rpc }) => streamKind(rpc) !== 'unary')
      .map(({ rpc }) => `${rpc.path} ${streamKind(rpc)}`);
    assert.deepEqual(streams, [
      '/etcdserverpb.KV/RangeStream server',
      '/etcdserverpb.Watch/Watch bidi',
      '/etcdserverpb.Lease/LeaseKeepAlive bidi',
      '/etcdserverpb.Maintenance/Snapshot server',
      '/v3electionpb.Election/Observe server',
      '/grpc.health.v1.Health/Watch server',
      '/tidelock.pipe.v1.Pipe/Carry bidi',
    ]);
  });

  it('can be had without codecs', () => {
    const plain = bytesOnly(SERVICES['etcdserverpb.KV'].put);
    const bytes = Buffer.from('x');
    assert.equal(plain.path, '/etcdserverpb.KV/Put');
    assert.equal(plain.requestDeserialize(bytes), bytes);
    assert.equal(plain.responseSerialize(bytes), bytes);
  });
});
