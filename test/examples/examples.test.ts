// Proves that every tutorial in examples/ runs to its end by itself, tells the story that it
// promises, leaves no folder behind, and works the same against a server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tooLong } from '../support/in-ci.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { skipWhen } from '../support/skip.js';
import { startTestServer } from '../cli/support/test-server.js';

const TIMEOUT_MS = 50_000;
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BUILT = join(ROOT, 'build', 'examples');

/** Makes a cluster of its own, so that there is nothing to run it against. */
const SIMULATED = '07-faults-in-virtual-time';

/** What must be in the output, in this order. */
const STORIES: Readonly<Record<string, readonly RegExp[]>> = {
  '01-config-observable': [
    /port 8080, pool 1 to 4 \(revision \d+\)/,
    /revision \d+ was refused: .*expected number/,
    /the port still is 8080/,
    /port 9090, pool 8 to 16/,
    /status cached: port 9090/,
  ],
  '02-distributed-lock': [
    /the counter says 100/,
    /anna holds it with fence \d+\n {2}boris is next/,
    /anna's signal: lock "example-2\/lock" lost/,
    /her guarded write did nothing/,
    /the ledger refuses anna: fence \d+ is smaller than \d+/,
    /busy: boris has it/,
  ],
  '03-leader-election': [
    /\(nobody leads\)[^]*\(ada leads in term \d+\)/,
    /\(ada at 10\.0\.0\.1:8080 leads in term \d+\)/,
    // Whether Bo begins first or the observer hears of him first is anybody's guess.
    /\(nobody leads\)\n(?: {2}bo does .*\n)* {2}\(bo leads in term \d+\)/,
    /bo reports: three jobs/,
    /cy begins term \d+[^]*cy stops: leadership .* lost[^]*cy begins term \d+/,
    /cy stops: aborted by the caller[^]*\(nobody leads\)/,
  ],
  '04-reboot-coordination': [
    /\[1 of 1\] may reboot: host-1; waiting: host-2, host-3, host-4/,
    /still holding: host-1/,
    /it is the same slot/,
    /\[1 of 1\] may reboot: host-2; waiting: host-3, host-4/,
    /\[2 of 2\] may reboot: host-2, host-3; waiting: host-4/,
    /\[0 of 2\] may reboot: nobody; waiting: nobody/,
  ],
  '05-revisions-as-a-stream': [
    /loaded 2 items at revision \d+/,
    /view: revision \d+, 2 change\(s\)/,
    /the view equals a fresh read: .*apples 20, .*plums 7/,
    /apples 9, .*pears 5/,
    /revisions\$: \d+/,
  ],
  '06-injected-services': [
    /\{"currency":"EUR","firstInvoice":1000\}/,
    /they got EUR-1000, EUR-1001, EUR-1002, EUR-1003, EUR-1004/,
    /CHF-1005/,
    /the books are closed in term \d+, with 1 instance there/,
    /instances that are still there: 0/,
  ],
  [SIMULATED]: [
    /loses every wire to the cluster/,
    /half way to the ledger/,
    /woke up/,
    /1 of them by a leader of the past/,
    /1 refused/,
  ],
  '08-fleet-reboot': [
    /0 stuck, \d+ waiting; rolling/,
    /2 stuck, 13 waiting; STOPPED: the failure budget is exhausted/,
    /host-\d+ and host-\d+ did not come back\. 13 machines still run the old image/,
    /would say: 2 nodes are stuck \(host-\d+, host-\d+\)/,
    /0 rebooting, 0 stuck, 0 waiting; rolling/,
    /20 slots granted, 2 stuck, all 20 machines renewed/,
  ],
  '09-rolling-config': [
    /server-f now uses 64 MB/,
    /server-[a-f] now uses 128 MB/,
    /server-[a-f] now uses 4096 MB/,
    /failed: server-[a-f], server-[a-f]/,
    /because: not healthy within 300 ms: 4096 MB are more/,
    /[34] servers never tried it/,
    /server-[a-f] now uses 256 MB/,
  ],
  '10-without-a-container': [
    /The settings: \{"currency":"EUR","firstInvoice":1000\}/,
    /got EUR-1000, EUR-1001, EUR-1002, EUR-1003, EUR-1004/,
    /While it led: the books are closed, with 1 instance there/,
  ],
};

interface Outcome {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function run(name: string, parent: string, ...words: string[]): Promise<Outcome> {
  const options = { timeout: TIMEOUT_MS, cwd: ROOT, env: { ...process.env, TMPDIR: parent } };
  return new Promise((resolve) => {
    const program = [join(BUILT, `${name}.js`), ...words];
    execFile(process.execPath, program, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr });
    });
  });
}

function assertStory(name: string, { code, stdout, stderr }: Outcome): void {
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.equal(stderr, '');
  let rest = stdout;
  for (const pattern of [...(STORIES[name] ?? []), /\nDone: .*\.\n$/]) {
    const found = pattern.exec(rest);
    assert.ok(found, `${pattern.source} is not in:\n${rest}`);
    rest = rest.slice(found.index + found[0].length - 1);
  }
}

describe('examples', () => {
  let parent: string;

  before(async () => {
    assert.ok(existsSync(BUILT), 'examples are not built: npx tsc -b examples');
    parent = await mkdtemp(join(scratchFolder(), 'tidelock-examples-'));
  });

  after(() => rm(parent, { recursive: true, force: true }));

  it('each has a story, and a title on its first line', async () => {
    const names = await readdir(join(ROOT, 'examples'));
    const numbered = names.filter((name) => /^\d\d-.*\.ts$/.test(name)).sort();
    assert.deepEqual(
      numbered,
      Object.keys(STORIES).map((name) => `${name}.ts`),
    );
    for (const name of numbered) {
      const source = await readFile(join(ROOT, 'examples', name), 'utf8');
      assert.match(source, /^\/\/ [A-Z].*[.:,a-z]$/m, name);
    }
  });

  for (const name of Object.keys(STORIES)) {
    it(`${name} runs by itself, and cleans up`, async () => {
      assertStory(name, await run(name, parent));
      assert.deepEqual(await readdir(parent), []);
    });
  }

  it('all run against a server, also a second time', async function () {
    skipWhen(this, tooLong());
    const server = await startTestServer();
    const all = Object.keys(STORIES).filter((name) => name !== SIMULATED);
    try {
      for (const [round, names] of [all, ['04-reboot-coordination']].entries()) {
        const flags = ['--endpoints', server.endpoint];
        const outcomes = await Promise.all(
          names.map(async (name) => ({ name, outcome: await run(name, parent, ...flags) })),
        );
        for (const { name, outcome } of outcomes) {
          if (round === 0 || name.startsWith('04')) assertStory(name, outcome);
        }
      }
    } finally {
      await server.stop();
    }
  });
});
