// Proves that `tidelock cluster` runs several members, says what becomes of each, starts one again
// that was killed, leaves no process behind, and says why when a member cannot start.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { MemberLook } from '../../src/cli/cluster-member.js';
import { ClusterScreen, memberText } from '../../src/cli/cluster-screen.js';
import { clusterVerdict } from '../../src/cli/cluster-verdict.js';
import { freePorts } from '../server/support/free-ports.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { Cli } from './support/cli.js';

const SERVES: MemberLook = {
  kind: 'serves',
  pid: 7,
  report: {
    version: '3.7.1',
    clusterId: 1n,
    memberId: 2n,
    leaderId: 2n,
    role: 'leader',
    revision: 5,
    raftTerm: 3,
    raftIndex: 14,
    sizeBytes: 49_152,
    sizeInUseBytes: 1,
    alarms: [],
    errors: [],
  },
};

const URL = 'http://127.0.0.1:1';

function withReport(changes: Partial<(MemberLook & { kind: 'serves' })['report']>): MemberLook {
  assert.ok(SERVES.kind === 'serves');
  return { ...SERVES, report: { ...SERVES.report, ...changes } };
}

describe('cluster screen', () => {
  it('tells all of a member in one line', () => {
    const text = (look: MemberLook): string => memberText({ name: 'n1', url: URL, look });
    assert.equal(
      text(SERVES),
      'n1  127.0.0.1:1  pid 7  leader     term 3  index 14  revision 5  48 KiB  healthy',
    );
    assert.match(text(withReport({ leaderId: 0n, role: 'unknown' })), /waits .* knows no leader$/);
    assert.match(text(withReport({ errors: ['planted '] })), /planted$/);
    assert.match(text(withReport({ alarms: ['NOSPACE'] })), /NOSPACE$/);
    assert.match(text({ kind: 'silent', pid: 7 }), /pid 7 {2}does not answer$/);
    assert.match(text({ kind: 'starts', pid: 7 }), /pid 7 {2}starts$/);
    const look = { kind: 'gone', how: 'SIGKILL' } as const;
    assert.match(
      memberText({ name: 'n1', url: URL, look, backInSeconds: 4 }),
      /\(SIGKILL\), back in 4 s/,
    );
  });

  it('draws in place on a terminal, and adds what changed elsewhere', () => {
    const written: string[] = [];
    const target = { columns: 30, write: (text: string) => written.push(text) };
    const line = { name: 'n1', url: URL, look: SERVES };
    const terminal = new ClusterScreen({ ...target, isTTY: true });
    terminal.show([line], 'ok');
    terminal.show([line], 'ok');
    assert.ok(!written[0]?.includes('\u001b[2A') && written[1]?.startsWith('\u001b[2A'));
    // oxlint-disable-next-line no-control-regex
    const bare = (written[1] ?? '').replaceAll(/\u001b\[\d+[A-Zm]/g, '').split('\n');
    assert.equal(bare[0]?.length, 29, 'no line is longer than the screen');
    assert.deepEqual(bare.slice(1), ['ok', '']);
    written.length = 0;
    const file = new ClusterScreen(target);
    const gone = { ...line, look: { kind: 'gone', how: 'SIGKILL' } as const };
    file.show([line], 'ok');
    file.show([line], 'ok');
    file.show([{ ...gone, backInSeconds: 9 }], 'not ok');
    file.show([{ ...gone, backInSeconds: 8 }], 'not ok');
    assert.equal(written.length, 4);
    assert.ok(!written.join('').includes('\u001b'));
  });
});

describe('the verdict on a cluster', () => {
  const gone: MemberLook = { kind: 'gone', how: 'SIGKILL' };
  const silent: MemberLook = { kind: 'silent', pid: 7 };
  const follows = withReport({ role: 'follower' });

  it('says whether it works, and what it can bear', () => {
    assert.equal(clusterVerdict([SERVES]), 'works, alone');
    const three = clusterVerdict([follows, SERVES, follows]);
    assert.equal(three, 'works: 3 of 3 answer; 1 more may fail');
    assert.equal(
      clusterVerdict([silent, SERVES, follows]),
      'works: 2 of 3 answer; no other one may fail',
    );
    const waits = withReport({ role: 'unknown', leaderId: 0n });
    assert.equal(
      clusterVerdict([waits, SERVES, follows]),
      'works: 3 of 3 answer; no other one may fail',
    );
    const five = [SERVES, follows, follows, follows, follows];
    assert.equal(clusterVerdict(five), 'works: 5 of 5 answer; 2 more may fail');
  });

  it('says what it waits for', () => {
    const waits = withReport({ role: 'unknown', leaderId: 0n });
    assert.equal(clusterVerdict([gone, follows, waits]), '2 of 3 answer; looking for a leader');
    assert.match(
      clusterVerdict([gone, SERVES, silent]),
      /^NO MAJORITY: 1 of 3 answer, 2 are needed; /,
    );
    assert.match(clusterVerdict([gone]), /0 of 1 answer, 1 is needed/);
    const starts: MemberLook = { kind: 'starts', pid: 8 };
    assert.equal(clusterVerdict([starts, starts, starts]), '0 of 3 answer; 3 start; writes wait');
    assert.equal(clusterVerdict([gone, follows, starts]), '1 of 3 answer; 1 starts; writes wait');
    assert.match(clusterVerdict([gone, gone, starts]), /^NO MAJORITY: 0 of 3 answer/);
  });
});

describe('tidelock cluster', function () {
  this.timeout(60_000);
  let directory: string;
  const cli = new Cli({});

  beforeEach(async () => {
    directory = await mkdtemp(join(scratchFolder(), 'tidelock-cluster-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('runs members, and ends them with itself', async () => {
    // Those after it are free as well, as far as one can know.
    const [port] = await freePorts(1);
    const words = ['cluster', '--members', '2', '--port', `${port}`, '--data-dir', directory];
    const running = cli.start(words);
    await running.until('leader ');
    running.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Ctrl-C stops all\.$/m);
    const [first] = /^(?:n\d |\d of).*$/m.exec(stdout) ?? [''];
    assert.match(first, /^n1 .* pid \d+ {2}starts$/, 'a start is no failure');
    assert.ok(!stdout.includes('\u001b'), 'no colour where no person looks');
    const pids = [...stdout.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
    assert.ok(new Set(pids).size >= 2);
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), /ESRCH/);
  });

  it('ends with the reason when a member cannot start', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const words = ['cluster', '--members', '1', '--port', `${port}`, '--data-dir', directory];
    // A process of its own, which takes its connection to this port along.
    const { code, stderr } = await cli.start(words).ended;
    taken.close();
    assert.equal(code, 1);
    assert.match(stderr, /^tidelock: n1: cannot listen on .*: another program listens there/);
    assert.match(stderr, /choose another --port$/m);
  });

  it('refuses numbers that make no sense', async () => {
    for (const words of [
      ['--members', '8'],
      ['--members', 'x'],
      ['--port', '0'],
    ]) {
      assert.equal((await cli.run(['cluster', ...words])).code, 2, words.join(' '));
    }
  });
});
