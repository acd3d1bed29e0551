/**
 * The process behind `WarmProcess`: runs one command line after another as `tidelock` does, with
 * words, environment and input as they are sent, and marks the end of each in both outputs. What a
 * command leaves of itself in the process is taken away here; a command that ends the process ends
 * it.
 */
import { Readable } from 'node:stream';
import { END_MARK, type WarmJob } from './warm-job.js';

const MAIN = new URL('../../../src/cli/main.js', import.meta.url).href;
let count = 0;

async function perform({ words, environment, input }: WarmJob): Promise<void> {
  process.argv.splice(2, process.argv.length, ...words);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
  process.exitCode = undefined;
  process.stdout.removeAllListeners('error');
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    value: Readable.from([Buffer.from(input)], { objectMode: false }),
  });
  // Another name for the same file, so that it runs again; what it imports is there already.
  count += 1;
  await import(`${MAIN}?${count}`);
  // Both are pipes, which are written to before the call returns.
  process.stdout.write(END_MARK);
  process.stderr.write(END_MARK);
  process.send?.(process.exitCode ?? 0);
}

process.on('message', (job) => void perform(job as WarmJob));
process.on('disconnect', () => process.exit());
