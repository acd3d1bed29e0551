// The suite that every recipe has to pass of which several may have something at a time. At the end
// of each case all revisions are gone through: at none did more have it than the limit says. The
// bugs that it is made of: a lost answer that takes two shares (CURATOR-335), an entry that is left
// in line (CURATOR-462), shares of a dead session that nobody frees (CURATOR-595), slots that
// nobody but their owner may free and that a dead agent must keep (kured #137, kube-hetzner #1182).
import assert from 'node:assert/strict';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';
import { mostEverShared, type Share, SHARERS } from './sharer.js';

const TTL_MS = 10_000;
const PATIENCE_MS = 3 * TTL_MS;
const CALLS = 10;

for (const sharer of SHARERS) {
  describe(`conformance: ${sharer.name}`, function () {
    this.timeout(60_000);
    let world: World;
    let a: Client;
    let b: Client;
    let c: Client;

    const renew = async (): Promise<void> => {
      world = new World();
      [a, b, c] = [world.client('a'), world.client('b'), world.client('c')];
      await world.run(sharer.prepare(c));
    };
    const check = (): void => {
      const most = mostEverShared(world, sharer);
      assert.ok(most <= sharer.limit, `${most} of ${sharer.limit}`);
    };
    beforeEach(renew);
    afterEach(check);

    const take = (client: Client, id: string): Promise<Share> =>
      world.run(sharer.take(client, id), PATIENCE_MS);
    const wait = async (client: Client, id: string): Promise<Peeked<Share>> => {
      const waiting = peek(sharer.take(client, id));
      await world.advance(100);
      return waiting;
    };

    it('three have it, the fourth waits, and those who wait come in their order', async () => {
      const shares = [await take(a, 'n1'), await take(a, 'n2'), await take(b, 'n3')];
      const [fourth, fifth] = [await wait(b, 'n4'), await wait(c, 'n5')];
      await world.advance(PATIENCE_MS);
      assert.equal(fourth.value ?? fifth.value, undefined);
      await world.run(shares[1]?.release() ?? assert.fail());
      await world.run(fourth.promise);
      await world.advance(1000);
      assert.equal(fifth.value, undefined);
      await world.run(shares[0]?.release() ?? assert.fail());
      await world.run(fifth.promise);
    });

    for (const fault of ['loseResponse', 'loseRequest'] as const) {
      it(`${fault}: what is tried again happens once`, async () => {
        for (let fatal = 1; fatal <= CALLS; fatal++) {
          await renew();
          let count = 0;
          a.store[fault](() => ++count === fatal);
          const shares = [await take(a, 'n1'), await take(b, 'n2'), await take(c, 'n3')];
          const waiting = await wait(a, 'n4');
          assert.equal(waiting.value, undefined, `call ${fatal}: four at once`);
          await world.run(shares[0]?.release() ?? assert.fail());
          shares.push(await world.run(waiting.promise));
          for (const share of shares.slice(1)) await world.run(share.release());
          await world.advance(PATIENCE_MS);
          assert.deepEqual(world.keys(sharer.share.prefix), [], `call ${fatal}: left behind`);
          assert.deepEqual(world.keys(sharer.line), [], `call ${fatal}: left in line`);
          check();
        }
      });
    }

    it('one that has it dies: its share is freed with its session, or by somebody', async () => {
      await take(a, 'n1');
      await take(a, 'n2');
      await take(c, 'n3');
      const waiting = await wait(b, 'n4');
      a.crash();
      await world.advance(PATIENCE_MS);
      assert.equal(waiting.value !== undefined, sharer.isLeased);
      if (sharer.isLeased) return;
      await world.run(c.coord.reboots('thing').release({ node: 'n1' }));
      await world.run(waiting.promise);
    });

    it('one that has none gives none back', async () => {
      const share = await take(a, 'n1');
      await take(a, 'n2');
      await take(b, 'n3');
      await world.run(share.release());
      await world.run(share.release()).catch(() => undefined);
      if (!sharer.isLeased) {
        const { state } = await world.run(c.coord.reboots('thing').steady({ node: 'n1' }));
        assert.equal(state, 'not-held');
      }
      assert.equal(world.keys(sharer.share.prefix).length, 2);
    });

    it('the first in line dies: nobody overtakes, and the next one is served', async () => {
      const share = await take(a, 'n1');
      await take(a, 'n2');
      await take(a, 'n3');
      await wait(b, 'n4');
      const next = await wait(c, 'n5');
      b.crash();
      await world.advance(PATIENCE_MS);
      assert.equal(next.value, undefined);
      await world.run(share.release());
      await world.run(next.promise, PATIENCE_MS);
    });

    it('lost events, watches that end and compaction cost time and nothing else', async () => {
      const shares = [await take(a, 'n1'), await take(a, 'n2'), await take(a, 'n3')];
      for (const [place, share] of shares.entries()) {
        const waiting = await wait(b, `n${4 + place}`);
        if (place === 0) b.store.dropNextEvent((_key, type) => type === 'delete');
        else b.store.partition('hang');
        await world.run(share.release());
        if (place === 2) {
          const { header } = await world.run(c.store.put({ key: 'noise' }));
          await world.run(c.store.compact({ revision: header.revision }));
        }
        b.store.heal();
        b.store.breakWatches();
        await world.run(waiting.promise, PATIENCE_MS);
      }
    });

    it('a wait that is given up leaves nothing in line', async () => {
      await take(a, 'n1');
      await take(a, 'n2');
      await take(a, 'n3');
      for (let afterMs = 0; afterMs < 3; afterMs++) {
        const abort = new AbortController();
        const waiting = peek(sharer.take(b, 'n4', { signal: abort.signal }));
        await world.advance(afterMs);
        abort.abort();
        await world.settle();
        assert.ok(waiting.error !== undefined, 'it still waits');
      }
      await world.advance(1000);
      assert.deepEqual(world.keys(sharer.line), []);
      assert.equal(world.keys(sharer.share.prefix).length, 3);
    });

    it('one that waits is blocked for two TTLs, and is not given what is not its own', async () => {
      const share = await take(a, 'n1');
      await take(a, 'n2');
      await take(a, 'n3');
      const waiting = await wait(b, 'n4');
      b.block();
      await world.advance(1000);
      await world.run(share.release());
      await world.advance(2 * TTL_MS);
      await take(c, 'n5');
      b.unblock();
      await world.advance(1000);
      assert.equal(waiting.value, undefined);
    });
  });
}
