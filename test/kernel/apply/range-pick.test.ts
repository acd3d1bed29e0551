// Proves that a sorted range with a small limit, for which the index picks the few that come first,
// answers what sorting the whole range answers: every target and order, with bounds on revisions,
// equals, deleted keys, old revisions, keys with and without their values, and between writes.
import assert from 'node:assert/strict';
import { type RangeSource, runRange } from '../../../src/kernel/apply/range-operation.js';
import type { RangeRequest } from '../../../src/store/index.js';
import { MvccWorld, same } from '../mvcc/mvcc-world.js';

const ownSeed = process.env['TIDELOCK_SEED'];
const seeds =
  ownSeed === undefined ? Array.from({ length: 10 }, (_, i) => i + 1) : [Number(ownSeed)];
const TARGETS = ['create', 'mod', 'version', 'key', 'value'] as const;
const ORDERS = ['none', 'ascend', 'descend'] as const;

describe('a range that wants the first few by a number', () => {
  for (const seed of seeds) {
    it(`answers as if it had sorted all (TIDELOCK_SEED=${seed})`, async () => {
      const world = new MvccWorld(seed, [5, 40, 300, 600][seed % 4] as number);
      await world.open();
      for (let n = 0; n < 60; n++) world.write();
      await world.buffer.flush();
      for (let n = 0; n < 60; n++) world.write();
      const { mvcc, random } = world;
      let picked = 0;
      const whole: RangeSource = {
        range: (interval, { pick: _pick, ...query }) => mvcc.range(interval, query),
      };
      const counting: RangeSource = {
        range: (interval, query) => {
          if (query.pick !== undefined) picked += 1;
          return mvcc.range(interval, query);
        },
      };
      const bound = (): number => (random.below(3) === 0 ? random.below(mvcc.revision + 2) : 0);
      for (let n = 0; n < 400; n++) {
        // What was known of a part of the index must not outlive a change of it.
        if (n % 8 === 0) world.write();
        const { start, end } = world.interval();
        const request: RangeRequest = {
          key: start,
          ...(end === undefined ? {} : { rangeEnd: end ?? Uint8Array.of(0) }),
          sortTarget: TARGETS[random.below(TARGETS.length)] ?? 'key',
          sortOrder: ORDERS[random.below(ORDERS.length)] ?? 'none',
          limit: random.below(20),
          keysOnly: random.below(2) === 0,
          countOnly: random.below(10) === 0,
          revision: random.below(4) === 0 ? 1 + random.below(mvcc.revision) : 0,
          minCreateRevision: bound(),
          maxCreateRevision: bound(),
          minModRevision: bound(),
          maxModRevision: bound(),
        };
        const what = JSON.stringify(request, (_key, value: unknown) =>
          value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
        );
        same(runRange(counting, request), runRange(whole, request), what);
      }
      assert.ok(picked > 50, `only ${picked} were picked`);
    });
  }
});
