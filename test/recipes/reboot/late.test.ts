// Proves that a request of a reboot group which arrives late, after it was sent again and answered,
// changes nothing any more: no slot for a node that was told to stay, nobody in line who does not
// wait, no end of a slot that was taken later.
import assert from 'node:assert/strict';
import { parseWindow, type RebootGroup } from '../../../src/recipes/index.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { World } from '../../support/world.js';

/** A transaction that writes a key of such a kind first. */
function txnThat(part: string): (call: ModelCall) => boolean {
  return ({ name, request }) => {
    const { success } = request as { success?: { kind: string; key: string }[] };
    const first = success?.find((one) => one.kind !== 'range');
    return name === 'txn' && String(first?.key).startsWith(`reboot/g/${part}/`);
  };
}

describe('a late request of a reboot group', () => {
  for (const grantTimeoutSeconds of [0, 300]) {
    it(`grants nothing to a node that was told to stay, ${grantTimeoutSeconds} s`, async () => {
      const world = new World();
      const [a, b, c] = [world.client('a'), world.client('b'), world.client('c')];
      const group = a.coord.reboots('g');
      await world.run(group.setPolicy({ grantTimeoutSeconds }));
      await world.run(c.coord.lock('warm').acquire());
      a.store.delayRequest((call) => {
        if (!txnThat('slot')(call)) return false;
        // Somebody stands in line before the second try, and is gone before the first arrives.
        world.server.run(() => world.server.kv.put({ key: 'reboot/g/want/b', value: '{}' }));
        return true;
      }, 3000);
      const tried = await world.run(group.tryAcquire({ node: 'a' }));
      assert.equal(tried.ok, false);
      world.server.run(() => world.server.kv.delete({ key: 'reboot/g/want/b' }));
      await world.advance(5000);
      const { taken } = await world.run(b.coord.reboots('g').status());
      assert.equal(taken, 0);
      assert.deepEqual(world.keys('reboot/g/slot/'), []);
      // The audit trail goes on, and stays as short as it is.
      assert.ok((await world.run(group.tryAcquire({ node: 'a' }))).ok);
      const log = await world.run(group.log());
      assert.deepEqual(
        log.map(({ kind }) => kind),
        ['policy', 'granted'],
      );
      await world.close();
    });
  }

  it('leaves nobody in line who got a slot in another way', async () => {
    const world = new World();
    const [a, b] = [world.client('a'), world.client('b')];
    await world.run(b.coord.reboots('g').acquire({ node: 'b' }));
    let forced: Promise<unknown> | undefined;
    a.store.delayRequest((call) => {
      if (!txnThat('want')(call)) return false;
      forced = b.coord.reboots('g').force({ node: 'a' });
      return true;
    }, 3000);
    const acquired = await world.run(a.coord.reboots('g').acquire({ node: 'a' }));
    assert.ok(acquired.forced);
    await world.run(forced ?? assert.fail());
    await world.run(b.coord.reboots('g').release({ node: 'a' }));
    await world.run(b.coord.reboots('g').release({ node: 'b' }));
    await world.advance(30_000);
    assert.deepEqual(world.keys('reboot/g/want/'), []);
    const next = peek(b.coord.reboots('g').acquire({ node: 'c' }));
    await world.advance(1000);
    assert.ok(next.value !== undefined);
    await world.close();
  });

  for (const how of ['steady', 'release'] as const) {
    it(`ends no slot that the node took later, by ${how}`, async () => {
      const world = new World();
      const [a, b] = [world.client('a'), world.client('b')];
      const [old, young] = [a.coord.reboots('g'), b.coord.reboots('g')];
      await world.run(old.setPolicy({ soakSeconds: how === 'release' ? 60 : 0 }));
      await world.run(old.acquire({ node: 'n' }));
      await world.advance(1000);
      // The same call was made again elsewhere, and the node goes once more, before it is tried
      // again here.
      if (how === 'release') await world.run(young.steady({ node: 'n' }));
      a.store.loseRequest(txnThat('slot'));
      const late = peek<unknown>(old[how]({ node: 'n' }));
      await world.settle();
      if (how === 'steady') await world.run(young.steady({ node: 'n' }));
      const again = await world.run(young.acquire({ node: 'n' }));
      await world.advance(5000);
      assert.equal(late.error, undefined);
      assert.ok(late.value !== undefined);
      const { holders } = await world.run(young.status());
      assert.deepEqual(
        holders.map(({ revision, phase }) => [revision, phase]),
        [[again.revision, 'granted']],
      );
      await world.close();
    });
  }

  const steps = {
    'a try': (group, signal) => group.tryAcquire({ node: 'n', signal, pollTtlSeconds: 900 }),
    'a report': (group, signal) => group.steady({ node: 'm', signal }),
    'a hold': (group, signal) => group.hold({ forSeconds: 1000, signal }),
  } satisfies Record<string, (group: RebootGroup, signal: AbortSignal) => Promise<unknown>>;
  for (const [name, step] of Object.entries(steps)) {
    it(`leaves no clock in the store that nothing hangs on: ${name} that is given up`, async () => {
      for (let atMs = 0; atMs < 60; atMs++) {
        const world = new World({ seed: atMs + 1, latencyMaxMs: 4 });
        const group = world.client('a').coord.reboots('g');
        const times = { grantTimeoutSeconds: 1000, soakSeconds: 1000, cooldownSeconds: 1000 };
        const windows = [parseWindow('00:00 24h')];
        await world.run(group.setPolicy({ max: 2, windows, ...times }));
        await world.run(group.acquire({ node: 'm' }));
        const abort = new AbortController();
        const asked = peek<unknown>(step(group, abort.signal));
        await world.advance(atMs);
        abort.abort();
        // Those of a few seconds have ended by then.
        await world.advance(10_000);
        const hung = ['due', 'cooldown', 'hold', 'poll'].flatMap((part) =>
          world.keys(`reboot/g/${part}/`),
        );
        assert.equal(world.server.leaseIds.length, hung.length, `after ${atMs} ms: ${hung.join()}`);
        await world.close();
        if (asked.value !== undefined) return;
      }
      assert.fail('it never ends');
    });
  }
});
