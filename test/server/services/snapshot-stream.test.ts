// Proves that a snapshot goes out as etcd sends it: blobs of 32 KiB that say what is left, then the
// hash; that the member makes no more of it than the client takes; and that whatever ends the call
// gives the state back.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { StoreError } from '../../../src/store/index.js';
import { MAINTENANCE_METHODS as MAINTENANCE } from '../../../src/wire/maintenance.js';
import { BytesClient, type BytesStream } from '../support/bytes-client.js';
import { FakeKernel } from '../support/fake-kernel.js';
import { startFakeServer, stopTestServers, type TestServer } from '../support/test-server.js';
import { until } from '../support/until.js';

const BLOB_BYTES = 32_768;

/** An image of so many bytes in uneven pieces, which counts what is taken of it. */
class FakeImage {
  readonly revision = 7;
  readonly byteCount: number;
  readonly #pieceBytes: number;
  made = 0;
  closed = false;
  failAt = Number.POSITIVE_INFINITY;

  constructor(byteCount: number, pieceBytes: number) {
    this.byteCount = byteCount;
    this.#pieceBytes = pieceBytes;
  }

  get pieces(): AsyncIterable<Uint8Array> {
    return this.#pieces();
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    try {
      while (this.made < this.byteCount) {
        if (this.made >= this.failAt) throw new StoreError('Unavailable', 'another state came');
        const length = Math.min(this.#pieceBytes, this.byteCount - this.made);
        const piece = Uint8Array.from({ length }, (_, at) => (this.made + at) % 251);
        this.made += length;
        yield piece;
      }
    } finally {
      this.closed = true;
    }
  }
}

describe('Snapshot', () => {
  let kernel: FakeKernel;
  let server: TestServer;
  let client: BytesClient;

  beforeEach(async () => {
    kernel = new FakeKernel();
    server = await startFakeServer(kernel);
    client = new BytesClient(server.address);
  });

  afterEach(async () => {
    client.close();
    await stopTestServers();
  });

  function ask(image: FakeImage): BytesStream {
    kernel.snapshot = () => Promise.resolve(image);
    const stream = client.stream(MAINTENANCE.snapshot.path);
    stream.send(new Uint8Array(0));
    stream.halfClose();
    return stream;
  }

  for (const [byteCount, pieceBytes] of [
    [200_000, 50_001],
    [4 * BLOB_BYTES, BLOB_BYTES],
    [512, 100],
  ] as const) {
    it(`is ${byteCount} bytes in blobs, and the hash of them`, async () => {
      const image = new FakeImage(byteCount, pieceBytes);
      const stream = ask(image);
      const hash = createHash('sha256');
      const sizes: number[] = [];
      for (let left = byteCount; left > 0; ) {
        const message = MAINTENANCE.snapshot.responseDeserialize(await stream.next());
        left -= message.blob.length;
        assert.equal(message.remainingBytes, BigInt(left));
        assert.equal(message.version, '3.7.0');
        sizes.push(message.blob.length);
        hash.update(message.blob);
      }
      assert.ok(
        sizes.slice(0, -1).every((size) => size === BLOB_BYTES),
        sizes.join(),
      );
      const last = MAINTENANCE.snapshot.responseDeserialize(await stream.next());
      assert.equal(Buffer.from(last.blob).toString('hex'), hash.digest('hex'));
      assert.equal(last.remainingBytes, 0n);
      assert.equal((await stream.ended).code, 0);
      assert.ok(image.closed);
    });
  }

  it('waits for a client that does not read, and gives up with it', async () => {
    const image = new FakeImage(400 * 1_048_576, 1_048_576);
    const stream = ask(image);
    stream.pause();
    let before = -1;
    await until('the member waits', async () => {
      if (before === image.made && image.made > 0) return true;
      before = image.made;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return false;
    });
    assert.ok(image.made < 32 * 1_048_576, `${image.made} bytes were made for nobody`);
    assert.equal(image.closed, false);
    stream.cancel();
    await until('the image is closed', () => image.closed);
  });

  it('ends with the member, and with a state that goes away', async () => {
    const image = new FakeImage(100 * 1_048_576, 1_048_576);
    image.failAt = 2 * 1_048_576;
    const failed = ask(image);
    assert.deepEqual(await failed.ended, { code: 14, details: 'another state came' });
    assert.ok(image.closed);
    const long = new FakeImage(400 * 1_048_576, 1_048_576);
    const stream = ask(long);
    stream.pause();
    await until('it began', () => long.made > 0);
    const stopped = server.stop();
    stream.resume();
    assert.deepEqual(await stream.ended, { code: 14, details: 'etcdserver: server stopped' });
    await stopped;
    assert.ok(long.closed);
  });

  it('is served by learners, and refused where there is no leader and one is asked for', async () => {
    kernel.isLearner = true;
    const image = new FakeImage(512, 512);
    assert.equal((await ask(image).ended).code, 0);
    kernel.leader = 0n;
    kernel.snapshot = () => Promise.reject(new StoreError('TooManyRequests'));
    const stream = client.stream(MAINTENANCE.snapshot.path);
    stream.send(new Uint8Array(0));
    stream.halfClose();
    assert.equal((await stream.ended).details, 'etcdserver: too many requests');
  });
});
