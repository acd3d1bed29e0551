// Proves that a flush which somebody waits for takes everything that was applied until then,
// whatever else is done to the backend in the place of a flush.
import assert from 'node:assert/strict';
import { WriteBuffer } from '../../../src/kernel/mvcc/write-buffer.js';
import { EMPTY_CONF_STATE } from '../../../src/kernel/raft/types.js';
import { Flusher } from '../../../src/kernel/replica/flusher.js';
import { SimBackend } from '../../../src/simulation/sim-backend.js';
import { SimClock } from '../../../src/simulation/sim-clock.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';

const KEY = new TextEncoder().encode('row');

describe('a flush', () => {
  it('that is waited for is not mistaken for other work on the backend', async () => {
    const backend = new SimBackend(new SimRandom(1));
    const buffer = new WriteBuffer(backend);
    const flusher = new Flusher(
      {
        buffer,
        clock: new SimClock(),
        meter: undefined,
        batchMs: 100,
        batchRows: 100,
        applied: () => ({ index: 7, term: 1, confState: EMPTY_CONF_STATE }),
        wake: () => undefined,
        onError: (error) => assert.fail(String(error)),
      },
      undefined,
    );
    const ends: (() => void)[] = [];
    const work = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
    const first = flusher.instead(work);
    const second = flusher.instead(work);
    buffer.put('meta', KEY, Uint8Array.of(1));
    const finished = flusher.finish();
    ends[0]?.();
    await first;
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    ends[1]?.();
    await Promise.all([second, finished]);
    assert.deepEqual(backend.get('meta', KEY), Uint8Array.of(1));
    assert.equal(flusher.durable?.index, 7);
  });
});
