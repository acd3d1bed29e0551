// Proves `tidelock reboot` from outside: slots are taken, found again, queued for and given back,
// the limit can be moved, and each way not to get a slot says who has them.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { coordinate, type Coordination, type RebootGroup } from '../../src/recipes/index.js';
import { until } from '../server/support/until.js';
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

  const hasQueue = async (): Promise<boolean> => (await racks.status()).queue.length > 0;
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
      assert.match(stderr, /^tidelock: [bc] may not reboot: 1 of 1 slot is taken, by a since /);
    }
    assert.match(now.stderr, /leave out --no-wait/);
    assert.match(soon.stderr, /a longer --timeout/);
  });

  it('waits in line, leaves it on Ctrl-C, and gets a slot when the limit is raised', async () => {
    const impatient = cli.start(reboot('lock', '--node', 'b'));
    await until('one in line', hasQueue);
    impatient.kill('SIGINT');
    assert.equal((await impatient.ended).code, 130);
    assert.deepEqual((await racks.status()).queue, []);
    const patient = cli.start(reboot('lock', '--node', 'd'));
    await until('one in line', hasQueue);
    const raised = await cli.run(reboot('set-max', '2'));
    assert.match(raised.stdout, /^group racks: [12] of 2 taken/);
    assert.match((await patient.ended).stdout, /^d may reboot/);
  });

  it('gives slots back, and giving back what one has not is no failure', async () => {
    const [a, d, nobody] = await Promise.all([
      cli.run(reboot('unlock', '--node', 'a')),
      cli.json(...reboot('release', '--node', 'd')),
      cli.json(...reboot('unlock')),
    ]);
    assert.deepEqual(a, { code: 0, stdout: 'a gave its slot back\n', stderr: '' });
    assert.equal((d.lines[0] as { state: string }).state, 'released');
    assert.equal(nobody.code, 0);
    const { revision: _revision, ...rest } = nobody.lines[0] as { revision: number };
    assert.deepEqual(rest, { state: 'not-held', group: 'racks', node: hostname() });
    assert.deepEqual((await racks.status()).holders, []);
  });

  it('keeps the slot of a machine that has not rebooted, until it is released', async () => {
    assert.equal((await cli.run(reboot('lock'))).code, 0);
    const early = await cli.run(reboot('unlock'));
    assert.equal(early.code, 6);
    assert.match(early.stdout, /has not rebooted since it got its slot/);
    const going = await cli.json(...reboot('rebooting'));
    assert.equal((going.lines[0] as { phase: string }).phase, 'rebooting');
    const released = await cli.run(reboot('release'));
    assert.deepEqual([released.code, released.stderr], [0, '']);
    assert.deepEqual((await racks.status()).holders, []);
    assert.equal((await cli.run(reboot('rebooting'))).code, 3);
  });

  it('shows and changes the policy, field by field', async () => {
    const changed = await cli.json(
      ...reboot('policy', '--max', '50%', '--failure-budget', '1', '--order', 'one-per-zone'),
      ...['--window', 'Mon-Fri 22:00 4h Europe/Berlin', '--window', '02:00 30m'],
    );
    const [{ policy }] = changed.lines as [{ policy: { windows: string[] } }];
    assert.deepEqual(policy.windows, [
      'Mon,Tue,Wed,Thu,Fri 22:00 4h Europe/Berlin',
      '02:00 30m UTC',
    ]);
    const soaked = await cli.run(reboot('policy', '--soak', '60', '--always', '--max', '2'));
    assert.equal(
      soaked.stdout,
      [
        'group racks:',
        '  max              2',
        '  windows          none: always open',
        '  soak             60 s',
        '  failure budget   1',
        '  order            one-per-zone',
        '',
      ].join('\n'),
    );
    const trap = await cli.run(reboot('policy', '--reboot-timeout', '600'));
    assert.match(trap.stdout, /^ {2}grant timeout {4}none: a machine that never says "rebooting"/m);
    const safe = await cli.run(reboot('policy', '--grant-timeout', '600'));
    assert.match(safe.stdout, /^ {2}grant timeout {4}600 s\n {2}reboot timeout {3}600 s$/m);
    const plain = await cli.run(reboot('policy', '--soak', '0', '--order', 'none'));
    const shown = await cli.run(reboot('policy'));
    assert.equal(shown.stdout, plain.stdout);
    assert.equal((await cli.run(reboot('set-max', '60%'))).code, 0);
    assert.equal((await racks.status()).policy?.max, '60%');
  });

  it('holds, pauses and forces, and says which rule stands in the way', async () => {
    const held = await cli.run(reboot('hold', '--node', 'h', '--reason', 'debugging'));
    assert.match(held.stdout, /^h is held back \[[0-9a-f]{8}\]\n$/);
    assert.equal((await cli.run(reboot('hold', '--for', '600', '--by', 'ann'))).code, 0);
    const holds = await cli.run(reboot('status'));
    assert.match(holds.stdout, /^ {2}held: h since \S+Z by \S+, debugging \[[0-9a-f]{8}\]$/m);
    assert.match(
      holds.stdout,
      /^ {2}held: the group since \S+Z until \S+Z by ann \[[0-9a-f]{8}\]$/m,
    );
    assert.equal((await cli.run(reboot('unhold'))).stdout, '1 hold taken away\n');
    const nobody = await cli.run(['reboot', 'status', '--group', 'rakcs']);
    assert.match(nobody.stdout, /^ {2}no machine is known here yet: /m);
    assert.doesNotMatch(holds.stdout, /no machine/);
    const [plan, tried] = await Promise.all([
      cli.run(reboot('plan', '--node', 'h')),
      cli.json(...reboot('lock', '--node', 'h', '--no-wait')),
    ]);
    assert.equal(plan.code, 6);
    assert.match(plan.stdout, /^h: waiting: h is held back by \S+: debugging \[node_held\]\n$/);
    const [refusal] = tried.lines as [{ state: string; rule: string }];
    assert.deepEqual([tried.code, refusal.state, refusal.rule], [6, 'refused', 'node_held']);
    const forced = await cli.run(reboot('force', '--node', 'h', '--reason', 'now', '--by', 'ann'));
    assert.match(forced.stdout, /^h may reboot/);
    assert.equal((await cli.run(reboot('plan', '--node', 'h'))).code, 0);
    const freed = await cli.run(reboot('unhold', '--node', 'h'));
    assert.equal(freed.stdout, '1 hold taken away\n');
    const paused = await cli.run(reboot('pause', '--reason', 'Christmas', '--by', 'ann'));
    assert.match(paused.stdout, /^ {2}paused by ann, Christmas$/m);
    assert.match(paused.stdout, /^ {2}may reboot {2}\(forced\) h since .*, now \(by ann\)$/m);
    assert.equal((await cli.run(reboot('lock', '--node', 'i', '--timeout', '0.2'))).code, 6);
    const soon = await cli.run(reboot('pause', '--for', '600', '--by', 'ann'));
    assert.match(soon.stdout, /^ {2}paused until \d{4}-\d\d-\d\dT[\d:]{8}Z by ann$/m);
    const closed = { days: [], start: elsewhen(), lengthMinutes: 1, timeZone: 'UTC' } as const;
    await racks.setPolicy({ windows: [closed] });
    const outside = await cli.run(reboot('status'));
    assert.match(
      outside.stdout,
      /^ {2}outside of its windows until \d{4}-\d\d-\d\dT[\d:]{5}:00Z$/m,
    );
    await racks.setPolicy({ windows: [] });
    assert.equal((await cli.run(reboot('resume'))).code, 0);
    const log = await cli.run(reboot('log', '--limit', '7'));
    const told = log.stdout.split('\n').map((line) => line.replace(/^\S+Z {2}| by \S+:\d+$/g, ''));
    assert.deepEqual(told, [
      'forced h by ann: now',
      'unheld h',
      'paused by ann: Christmas',
      'paused by ann',
      `policy: ${JSON.stringify({ windows: [closed] })}`,
      'policy: {"windows":[]}',
      'resumed',
      '',
    ]);
    await racks.release({ node: 'h' });
    const forgotten = await cli.json(...reboot('forget', '--node', 'h'));
    const [{ nodes }] = forgotten.lines as [{ nodes: { node: string }[] }];
    assert.ok(!nodes.some(({ node }) => node === 'h'));
  });

  it('tells a machine that is being watched to ask again before it goes', async () => {
    const watched = coord.reboots('watched');
    await watched.setPolicy({ soakSeconds: 3600 });
    await watched.acquire({ node: 'w' });
    await watched.steady({ node: 'w' });
    const early = await cli.run(['reboot', 'rebooting', '--group', 'watched', '--node', 'w']);
    assert.equal(early.code, 3, 'its slot would end while it is away');
    assert.match(early.stderr, /w is being watched .*`tidelock reboot lock`/);
  });

  it('shows whatever times other programs have written', async () => {
    const put = (key: string, value: object): Promise<unknown> =>
      server.store.put({ key: `reboot/odd/${key}`, value: JSON.stringify(value) });
    await put('slot/o', { phase: 'granted', sinceMs: 1e20 });
    await put('policy', { max: 1, paused: { by: 'ops', reason: '', untilMs: 1e20 } });
    await put('log/000000000001', { kind: 'granted', node: 'o', atMs: 1e20 });
    const [status, log] = await Promise.all(
      ['status', 'log'].map((name) => cli.run(['reboot', name, '--group', 'odd'])),
    );
    assert.deepEqual([status?.code, log?.code], [0, 0], `${status?.stderr} ${log?.stderr}`);
    assert.match(status?.stdout ?? '', /paused until 100000000000000000000 ms by ops/);
    assert.match(log?.stdout ?? '', /^100000000000000000000 ms {2}granted o\n$/);
  });

  it('shows every group in a line', async () => {
    await coord.reboots('alone').setMax(3);
    const shown = await cli.run(['reboot', 'groups']);
    assert.match(shown.stdout, /^alone: 0 of 3 taken, 0 waiting$/m);
    assert.match(shown.stdout, /^racks: \d of \d taken, /m);
    const { lines } = await cli.json('reboot', 'groups');
    const names = (lines as { group: string }[]).map(({ group }) => group);
    assert.ok(names.includes('alone') && names.includes('racks'), names.join());
  });

  it('answers a mistake with one line and exit code 2', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['reboot', 'status', '--group', 'a/b'], /reboot group "a\/b" does not match/],
      [['reboot', 'policy', '--max', '120%'], /max "120%" is neither/],
      [['reboot', 'policy', '--window', 'Mun 22:00 4h'], /days "Mun" is not one of/],
      [['reboot', 'policy', '--window', '22:00 4h', '--always'], /cannot be used with/],
      [['reboot', 'set-max', 'many'], /whole number/],
      [['reboot', 'hold', '--for', '0'], /forSeconds 0/],
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

/** A time of day that is twelve hours away. */
function elsewhen(): string {
  return new Date(Date.now() + 12 * 3_600_000).toISOString().slice(11, 16);
}
