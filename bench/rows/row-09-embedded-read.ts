/**
 * Row 9: reads of a store inside the process, one key and a hundred in a row: linearizable reads of
 * our embedded store, against lmdb itself. 100,000 keys, visited in scattered order.
 */
import { runNodeLoad } from '../harness/node-load.js';
import { runRow } from '../harness/run-row.js';

const KEYS = 100_000;

await runRow({
  name: 'row-09-embedded-read',
  title: 'embedded read',
  peer: 'raw lmdb',
  needs: [],
  measures: [
    { name: 'by key', unit: '/s', better: 'more', target: 0.5 },
    { name: 'range of 100', unit: '/s', better: 'more', target: 0.5 },
  ],
  open: async ({ options, folder, scaled }) => {
    let runs = 0;
    const one = async (engine: string, mode: string): Promise<number> => {
      const flags = {
        engine,
        folder: `${folder}/${engine}-${runs++}`,
        mode,
        keys: scaled(KEYS),
        concurrency: 1,
      };
      return (await runNodeLoad('embedded-application', flags, options)).perSecond;
    };
    const read = async (engine: string) => ({
      'by key': await one(engine, 'get'),
      'range of 100': await one(engine, 'get-hundred'),
    });
    return { tidelock: () => read('tidelock'), peer: () => read('lmdb') };
  },
});
