// Proves what a member does about its peer port: two that are alone fit on one machine, one that
// was told where to listen insists, and one that others need does too; and that it tells of its
// cluster there.
import assert from 'node:assert/strict';
import { parseServerConfig } from '../../../src/server/config.js';
import { MetricsPage } from '../../../src/server/metrics/page.js';
import { askMembers } from '../../../src/server/peer/ask-members.js';
import { PeerSide } from '../../../src/server/peer/peer-side.js';
import { FakeKernel } from '../support/fake-kernel.js';
import { startFakeServer, stopTestServers } from '../support/test-server.js';
import { startTestPeer, stopTestPeers } from '../support/test-peer.js';

const trace = { event: (): void => {} };

describe('PeerSide', () => {
  const open: PeerSide[] = [];

  function sideOf(flags: Record<string, string>): PeerSide {
    const { cluster } = parseServerConfig(flags, {});
    const side = new PeerSide({ cluster, trace, page: new MetricsPage() });
    open.push(side);
    return side;
  }

  afterEach(async () => {
    for (const side of open.splice(0)) await side.close();
    await stopTestServers();
    await stopTestPeers();
  });

  it('tells whoever calls who is in the cluster', async () => {
    const server = await startFakeServer(new FakeKernel());
    const [report] = await askMembers(server.peerUrls, 1000);
    assert.equal(report?.members.length, 1);
    assert.equal(report?.memberId, server.kernel.header().memberId);
    assert.equal(report?.clusterId, server.kernel.header().clusterId);
    await server.stop();
    assert.deepEqual(await askMembers(server.peerUrls, 1000), []);
  });

  it('insists on an address that somebody chose', async () => {
    const { url } = await startTestPeer(1n);
    await assert.rejects(
      sideOf({ 'listen-peer-urls': url }).listen(),
      /cannot listen on .*: another program listens there; .* another --listen-peer-urls/,
    );
  });

  it('does without the default address when it is alone, and not when it has peers', async () => {
    const defaults = sideOf({});
    const second = sideOf({});
    await defaults.listen();
    await second.listen();
    assert.deepEqual(second.urls, [], 'somebody has the port by now');
    const cluster = 'default=http://localhost:2380,b=http://localhost:1';
    await assert.rejects(sideOf({ 'initial-cluster': cluster }).listen(), /cannot listen/);
    const kernel = new FakeKernel();
    await second.open(kernel);
    const [one] = await kernel.members();
    assert.ok(one !== undefined);
    kernel.members = () => Promise.resolve([one, { ...one, id: 12n }]);
    await assert.rejects(second.open(kernel), /cannot listen on http:\/\/localhost:2380/);
  });
});
