// Proves that a process may die at any of its calls, before or after that call took effect, in
// everything that the locks can do, and those who compete with it go on within a few TTLs and a
// delay; and that an answer may be lost at any call, and everything goes on as if it had not been.
import assert from 'node:assert/strict';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const DELAY_SECONDS = 5;
const CALLS = 9;

interface Case {
  readonly name: string;
  readonly run: (client: Client) => Promise<void>;
}

const CASES: readonly Case[] = [
  {
    name: 'lock with a delay',
    run: async ({ coord }) => {
      const held = await coord.lock('thing').acquire({ delaySeconds: DELAY_SECONDS });
      await held.release();
    },
  },
  {
    name: 'tried lock with a delay, until it succeeds',
    run: async ({ coord }) => {
      const options = { delaySeconds: DELAY_SECONDS };
      const tried = await coord.lock('thing').tryAcquire(options);
      await (tried.ok ? tried.held : await coord.lock('thing').acquire(options)).release();
    },
  },
  {
    name: 'read, upgrade, release',
    run: async ({ coord }) => {
      const reader = await coord.readWriteLock('thing').read();
      const writer = await reader.tryUpgrade();
      await (writer ?? reader).release();
    },
  },
  {
    name: 'write, downgrade, release',
    run: async ({ coord }) => {
      const writer = await coord.readWriteLock('thing').write();
      const reader = await writer.downgrade();
      await reader.release();
    },
  },
  {
    name: 'tried write, or a write',
    run: async ({ coord }) => {
      const lock = coord.readWriteLock('thing');
      const tried = await lock.tryWrite();
      await (tried.ok ? tried.held : await lock.write()).release();
    },
  },
  {
    name: 'several locks',
    run: async ({ coord }) => {
      const held = await coord.locks(['other', 'thing']).acquire();
      await held.release();
    },
  },
];

/** Somebody who has what is wanted for a second, and then gives it back. */
async function hinder(world: World, { name }: Case): Promise<void> {
  const { coord } = world.client('c');
  const rw = name.includes('read') || name.includes('write');
  const held = await world.run<{ release(): Promise<void> }>(
    rw ? coord.readWriteLock('thing').read() : coord.lock('thing').acquire(),
  );
  world.clock.timer(1000, () => void held.release());
}

describe('locks', () => {
  for (const tried of CASES) {
    for (const moment of ['before', 'after'] as const) {
      it(`${tried.name}: death ${moment} each call`, async () => {
        let crashes = 0;
        for (let fatal = 1; fatal <= CALLS; fatal++) {
          for (const contended of [false, true]) {
            const world = new World();
            const a = world.client('a');
            const b = world.client('b');
            if (contended) await hinder(world, tried);
            let count = 0;
            let crashed = false;
            a.store.loseRequest(() => {
              count += 1;
              if (count !== fatal) return false;
              crashed = true;
              a.crash();
              return moment === 'before';
            });
            void tried.run(a).catch(() => undefined);
            await world.advance(5000);
            if (crashed) crashes += 1;
            const competitor = tried.run(b);
            await world.run(competitor, TTL_MS * 3 + DELAY_SECONDS * 1000);
            await world.advance(TTL_MS * 3);
            assert.deepEqual(world.keys(), [], `call ${fatal}, contended ${contended}`);
          }
        }
        assert.ok(crashes >= 6, `only ${crashes} crashes`);
      });
    }

    it(`${tried.name}: a lost answer at each call`, async () => {
      let losses = 0;
      for (let lost = 1; lost <= CALLS; lost++) {
        for (const contended of [false, true]) {
          const world = new World();
          const a = world.client('a');
          if (contended) await hinder(world, tried);
          let count = 0;
          a.store.loseResponse(() => {
            count += 1;
            if (count === lost) losses += 1;
            return count === lost;
          });
          await world.run(tried.run(a), TTL_MS);
          await world.advance(TTL_MS * 3);
          assert.deepEqual(world.keys(), [], `call ${lost}, contended ${contended}`);
        }
      }
      assert.ok(losses >= 6, `only ${losses} losses`);
    });
  }
});
