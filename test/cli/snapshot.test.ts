// Proves the commands on snapshots, members and the leader from outside: files that appear whole or
// not at all, etcdctl's file among them; what is shown in both formats; and one line with advice
// for what cannot be done.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { programMissing } from '../support/program-missing.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { skipWhen } from '../support/skip.js';
import { run } from '../server/support/run.js';
import { startWholeServer, stopTestServers } from '../server/support/test-server.js';
import { Cli } from './support/cli.js';
import { startTestServer, type TestServer } from './support/test-server.js';

describe('tidelock snapshot, member, move-leader', function () {
  this.timeout(60_000);
  let server: TestServer;
  let cli: Cli;
  let folder = '';

  before(async () => {
    folder = await mkdtemp(join(scratchFolder(), 'tidelock-snapshots-'));
    server = await startTestServer();
    cli = new Cli({ TIDELOCK_ENDPOINTS: server.endpoint });
    await server.store.put({ key: 'k', value: 'kept' });
  });

  afterEach(stopTestServers);

  after(async () => {
    cli.stop();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('saves, shows and restores', async () => {
    const file = join(folder, 'a.db');
    const saved = await cli.json('snapshot', 'save', file);
    assert.equal(saved.code, 0);
    const [{ sha256, sizeBytes }] = saved.lines as [{ sha256: string; sizeBytes: number }];
    assert.equal(sizeBytes % 512, 32);
    assert.ok(!(await readdir(folder)).some((name) => name.endsWith('.part')));
    const shown = await cli.json('snapshot', 'status', file);
    const [summary] = shown.lines as [{ revision: number; sha256: string; hasHash: boolean }];
    assert.deepEqual([summary.revision, summary.sha256, summary.hasHash], [2, sha256, true]);
    const dataDir = join(folder, 'restored');
    const bump = ['--bump-revision', '100', '--mark-compacted'];
    const restored = await cli.json('snapshot', 'restore', file, '--data-dir', dataDir, ...bump);
    assert.equal(restored.code, 0);
    assert.equal((restored.lines[0] as { revision: number }).revision, 102);
    const { kernel } = await startWholeServer({ 'data-dir': dataDir });
    const { kvs, header } = await kernel.store.range({ key: 'k' });
    assert.equal(Buffer.from(kvs[0]?.value ?? []).toString(), 'kept');
    assert.equal(header.revision, 102);
  });

  it('takes the file of etcdctl', async function () {
    skipWhen(this, programMissing('etcdctl'));
    const file = join(folder, 'etcdctl.db');
    const at = ['--endpoints', server.endpoint];
    const outcome = await run('etcdctl', [...at, 'snapshot', 'save', file]);
    assert.equal(outcome.code, 0, outcome.stderr);
    const { code, stdout } = await cli.run(['snapshot', 'status', file]);
    assert.equal(code, 0);
    assert.match(stdout, /^revision 2, 1 revisions of keys, 0 leases, .* of cluster [0-9a-f]+\n/);
  });

  it('prints the command that starts a member', async () => {
    const file = join(folder, 'b.db');
    assert.equal((await cli.run(['snapshot', 'save', file])).code, 0);
    const dataDir = join(folder, 'one-of-two');
    const peers = ['--initial-cluster', 'a=http://127.0.0.1:32380,b=http://127.0.0.1:42380'];
    const own = ['--name', 'b', '--initial-advertise-peer-urls', 'http://127.0.0.1:42380'];
    const words = ['snapshot', 'restore', file, '--data-dir', dataDir, ...peers, ...own];
    const restored = await cli.run(words);
    assert.equal(restored.code, 0, restored.stderr);
    assert.match(restored.stdout, /restore the other 1 from the same file too/);
    assert.ok(restored.stdout.includes(`  tidelock serve --name b --data-dir ${dataDir} \\\n`));
    assert.match(restored.stdout, /--listen-peer-urls http:\/\/127\.0\.0\.1:42380 \\\n/);
    assert.match(restored.stdout, /--listen-client-urls http:\/\/127\.0\.0\.1:42379\n$/);
    const at = ['--peer-urls', 'http://127.0.0.1:52380', '--learner'];
    const added = await cli.run(['member', 'add', 'n4', ...at]);
    assert.equal(added.code, 0, added.stderr);
    assert.match(added.stdout, /--listen-peer-urls http:\/\/127\.0\.0\.1:52380 \\\n/);
    assert.match(added.stdout, /--listen-client-urls http:\/\/127\.0\.0\.1:52379\n$/);
    const [, id = ''] = /^added member ([0-9a-f]+)/.exec(added.stdout) ?? [];
    assert.equal((await cli.run(['member', 'remove', id])).code, 0);
  });

  it('shows members, and the leader that is asked to lead', async () => {
    const { lines } = await cli.json('member', 'list');
    const [{ members }] = lines as [
      { members: { id: string; name: string; isLearner: boolean }[] },
    ];
    assert.deepEqual(
      members.map(({ name, isLearner }) => [name, isLearner]),
      [['default', false]],
    );
    const id = members[0]?.id ?? '';
    const plain = await cli.run(['member', 'list']);
    assert.ok(plain.stdout.startsWith(`${id}, started, default, http`), plain.stdout);
    const moved = await cli.run(['move-leader', id]);
    assert.deepEqual(moved, { code: 0, stdout: `${id} leads already\n`, stderr: '' });
    const whole = await cli.run(['status', '--cluster']);
    assert.match(whole.stdout, /leader [0-9a-f]+, revision/);
  });

  it('answers what cannot be done with one line and its exit code', async () => {
    const file = join(folder, 'no.db');
    const nobody = ['--endpoints', 'http://127.0.0.1:1', '--connect-timeout', '1'];
    const [one, two] = ['http://127.0.0.1:1', 'http://127.0.0.1:2'];
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['snapshot', 'save', file, ...nobody], 4, /ECONNREFUSED/],
      [['snapshot', 'save', file, '--endpoints', `${one},${two}`], 2, /give one endpoint/],
      [['snapshot', 'status', file], 1, /no\.db: cannot be read/],
      [['snapshot', 'restore', file, '--bump-revision', '7'], 2, /go together/],
      [['snapshot', 'restore', file, '--initial-cluster', 'b=http://h:1'], 2, /initial-cluster/],
      [['member', 'remove', '1234'], 1, /member not found; `tidelock member list`/],
      [['member', 'remove', 'n4'], 2, /Give an id in hexadecimal/],
      [['member', 'add', 'n4', '--peer-urls', 'h:1'], 1, /URLs are invalid; an address is/],
      [['member', 'add', 'n4'], 2, /--peer-urls/],
      [['move-leader', '1234'], 1, /bad leader transferee; only another member/],
    ];
    for (const [words, code, line] of cases) {
      const outcome = await cli.run(words);
      assert.equal(outcome.code, code, `${words.join(' ')}: ${outcome.stderr}`);
      assert.match(outcome.stderr, line);
      assert.equal(outcome.stderr.trim().split('\n').length, 1, outcome.stderr);
    }
    assert.ok(!(await readdir(folder)).some((name) => name.startsWith('no.db')));
  });
});
