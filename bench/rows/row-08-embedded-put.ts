/**
 * Row 8: durable puts into a store inside the process with 1,000 in flight: our embedded store,
 * which keeps a log and every revision, against lmdb itself, which batches what waits and
 * overwrites.
 */
import { runNodeLoad } from '../harness/node-load.js';
import { runRow } from '../harness/run-row.js';

const KEYS = 100_000;
const IN_FLIGHT = 1000;

await runRow({
  name: 'row-08-embedded-put',
  title: 'embedded durable put, 1,000 in flight',
  peer: 'raw lmdb',
  needs: [],
  measures: [{ name: 'put', unit: '/s', better: 'more', target: 0.5 }],
  open: async ({ options, folder, scaled }) => {
    let runs = 0;
    const read = async (engine: string) => {
      const flags = {
        engine,
        folder: `${folder}/${engine}-${runs++}`,
        mode: 'put',
        keys: scaled(KEYS),
        concurrency: scaled(IN_FLIGHT),
      };
      return { put: (await runNodeLoad('embedded-application', flags, options)).perSecond };
    };
    return { tidelock: () => read('tidelock'), peer: () => read('lmdb') };
  },
});
