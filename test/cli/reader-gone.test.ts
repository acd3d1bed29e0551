// Proves that nobody has to read to the end: a command whose output is cut off ends without a word,
// whatever it was about to write, and a member whose screen is gone goes on until it is stopped.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../server/support/until.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

interface Unread {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly ended: Promise<unknown[]>;
}

/** A command of which nobody reads the output. */
function unread(...words: readonly string[]): Unread {
  const child = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return { child, stderr: () => stderr, ended: once(child, 'close') };
}

describe('output that nobody reads', function () {
  this.timeout(60_000);

  for (const words of [['--help'], ['status', '--help'], ['cluster', '--help'], ['--version']]) {
    it(`ends \`tidelock ${words.join(' ')}\` without a word`, async () => {
      const { ended, stderr } = unread(...words);
      assert.deepEqual([(await ended)[0], stderr()], [0, '']);
    });
  }

  it('does not end a member', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidelock-unread-'));
    const urls = ['--listen-client-urls', 'http://127.0.0.1:0', '--listen-peer-urls'];
    const words = ['serve', '--data-dir', join(directory, 'data'), ...urls, 'http://127.0.0.1:0'];
    const { child, ended, stderr } = unread(...words);
    try {
      await until('it serves', () => stderr().includes('ready to serve client requests'));
      // One that ends with its reader says nothing of having stopped.
      child.kill('SIGTERM');
      assert.equal((await ended)[0], 0, stderr());
      assert.match(stderr(), /"stopped"/);
    } finally {
      child.kill('SIGKILL');
      await rm(directory, { recursive: true });
    }
  });
});
