// Proves that a log can be made where the power ended the making of another: whatever the
// unfinished one left behind, and however the changes of names were torn, a log that exists can be
// opened.
import assert from 'node:assert/strict';
import { DiskError } from '../../../src/ports/disk.js';
import { Wal } from '../../../src/kernel/wal/wal.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { contentOf, create, DIRECTORY, newDisk } from './wal-fixture.js';

describe('Wal under power cuts while it is made', () => {
  it('is there as a whole or not at all, when an unfinished one was there before', async () => {
    let found = 0;
    let missing = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const first = newDisk(seed);
      first.fail({ call: 'writeDurably', nth: 1, kind: 'io', isFinal: true });
      await assert.rejects(create(first, 512), DiskError);
      const second = first.crash('kept');
      // The name is given, and its directory is not synced any more.
      second.fail({ call: 'syncDirectory', nth: 2, kind: 'io', isFinal: true });
      await assert.rejects(create(second, 512), DiskError);
      const after = second.crash('chance', new SimRandom(seed));
      if (await Wal.exists(after, DIRECTORY)) {
        assert.deepEqual((await contentOf(after)).entries, [], `seed ${seed}`);
        found++;
      } else {
        await (await create(after, 512)).close();
        missing++;
      }
    }
    assert.ok(found > 0 && missing > 0, `${found} found, ${missing} missing`);
  });
});
