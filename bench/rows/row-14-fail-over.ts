/**
 * Row 14: three members with the same timeouts lose their leader by SIGKILL: from the signal to the
 * first acknowledgement of a put that was sent after it, to whichever member is left. The member
 * that was killed comes back before the next one is. A reading is the mean of its kills.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runRow } from '../harness/run-row.js';
import { type ServerCluster, withCluster } from '../harness/server-cluster.js';
import type { ServerKind } from '../harness/server-command.js';
import { WriteProbe } from '../harness/write-probe.js';

const KILLS = 7;
const TIMEOUTS = ['--heartbeat-interval', '100', '--election-timeout', '1000'];
/** All members have heard the leader by then. */
const REST_MS = 500;

async function failOver(cluster: ServerCluster): Promise<number> {
  const leader = await cluster.leader();
  const others = cluster.members.filter((member) => member !== leader);
  const probe = await WriteProbe.open(others.map(({ port }) => port));
  await sleep(REST_MS);
  const startMs = performance.now();
  await leader.kill();
  await probe.firstWrite();
  const ms = performance.now() - startMs;
  leader.start();
  await leader.ready();
  return ms;
}

await runRow({
  name: 'row-14-fail-over',
  title: 'from kill -9 of the leader of three to the next acknowledged write',
  peer: 'etcd',
  needs: ['etcd'],
  measures: [{ name: 'time', unit: 'ms', better: 'less', target: 1 }],
  open: async ({ folder, scaled }) => {
    const kills = scaled(KILLS);
    const read = (kind: ServerKind) =>
      withCluster(kind, folder, TIMEOUTS, async (cluster) => {
        let sumMs = 0;
        for (let kill = 1; kill <= kills; kill++) sumMs += await failOver(cluster);
        return { time: sumMs / kills };
      });
    return { tidelock: () => read('tidelock'), peer: () => read('etcd') };
  },
});
