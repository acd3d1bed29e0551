// Proves that the harness does to real members what it says: links are told apart by who dials, a
// partition holds and heals, a stopped process is silent and comes back, ports are its own.
import assert from 'node:assert/strict';
import { connect } from '../../src/client/index.js';
import { ClusterProcesses } from '../support/cluster-processes.js';
import { etcdMissing } from '../support/etcd-process.js';
import { tooLong } from '../support/in-ci.js';
import { skipWhen } from '../support/skip.js';
import { REFUSED, SILENT } from '../support/tcp-proxy.js';
import { until } from '../server/support/until.js';

for (const program of ['tidelock', 'etcd'] as const) {
  describe(`three members of ${program} behind proxies`, function () {
    this.timeout(180_000);
    let cluster: ClusterProcesses;

    before(async function () {
      // Elections of etcd take long.
      if (program === 'etcd') skipWhen(this, etcdMissing() ?? tooLong());
      cluster = await ClusterProcesses.start({ program });
    });

    after(async () => {
      await cluster?.stop();
    });

    it('tells links apart', async () => {
      for (const from of cluster.members) {
        for (const to of cluster.members) {
          const count = (): number => to.peerProxy.connectionCount(from.name);
          if (from === to) assert.equal(count(), 0);
          // Two find a leader before the third one has dialled.
          else await until(`a link from ${from.name} to ${to.name}`, () => count() > 0);
        }
        assert.equal(from.peerProxy.connectionCount(''), 0, 'connections of nobody');
      }
    });

    for (const [name, rule] of Object.entries({ refused: REFUSED, silent: SILENT })) {
      it(`moves leadership away from one that is cut off, ${name}`, async () => {
        const leader = await cluster.leader();
        const others = [0, 1, 2].filter((index) => index !== leader);
        try {
          cluster.partition([[leader], others], rule);
          let next = leader;
          await until('another leader', async () => {
            next = await cluster.leader(others);
            return next !== leader;
          });
          await until(
            'a leader that gave up',
            async () => (await cluster.member(leader).report())?.leaderId === 0n,
          );
        } finally {
          cluster.heal();
        }
        await cluster.settled();
      });
    }

    it('stops a process and lets it go on', async () => {
      const follower = ((await cluster.leader()) + 1) % 3;
      const member = cluster.member(follower);
      member.pause();
      await assert.rejects(connect(member.endpoint, { timeoutMs: 500 }), { code: 'Unavailable' });
      member.resume();
      await (await connect(member.endpoint)).close();
      await cluster.settled();
    });

    it('kills, terminates and starts again', async () => {
      const leader = await cluster.leader();
      const member = cluster.member(leader);
      await member.kill();
      await cluster.leader();
      await member.start();
      await cluster.settled();
      await cluster.member((leader + 1) % 3).terminate();
      await cluster.leader();
      await cluster.member((leader + 1) % 3).start();
      await cluster.settled();
    });
  });
}
