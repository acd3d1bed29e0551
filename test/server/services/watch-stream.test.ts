// Proves what a watch stream does between a change and the moment when its watchers are woken and
// served, which no client can choose: requests that come then, cancellation and the stream's end.
import assert from 'node:assert/strict';
import { WatchStream } from '../../../src/server/services/watch-stream.js';
import { SimClock } from '../../../src/simulation/sim-clock.js';
import { LIMITS, prefix } from '../../../src/store/index.js';
import {
  decodeWatchResponse,
  encodeWatchRequest,
  type WatchStreamRequest,
} from '../../../src/wire/watch.js';
import { FakeKernel } from '../support/fake-kernel.js';

describe('a watch stream', () => {
  let kernel: FakeKernel;
  let stream: WatchStream;
  let said: string[];
  let hasRoom: boolean;
  let pumps: (() => void)[];

  beforeEach(() => {
    kernel = new FakeKernel(new SimClock());
    said = [];
    pumps = [];
    hasRoom = true;
    stream = new WatchStream({
      kernel,
      output: {
        write: (bytes) => {
          said.push(lineOf(bytes));
          return hasRoom;
        },
        hold: () => undefined,
      },
      progressMs: 60_000,
      fragmentBytes: 1_000_000,
      counted: () => undefined,
      sent: () => undefined,
      soon: (pump) => void pumps.push(pump),
    });
  });

  afterEach(async () => {
    stream.close();
    await kernel.close();
  });

  function ask(request: WatchStreamRequest): void {
    stream.receive(encodeWatchRequest(request));
  }

  function watch(key: string): void {
    ask({ kind: 'create', request: prefix(key), watchId: 0, fragment: false });
  }

  /** Nobody is woken before the next microtask, and nobody served before `served`. */
  function put(key: string): void {
    kernel.server.run(() => {
      kernel.server.kv.put({ key, value: '' });
      return {};
    });
  }

  async function served(): Promise<readonly string[]> {
    await Promise.resolve();
    for (const pump of pumps.splice(0)) pump();
    return said.splice(0);
  }

  it('answers who asks for progress before watchers were woken, after their events', async () => {
    watch('a');
    watch('b');
    await served();
    put('a1');
    put('a2');
    ask({ kind: 'progress' });
    assert.deepEqual(said.splice(0), ['0: put a1, put a2 at 3', '-1: progress at 3']);
    assert.deepEqual(await served(), []);
  });

  it('answers who asks for progress before the watchers that were woken are served', async () => {
    watch('a');
    await served();
    put('a1');
    await Promise.resolve();
    put('a2');
    ask({ kind: 'progress' });
    assert.deepEqual(await served(), ['0: put a1, put a2 at 3', '-1: progress at 3']);
  });

  it('reads no history for who asks for progress, however often', async () => {
    let takes = 0;
    const openWatch = kernel.openWatch.bind(kernel);
    kernel.openWatch = (request) => {
      const cursor = openWatch(request);
      const take = cursor.take.bind(cursor);
      cursor.take = (limit) => {
        takes += 1;
        return take(limit);
      };
      return cursor;
    };
    const changes = LIMITS.watchSliceRevisions * 4;
    for (let at = 0; at < changes; at++) put('b');
    ask({ kind: 'create', request: { key: 'a', startRevision: 1 }, watchId: 0, fragment: false });
    for (let times = 0; times < 10; times++) ask({ kind: 'progress' });
    assert.equal(takes, 1);
    assert.deepEqual(said.splice(0), [`0: created at ${changes + 1}`]);
    for (let turns = 0; turns < 10; turns++) await served();
    ask({ kind: 'progress' });
    assert.deepEqual(said, [`-1: progress at ${changes + 1}`]);
  });

  it('promises nothing while its client takes nothing, and sends all of it later', async () => {
    watch('a');
    watch('b');
    await served();
    hasRoom = false;
    put('a1');
    put('b1');
    ask({ kind: 'progress' });
    assert.deepEqual(await served(), ['0: put a1 at 3']);
    hasRoom = true;
    stream.drained();
    assert.deepEqual(await served(), ['1: put b1 at 3']);
    ask({ kind: 'progress' });
    assert.deepEqual(await served(), ['-1: progress at 3']);
  });

  it('says nothing of a watcher after its cancellation', async () => {
    watch('a');
    await served();
    put('a1');
    await Promise.resolve();
    ask({ kind: 'cancel', watchId: 0 });
    assert.deepEqual(await served(), ['0: canceled at 2']);
  });

  it('sends each event once, and in order, when it is to send now what it would send soon', async () => {
    watch('a');
    await served();
    put('a1');
    await Promise.resolve();
    put('a2');
    stream.flush();
    put('a3');
    assert.deepEqual(said.splice(0), ['0: put a1, put a2 at 3']);
    assert.deepEqual(await served(), ['0: put a3 at 4']);
    stream.flush();
    assert.deepEqual(await served(), []);
  });

  it('says nothing after its end', async () => {
    watch('a');
    await served();
    put('a1');
    await Promise.resolve();
    stream.close();
    stream.flush();
    assert.deepEqual(await served(), []);
  });
});

function lineOf(bytes: Uint8Array): string {
  const response = decodeWatchResponse(bytes);
  const { header, watchId, events } = response;
  const changes = events.map(({ type, kv }) => `${type} ${Buffer.from(kv.key).toString()}`);
  const what = response.created ? 'created' : response.canceled ? 'canceled' : changes.join(', ');
  return `${watchId}: ${what === '' ? 'progress' : what} at ${header.revision}`;
}
