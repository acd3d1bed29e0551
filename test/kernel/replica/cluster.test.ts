// Proves that three members are one store: each takes writes and answers linearizable reads, and
// the death of any of them, the leader too, loses nothing and is nobody's error.
import assert from 'node:assert/strict';
import { ClusterLite } from '../../support/sim-cluster-lite.js';

const decoder = new TextDecoder();

async function valueAt(cluster: ClusterLite, id: bigint, key: string): Promise<string | undefined> {
  const { kvs } = await cluster.run(cluster.kernel(id).store.range({ key }));
  const kv = kvs[0];
  return kv === undefined ? undefined : decoder.decode(kv.value);
}

describe('three members', () => {
  it('elect a leader, take writes anywhere and read them everywhere', async () => {
    const cluster = await new ClusterLite().startAll();
    const leader = await cluster.elect();
    for (const id of [1n, 2n, 3n]) {
      await cluster.run(cluster.kernel(id).store.put({ key: `k${id}`, value: `v${id}` }));
      for (const reader of [1n, 2n, 3n]) {
        assert.equal(await valueAt(cluster, reader, `k${id}`), `v${id}`);
      }
    }
    assert.equal(leader.running.header().revision, 4);
    await cluster.close();
  });

  it('go on when the leader dies, and take it back', async () => {
    const cluster = await new ClusterLite().startAll();
    const first = await cluster.elect();
    await cluster.run(first.running.store.put({ key: 'a', value: '1' }));
    cluster.crash(first.id);
    const other = cluster.running[0];
    assert.ok(other !== undefined);
    await cluster.run(other.running.store.put({ key: 'b', value: '2' }));
    await cluster.start(first.id);
    assert.equal(await valueAt(cluster, first.id, 'a'), '1');
    assert.equal(await valueAt(cluster, first.id, 'b'), '2');
    await cluster.run(cluster.kernel(first.id).store.put({ key: 'c', value: '3' }));
    for (const id of [1n, 2n, 3n]) assert.equal(await valueAt(cluster, id, 'c'), '3');
    await cluster.close();
  });

  it('bring everything back when all lose power at once', async () => {
    const cluster = await new ClusterLite({ seed: 7 }).startAll();
    await cluster.elect();
    for (let at = 0; at < 30; at++) {
      const id = BigInt(1 + (at % 3));
      await cluster.run(cluster.kernel(id).store.put({ key: `k${at}`, value: `${at}` }));
    }
    for (const id of [1n, 2n, 3n]) cluster.crash(id);
    for (const id of [1n, 2n, 3n]) await cluster.start(id);
    await cluster.elect();
    for (const id of [1n, 2n, 3n]) {
      const { count } = await cluster.run(
        cluster.kernel(id).store.range({ key: 'k', rangeEnd: 'l', countOnly: true }),
      );
      assert.equal(count, 30);
    }
    const hashes = await Promise.all(
      [1n, 2n, 3n].map((id) => cluster.run(cluster.kernel(id).hashKv(31))),
    );
    assert.equal(new Set(hashes.map(({ hash }) => hash)).size, 1);
    await cluster.close();
  });

  it('publish their names and addresses', async () => {
    const cluster = await new ClusterLite().startAll();
    await cluster.elect();
    await cluster.advance(1000);
    for (const id of [1n, 2n, 3n]) {
      const members = await cluster.run(cluster.kernel(id).members(true));
      assert.deepEqual(
        members.map(({ name, clientUrls }) => [name, clientUrls]),
        [1, 2, 3].map((at) => [`m${at}`, [`http://m${at}:2379`]]),
      );
    }
    await cluster.close();
  });
});
