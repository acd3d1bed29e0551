/**
 * Row 13: a server with 1,000,000 keys of 256 bytes that was stopped the clean way: from the start
 * of its process to the answer of the first linearizable read. Loaded once, then started again and
 * again.
 */
import { firstRead } from '../harness/first-read.js';
import { runLoad } from '../harness/load-generator.js';
import { runRow } from '../harness/run-row.js';
import type { ServerKind } from '../harness/server-command.js';
import { ServerProcess } from '../harness/server-process.js';

const KEYS = 1_000_000;
const LOADERS = 10;
const FIRST_KEY = 'bench/0000000000';

await runRow({
  name: 'row-13-restart',
  title: 'restart with 1,000,000 keys until the first linearizable read',
  peer: 'etcd',
  needs: ['etcd', 'go'],
  measures: [{ name: 'time', unit: 's', better: 'less', target: 0.25 }],
  open: async ({ options, folder, scaled }) => {
    const loaded = async (kind: ServerKind): Promise<ServerProcess> => {
      const server = await ServerProcess.create(kind, folder);
      server.start();
      try {
        await server.ready();
        const load = { mode: 'load', keys: scaled(KEYS), clients: LOADERS } as const;
        await runLoad(server.endpoint, load, options);
      } finally {
        await server.stop();
      }
      return server;
    };
    const restart = async (server: ServerProcess) => {
      const startMs = performance.now();
      server.start();
      try {
        await firstRead(server, FIRST_KEY);
        return { time: (performance.now() - startMs) / 1000 };
      } finally {
        await server.stop();
      }
    };
    const tidelock = await loaded('tidelock');
    const etcd = await loaded('etcd');
    return { tidelock: () => restart(tidelock), peer: () => restart(etcd) };
  },
});
