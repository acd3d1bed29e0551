// Proves what a learner serves: of the calls its status and reads of what it has, of the streams
// none but that of its state. Everything else is refused as etcd refuses it, gRPC's health too.
import assert from 'node:assert/strict';
import { methodsOf, SERVICE_NAMES } from '../../../src/wire/services.js';
import { streamKind } from '../../../src/wire/method.js';
import { encodeRangeRequest } from '../../../src/wire/range.js';
import { BytesClient } from '../support/bytes-client.js';
import { FakeKernel } from '../support/fake-kernel.js';
import { startFakeServer, stopTestServers } from '../support/test-server.js';

const REFUSED = { code: 9, details: 'etcdserver: rpc not supported for learner' };
const UNIMPLEMENTED = 12;
/** These say of themselves what they are; the fake has no state to stream. */
const SERVED = new Set([
  '/etcdserverpb.Maintenance/Status',
  '/etcdserverpb.Maintenance/Snapshot',
  // Each of its calls is asked for itself.
  '/tidelock.pipe.v1.Pipe/Carry',
]);

describe('a learner', () => {
  let client: BytesClient;

  before(async () => {
    const kernel = new FakeKernel();
    const status = kernel.status();
    kernel.status = () => ({ ...status, isLearner: true });
    client = new BytesClient((await startFakeServer(kernel)).address);
  });

  after(async () => {
    client.close();
    await stopTestServers();
  });

  it('refuses every call and stream but a few', async () => {
    let refused = 0;
    for (const service of SERVICE_NAMES) {
      for (const method of methodsOf(service)) {
        const { path } = method;
        // The requests are empty, which would be a mistake in some, had they been looked at.
        const outcome =
          streamKind(method) === 'unary'
            ? await client.failure(path, Buffer.of()).catch(() => undefined)
            : await streamOutcome(path);
        if (SERVED.has(path)) assert.notDeepEqual(outcome, REFUSED, path);
        else if (outcome?.code !== UNIMPLEMENTED) {
          assert.deepEqual(outcome, REFUSED, path);
          refused += 1;
        }
      }
    }
    assert.ok(refused > 20, `${refused} refused`);
  });

  async function streamOutcome(path: string) {
    const stream = client.stream(path);
    stream.send(Buffer.of());
    stream.halfClose();
    const { code, details } = await stream.ended;
    return { code, details };
  }

  it('reads what it has, and not what is newest', async () => {
    const path = '/etcdserverpb.KV/Range';
    const request = { key: 'a', serializable: true };
    await client.call(path, encodeRangeRequest(request));
    const newest = await client.failure(path, encodeRangeRequest({ key: 'a' }));
    assert.deepEqual(newest, REFUSED);
  });
});
