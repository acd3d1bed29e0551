// Proves that an agent may die at any of its calls, before or after that call took effect, and that
// any answer may be lost, in every step of a slot's life with every kind of clock: what is left is
// a slot that is free, or one that says it is stuck; never a key without meaning, a lease without
// end, or a competitor that hangs.
import assert from 'node:assert/strict';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const CALLS = 14;
const POLICY = {
  grantTimeoutSeconds: 300,
  rebootTimeoutSeconds: 300,
  soakSeconds: 20,
  cooldownSeconds: 20,
  windows: [{ days: [], start: '00:00', lengthMinutes: 24 * 60, timeZone: 'UTC' }],
} as const;
const KEPT = /\/(log|node)\/|\/epoch$|\/policy$/;

async function life(client: Client, node: string): Promise<void> {
  const group = client.coord.reboots('g');
  await group.tryAcquire({ node, bootId: 'one', pollTtlSeconds: 30 });
  await group.acquire({ node, bootId: 'one' });
  await group.rebooting({ node });
  const back = await group.steady({ node, bootId: 'two' });
  assert.equal(back.state, 'soaking');
}

describe('a reboot agent', () => {
  for (const moment of ['before', 'after'] as const) {
    for (const isContended of [false, true]) {
      const among = isContended ? 'among others' : 'alone';
      it(`may die at any call, ${moment} it takes effect, ${among}`, async () => {
        let crashes = 0;
        for (let fatal = 1; fatal <= CALLS; fatal++) {
          const world = new World();
          const [admin, a, b] = ['admin', 'a', 'b'].map((name) => world.client(name)) as [
            Client,
            Client,
            Client,
          ];
          const group = admin.coord.reboots('g');
          await world.run(group.setPolicy(POLICY));
          if (isContended) {
            await world.run(group.acquire({ node: 'c' }));
            world.clock.timer(1000, () => void group.steady({ node: 'c' }));
          }
          let count = 0;
          a.store.loseRequest(() => {
            count += 1;
            if (count !== fatal) return false;
            crashes += 1;
            a.crash();
            return moment === 'before';
          });
          void life(a, 'na').catch(() => undefined);
          await world.advance(60_000);
          const competitor = life(b, 'nb');
          competitor.catch(() => undefined);
          await world.advance(700_000);
          const { holders, exhausted } = await world.run(group.status());
          const phases = holders.map(({ node, phase }) => `${node} ${phase}`);
          if (exhausted) {
            assert.deepEqual(phases, ['na stuck'], `call ${fatal}`);
            await world.run(group.release({ node: 'na' }));
          } else assert.deepEqual(phases, [], `call ${fatal}`);
          await world.run(competitor, TTL_MS * 10);
          await world.run(group.acquire({ node: 'nc' }));
          await world.run(group.release({ node: 'nc' }));
          await world.run(Promise.all([admin.coord.close(), b.coord.close()]));
          await world.advance(700_000);
          const stays = world.keys().filter((key) => !KEPT.test(key));
          assert.deepEqual([stays, world.server.leaseIds], [[], []], `call ${fatal}`);
        }
        assert.ok(crashes >= 10, `only ${crashes} crashes`);
      });
    }
  }

  for (const fault of ['loseResponse', 'loseRequest', 'delayRequest'] as const) {
    it(`may lose any call and goes on: ${fault}`, async () => {
      let faults = 0;
      for (let fatal = 1; fatal <= CALLS; fatal++) {
        const world = new World();
        const a = world.client('a');
        const group = world.client('admin').coord.reboots('g');
        await world.run(group.setPolicy(POLICY));
        let count = 0;
        const match = (): boolean => {
          count += 1;
          if (count === fatal) faults += 1;
          return count === fatal;
        };
        if (fault === 'delayRequest') a.store.delayRequest(match, 3000);
        else a.store[fault](match);
        await world.run(life(a, 'na'));
        await world.advance(15_000);
        const { holders } = await world.run(group.status());
        assert.deepEqual(
          holders.map(({ node, phase }) => `${node} ${phase}`),
          ['na soaking'],
          `call ${fatal}`,
        );
        await world.advance(6000);
        assert.equal(await word(world, group.tryAcquire({ node: 'nb' })), 'cooldown');
        await world.advance(20_000);
        assert.equal(await word(world, group.tryAcquire({ node: 'nb' })), 'ok');
        const kinds = (await world.run(group.log())).map(({ kind, node }) => `${kind} ${node}`);
        assert.deepEqual(
          kinds,
          ['policy ', 'granted na', 'rebooting na', 'soaking na', 'released na', 'granted nb'],
          `call ${fatal}`,
        );
        await world.run(group.release({ node: 'nb' }));
        await world.close();
        await world.advance(700_000);
        const stays = world.keys().filter((key) => !KEPT.test(key));
        assert.deepEqual([stays, world.server.leaseIds], [[], []], `call ${fatal}`);
      }
      assert.ok(faults >= 9, `only ${faults} faults`);
    });
  }
});

describe('a wish that was given up', () => {
  it('does not come back late and stand in the way of others', async () => {
    const world = new World();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => world.client(name)) as [Client, Client, Client];
    await world.run(a.coord.lock('warm').acquire());
    await world.run(b.coord.reboots('g').acquire({ node: 'nb' }));
    const abort = new AbortController();
    a.store.delayRequest(({ name, request }) => {
      const { success = [] } = request as { success?: readonly { key: unknown; kind: string }[] };
      return name === 'txn' && success[0]?.kind === 'put' && success[0].key === 'reboot/g/want/na';
    }, 3000);
    const asking = peek(a.coord.reboots('g').acquire({ node: 'na', signal: abort.signal }));
    await world.advance(1000);
    assert.deepEqual(world.keys('reboot/g/want/'), ['reboot/g/want/na'], 'the second try');
    abort.abort();
    await world.advance(500);
    assert.ok(asking.error !== undefined);
    assert.deepEqual(world.keys('reboot/g/want/'), []);
    await world.advance(2500);
    assert.deepEqual(world.keys('reboot/g/want/'), ['reboot/g/want/na'], 'the late one');
    await world.run(b.coord.reboots('g').release({ node: 'nb' }));
    await world.run(c.coord.reboots('g').acquire({ node: 'nc' }), TTL_MS * 2);
    await world.close();
  });
});

async function word(
  world: World,
  asking: Promise<{ readonly ok: true } | { readonly ok: false; readonly rule: string }>,
): Promise<string> {
  const tried = await world.run(asking);
  return tried.ok ? 'ok' : tried.rule;
}
