/**
 * Row 2: single puts by the unmodified Go client, from 10 connections and 100 clients, against
 * three members on this machine: all connections to the leader, and spread over the members, of
 * which two then hand each put on. Each reading has a cluster with data directories of its own.
 */
import { runLoad } from '../harness/load-generator.js';
import { runRow } from '../harness/run-row.js';
import { withCluster } from '../harness/server-cluster.js';
import type { ServerKind } from '../harness/server-command.js';

const KEYS = 10_000;

await runRow({
  name: 'row-02-cluster-put',
  title: 'unary put, Go client, 10 connections x 100 clients, three members',
  peer: 'etcd',
  needs: ['etcd', 'go'],
  measures: [
    { name: 'to the leader', unit: '/s', better: 'more', target: 1 },
    { name: 'to all members', unit: '/s', better: 'more', target: 1 },
  ],
  open: async ({ options, folder, scaled }) => {
    const read = (kind: ServerKind) =>
      withCluster(kind, folder, [], async (cluster) => {
        const load = { mode: 'put', keys: scaled(KEYS) } as const;
        const leader = await cluster.leader();
        const toLeader = await runLoad(leader.endpoint, load, options);
        const toAll = await runLoad(cluster.endpoints, load, options);
        return { 'to the leader': toLeader.perSecond, 'to all members': toAll.perSecond };
      });
    return { tidelock: () => read('tidelock'), peer: () => read('etcd') };
  },
});
