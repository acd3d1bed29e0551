// Proves that a process may die at any of its calls, before or after that call took effect, and
// those who compete with it go on within a few TTLs: no recipe has halves that hang when parted.
import assert from 'node:assert/strict';
import { type Client, World } from '../support/world.js';

const TTL_MS = 10_000;
const CALLS = 8;

interface Case {
  readonly name: string;
  /** Everything that the recipe does, from beginning to end. */
  readonly run: (client: Client) => Promise<unknown>;
}

const CASES: readonly Case[] = [
  {
    name: 'lock',
    run: async (client) => {
      const held = await client.coord.lock('thing').acquire();
      await held.release();
    },
  },
  {
    name: 'tried lock',
    run: async (client) => {
      const tried = await client.coord.lock('thing').tryAcquire();
      if (tried.ok) await tried.held.release();
      // Whoever must succeed asks until it does.
      else await client.coord.lock('thing', {}, () => undefined);
    },
  },
  {
    name: 'election',
    run: async (client) => {
      const leadership = await client.coord.election('thing').campaign();
      await leadership.proclaim('something');
      await leadership.resign();
    },
  },
  {
    name: 'semaphore',
    run: (client) =>
      client.coord.semaphore('thing', { initialLimit: 1 }).withPermit({}, () => undefined),
  },
  {
    name: 'barrier',
    run: async (client) => {
      const barrier = client.coord.barrier('thing');
      const closed = await barrier.hold();
      if (closed.ok) await closed.held.open();
      else await barrier.wait();
    },
  },
  {
    name: 'double barrier',
    run: async (client) => {
      const inside = await client.coord.doubleBarrier('thing', { members: 1 }).enter();
      await inside.leave();
    },
  },
  {
    name: 'latch',
    run: async (client) => {
      const latch = client.coord.latch('thing', { initialCount: 2 });
      for (const id of ['one', 'two']) await latch.countDown(id);
      await latch.wait({ timeoutMs: TTL_MS });
    },
  },
  {
    name: 'queue',
    run: async (client) => {
      const queue = client.coord.queue('thing');
      await queue.send('work', { id: client.name });
      const message = await queue.receive();
      await message.ack();
    },
  },
  {
    name: 'membership',
    run: async (client) => {
      const me = await client.coord.members('thing').join({ id: 'm', onConflict: 'replace' });
      await me.update({ by: client.name });
      await me.leave();
    },
  },
  {
    name: 'handed-over election',
    run: async (client) => {
      const election = client.coord.election('thing');
      const first = await election.campaign();
      const second = election.campaign();
      const others = (await election.candidates()).filter(({ leads }) => !leads);
      await first.transfer(others[0]?.id ?? 'nobody');
      await first.resign();
      await (await second).resign();
    },
  },
  {
    name: 'counter and sequence',
    run: async (client) => {
      await client.coord.counter('thing').add(1);
      await client.coord.sequence('thing').next();
    },
  },
  {
    name: 'transaction with retries',
    run: (client) =>
      client.coord.stm(async (tx) => tx.put('thing/value', `${await tx.getText('thing/value')}.`)),
  },
  {
    name: 'reboot',
    run: async (client) => {
      const group = client.coord.reboots('thing');
      await group.acquire({ node: client.name });
      await group.release({ node: client.name });
    },
  },
];

describe('a process that dies at a call', () => {
  for (const { name, run } of CASES) {
    for (const moment of ['before', 'after'] as const) {
      it(`${name}: ${moment} it takes effect`, async () => {
        let crashes = 0;
        for (let fatal = 1; fatal <= CALLS; fatal++) {
          for (const contended of [false, true]) {
            const world = new World();
            const a = world.client('a');
            const b = world.client('b');
            if (contended) {
              const held = await world.run(world.client('c').coord.lock('thing').acquire());
              world.clock.timer(1000, () => void held.release());
            }
            let count = 0;
            let crashed = false;
            a.store.loseRequest(() => {
              count += 1;
              if (count !== fatal) return false;
              crashed = true;
              a.crash();
              return moment === 'before';
            });
            void run(a).catch(() => undefined);
            await world.advance(5000);
            if (crashed) crashes += 1;
            const competitor = run(b);
            await world.advance(TTL_MS * 2);
            // A slot has no lease: its node is gone, and somebody has to say so.
            await world.run(b.coord.reboots('thing').release({ node: 'a' }));
            await world.run(competitor, TTL_MS * 2);
          }
        }
        assert.ok(crashes >= 4, `only ${crashes} crashes`);
      });
    }
  }
});
