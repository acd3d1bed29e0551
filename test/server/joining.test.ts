// Proves that a member that was added to a running cluster finds its id by its peer addresses,
// catches up and takes part; that it goes on with its data whatever the flags say by then; and that
// one that was removed while it was away is told so when it comes back.
import assert from 'node:assert/strict';
import { addedMemberIdOf } from '../../src/server/config/cluster-ids.js';
import { freePorts } from './support/free-ports.js';
import { startWholeServer, stopTestServers, type TestServer } from './support/test-server.js';
import { until } from './support/until.js';

const QUICK = { 'heartbeat-interval': '20', 'election-timeout': '200' };

describe('a member that joins', function () {
  this.timeout(60_000);

  afterEach(stopTestServers);

  async function founder(url: string): Promise<TestServer> {
    return await startWholeServer({
      ...QUICK,
      name: 'first',
      'listen-peer-urls': url,
      'initial-advertise-peer-urls': url,
    });
  }

  function join(name: string, urls: readonly string[]): Promise<TestServer> {
    const [firstUrl = '', url = ''] = urls;
    return startWholeServer({
      ...QUICK,
      name,
      'listen-peer-urls': url,
      'initial-advertise-peer-urls': url,
      'initial-cluster': `first=${firstUrl},${name}=${url}`,
      'initial-cluster-state': 'existing',
    });
  }

  it('takes its id and its data from the others', async () => {
    const urls = (await freePorts(2)).map((port) => `http://127.0.0.1:${port}`);
    const [firstUrl = '', url = ''] = urls;
    const first = await founder(firstUrl);
    await first.kernel.store.put({ key: 'before', value: 'it came' });
    const id = addedMemberIdOf([url], 1_795_344_833);
    const record = { id, name: '', peerUrls: [url], clientUrls: [], isLearner: false };
    const added = first.kernel.addMember(record);
    const second = await join('second', urls);
    await added;
    const { memberId, clusterId } = second.kernel.header();
    assert.equal(memberId, id);
    assert.equal(clusterId, first.kernel.header().clusterId);
    await until('it has caught up', () => second.kernel.status().revision === 2);
    await second.kernel.store.put({ key: 'after', value: 'through the second' });
    const { kvs } = await second.kernel.store.range({ key: 'before' });
    assert.equal(Buffer.from(kvs[0]?.value ?? []).toString(), 'it came');
    const after = await first.kernel.store.range({ key: 'after' });
    assert.equal(after.kvs.length, 1);
    await until('it has published itself', async () => {
      const members = await first.kernel.members(true);
      return members.some(({ name, clientUrls }) => name === 'second' && clientUrls.length === 1);
    });
    await second.stop();
    const again = await startWholeServer({
      ...QUICK,
      name: 'second',
      'data-dir': second.dataDir,
      'listen-peer-urls': url,
      'initial-advertise-peer-urls': url,
      'initial-cluster': 'nobody=http://127.0.0.1:1',
    });
    assert.equal(again.kernel.header().memberId, id);
    assert.equal((await again.kernel.store.range({ key: 'after' })).kvs.length, 1);
  });

  it('is told that it was removed', async () => {
    const urls = (await freePorts(3)).map((port) => `http://127.0.0.1:${port}`);
    const initial = urls.map((url, at) => `n${at}=${url}`).join();
    const flags = (at: number): Record<string, string> => ({
      ...QUICK,
      name: `n${at}`,
      'initial-cluster': initial,
      'listen-peer-urls': urls[at] ?? '',
      'initial-advertise-peer-urls': urls[at] ?? '',
    });
    const [a, b, c] = await Promise.all([0, 1, 2].map((at) => startWholeServer(flags(at))));
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    await a.kernel.store.put({ key: 'k', value: 'v' });
    await until('all are known', async () => {
      const members = await a.kernel.members(true);
      return members.every(({ clientUrls }) => clientUrls.length > 0);
    });
    await c.stop();
    await a.kernel.removeMember(c.kernel.header().memberId);
    const back = await startWholeServer({ ...flags(2), 'data-dir': c.dataDir });
    assert.match((await back.failed).message, /removed/);
    await back.stop();
    await b.kernel.store.put({ key: 'k', value: 'w' });
  });
});
