/**
 * Row 12: resident memory of a server with 1,000,000 keys of 256 bytes, when it rests after they
 * were loaded and when it rests after a restart. All of it counts, pages of mapped files too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runLoad } from '../harness/load-generator.js';
import { firstRead } from '../harness/first-read.js';
import { runRow } from '../harness/run-row.js';
import type { ServerKind } from '../harness/server-command.js';
import { withServer } from '../harness/server-process.js';

const KEYS = 1_000_000;
const LOADERS = 10;
const FIRST_KEY = 'bench/0000000000';
/** Time for what a server does behind its answers. */
const REST_MS = 3000;
const MIB = 2 ** 20;

await runRow({
  name: 'row-12-memory',
  title: 'resident memory, 1,000,000 keys of 256 bytes',
  peer: 'etcd',
  needs: ['etcd', 'go'],
  measures: [
    { name: 'after loading', unit: 'MiB', better: 'less', target: 0.5 },
    { name: 'after a restart', unit: 'MiB', better: 'less', target: 0.5 },
  ],
  open: async ({ options, folder, scaled }) => {
    const read = (kind: ServerKind) =>
      withServer(kind, folder, async (server) => {
        const load = { mode: 'load', keys: scaled(KEYS), clients: LOADERS } as const;
        await runLoad(server.endpoint, load, options);
        await sleep(scaled(REST_MS));
        const loaded = server.memory();
        await server.stop();
        server.start();
        await firstRead(server, FIRST_KEY);
        await sleep(scaled(REST_MS));
        return {
          'after loading': loaded.totalBytes / MIB,
          'after a restart': server.memory().totalBytes / MIB,
        };
      });
    return { tidelock: () => read('tidelock'), peer: () => read('etcd') };
  },
});
