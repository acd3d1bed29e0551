// Proves `tidelock reboot` from outside: slots are taken, found again, queued for and given back,
// the limit can be moved, and each way not to get a slot says who has them.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { coordinate, type Coordination, type RebootGroup } from '../../src/recipes/index.js';
import { Cli } from './support/cli.js';
import { startTestServer, type TestServer } from './support/test-server.js';

describe('tidelock reboot', () => {
  let server: TestServer;
  let coord: Coordination;
  let racks: RebootGroup;
  let cli: Cli;

  before(async () => {
    server = await startTestServer();
    coord = coordinate(server.store);
    racks = coord.reboots('racks');
    cli = new Cli({ TIDELOCK_ENDPOINTS: server.endpoint });
  });

  after(async () => {
    cli.stop();
    await coord.close();
    await server.stop();
  });

  const reboot = (name: string, ...words: string[]): string[] => [
    'reboot',
    name,
    '--group',
    'racks',
    ...words,
  ];

  it('grants a slot, grants it again, and shows it', async () => {
    const first = await cli.run(reboot('lock', '--node', 'a', '--reason', 'kernel'));
    assert.equal(first.code, 0);
    assert.match(first.stdout, /^a may reboot \(group racks, revision \d+\)\n$/);
    const again = await cli.json(...reboot('lock', '--node', 'a', '--no-wait'));
    const { holders } = await racks.status();
    const [line] = again.lines as [{ state: string; revision: number }];
    assert.deepEqual([line.state, line.revision], ['granted', holders[0]?.revision]);
    const [plain, json] = await Promise.all([
      cli.run(reboot('status')),
      cli.json(...reboot('status')),
    ]);
    assert.match(
      plain.stdout,
      /^group racks: 1 of 1 taken, 0 waiting\n {2}may reboot {2}a since .*, kernel /,
    );
    const [status] = json.lines as [{ max: number; holders: { node: string; reason: string }[] }];
    assert.equal(status.max, 1);
    assert.deepEqual([status.holders[0]?.node, status.holders[0]?.reason], ['a', 'kernel']);
  });

  it('says who has the slots when it may not wait, or not that long', async () => {
    const [now, soon] = await Promise.all([
      cli.run(reboot('lock', '--node', 'b', '--no-wait')),
      cli.run(reboot('lock', '--node', 'c', '--timeout', '0.2')),
    ]);
    for (const { code, stderr } of [now, soon]) {
      assert.equal(code, 3);
      assert.match(
        stderr,
        /^tidelock: [bc] may not reboot: group "racks" has 1 of 1 slots taken, by a /,
      );
    }
    assert.match(now.stderr, /leave out --no-wait/);
    assert.match(soon.stderr, /a longer --timeout/);
  });

  it('waits in line, leaves it on Ctrl-C, and gets a slot when the limit is raised', async () => {
    const impatient = cli.start(reboot('lock', '--node', 'b'));
    while ((await racks.status()).queue.length === 0);
    impatient.kill('SIGINT');
    assert.equal((await impatient.ended).code, 130);
    assert.deepEqual((await racks.status()).queue, []);
    const patient = cli.start(reboot('lock', '--node', 'd'));
    while ((await racks.status()).queue.length === 0);
    const raised = await cli.run(reboot('set-max', '2'));
    assert.match(raised.stdout, /^group racks: [12] of 2 taken/);
    assert.match((await patient.ended).stdout, /^d may reboot/);
  });

  it('gives slots back, and giving back what one has not is no failure', async () => {
    const [a, d, nobody] = await Promise.all([
      cli.run(reboot('unlock', '--node', 'a')),
      cli.json(...reboot('unlock', '--node', 'd')),
      cli.json(...reboot('unlock')),
    ]);
    assert.deepEqual(a, { code: 0, stdout: 'a gave its slot back\n', stderr: '' });
    assert.equal((d.lines[0] as { state: string }).state, 'released');
    assert.equal(nobody.code, 0);
    const { revision: _revision, ...rest } = nobody.lines[0] as { revision: number };
    assert.deepEqual(rest, { state: 'not-held', group: 'racks', node: hostname() });
    assert.deepEqual((await racks.status()).holders, []);
  });

  it('answers a mistake with one line and exit code 2', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['reboot', 'status', '--group', 'a/b'], /reboot group "a\/b" does not match/],
      [['reboot', 'lokc'], /unknown command 'lokc' \(Did you mean lock\?\)/],
    ];
    const outcomes = await Promise.all(cases.map(([words]) => cli.run(words)));
    for (const [index, [words, pattern]] of cases.entries()) {
      assert.equal(outcomes[index]?.code, 2, words.join(' '));
      assert.match(outcomes[index].stderr, pattern);
      assert.match(outcomes[index].stderr, /^tidelock: [^\n]+\n$/);
    }
  });
});
