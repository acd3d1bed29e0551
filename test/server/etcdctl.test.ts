// Proves that Debian's etcdctl works unmodified: the same commands, one after the other, against
// our member and against a real etcd give the same output and exit codes, ids, terms and times
// aside.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { programMissing } from '../support/program-missing.js';
import { skipWhen } from '../support/skip.js';
import { type RealEtcd, startRealEtcd } from './support/real-etcd.js';
import { type Outcome, PATIENT, run } from './support/run.js';
import { startTestServer, stopTestServers } from './support/test-server.js';

interface Step {
  readonly args: readonly string[];
  readonly input?: string;
}

function steps(lines: readonly string[]): Step[] {
  return lines.map((line) => ({
    args: line.split(' ').map((word) => (word === "''" ? '' : word)),
  }));
}

const READ_AND_WRITE = steps([
  'put a 1',
  'put a 2',
  'put b 3 --prev-kv',
  'put a 4 --prev-kv',
  'put c 5',
  'get a',
  'get a -w json',
  'get a -w fields',
  'get nothing -w json',
  'get a c',
  "get --prefix ''",
  'get --from-key b',
  'get a --rev 2',
  "get --prefix '' --limit 2",
  "get --prefix '' --order DESCEND --sort-by MODIFY",
  "get --prefix '' --sort-by VALUE",
  "get --prefix '' --keys-only",
  "get --prefix '' --count-only -w fields",
  'get a --print-value-only',
  'get a --rev 99',
  'put d x --lease 1234',
  'put zz --ignore-value',
  "put '' v",
  'del c',
  'del nothing',
  'del a b --prev-kv',
  "del --prefix '' --prev-kv",
]);

const TXNS: Step[] = [
  { args: ['txn'], input: 'mod("k") = "0"\n\nput k v1\nget k\n\nget k\ndel k\n\n' },
  { args: ['txn'], input: 'value("k") = "v1"\nver("k") > "0"\n\nget k\n\nget z\n\n' },
  { args: ['txn', '-w', 'json'], input: 'mod("k") = "0"\n\nput k v2\n\nget k\ndel k\n\n' },
  { args: ['txn'], input: '\nput k 1\nput k 2\n\n\n' },
];

const HISTORY = steps([
  'put k 3',
  'put k 4',
  'compaction 5',
  'compaction 5',
  'compaction 999',
  'get k --rev 3',
  'compaction 7 --physical',
  'endpoint hashkv -w json',
]);

const LEASES = steps([
  'lease grant 100 -w json',
  'lease revoke 1234',
  'lease timetolive 1234',
  'lease keep-alive 1234 --once',
  'lease list',
]);

const MEMBER = steps(['endpoint health', 'member list -w json', 'alarm list', 'alarm disarm']);

/** What etcdctl asks a member directly, and then sends the URL where HTTP/2 wants a host. */
const MEMBER_BY_URL = steps([
  'endpoint hashkv',
  'endpoint hashkv --cluster',
  'endpoint health --cluster',
  'defrag --cluster',
  'move-leader 1',
  'get a',
]);

describe('etcdctl', function () {
  this.timeout(60_000);
  let ours: string;
  let theirs: RealEtcd | undefined;

  before(async function () {
    skipWhen(this, programMissing('etcdctl') ?? programMissing('etcd'));
    ours = (await startTestServer()).address;
    theirs = await startRealEtcd();
  });

  after(async () => {
    await theirs?.stop();
    await stopTestServers();
  });

  function etcdctl(address: string, step: Step): Promise<Outcome> {
    const input = step.input === undefined ? {} : { input: step.input };
    return run('etcdctl', ['--endpoints', address, ...PATIENT, ...step.args], input);
  }

  async function compare(list: readonly Step[], scheme = ''): Promise<void> {
    for (const step of list) {
      const [mine, real] = await Promise.all([
        etcdctl(scheme + ours, step),
        etcdctl(scheme + (theirs?.address ?? ''), step),
      ]);
      assert.deepEqual(normal(mine), normal(real), step.args.join(' '));
    }
  }

  it('reads and writes', () => compare(READ_AND_WRITE));
  it('runs txns', () => compare(TXNS));
  it('compacts and hashes', () => compare(HISTORY));
  it('knows leases', () => compare(LEASES));
  it('shows the member', () => compare(MEMBER));
  it('is asked by its URL', () => compare(MEMBER_BY_URL, 'http://'));

  it('attaches keys to a lease and takes them with it', async () => {
    const seen = await Promise.all(
      [ours, theirs?.address ?? ''].map(async (address) => {
        const granted = await etcdctl(address, { args: ['lease', 'grant', '50'] });
        const id = granted.stdout.split(' ')[1] ?? '';
        const outputs: Outcome[] = [];
        for (const { args } of steps([
          `put lk v --lease=${id}`,
          'get lk',
          `lease timetolive ${id} --keys`,
          `lease keep-alive ${id} --once`,
          `lease revoke ${id}`,
          'get lk',
          `lease revoke ${id}`,
        ])) {
          outputs.push(normal(await etcdctl(address, { args })));
        }
        return JSON.parse(JSON.stringify(outputs).replaceAll(id, 'ID')) as Outcome[];
      }),
    );
    assert.deepEqual(seen[0], seen[1]);
  });

  it('watches history and what happens', async () => {
    const seen = await Promise.all([ours, theirs?.address ?? ''].map(watchSome));
    assert.deepEqual(seen[0], seen[1]);
    assert.match(seen[0] ?? '', /DELETE/);
  });

  async function watchSome(address: string): Promise<string> {
    for (const line of ['put w1 a', 'put w1 b', 'del w1']) {
      await etcdctl(address, steps([line])[0] as Step);
    }
    const { stdout } = await etcdctl(address, { args: ['get', 'w1', '-w', 'json'] });
    const { header } = JSON.parse(stdout) as { header: { revision: number } };
    const rev = `${header.revision - 2}`;
    const args = ['--endpoints', address, 'watch', '--prefix', 'w', '--rev', rev, '--prev-kv'];
    const child = spawn('etcdctl', args, { env: { ...process.env, ETCDCTL_API: '3' } });
    let output = '';
    const done = new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk) => {
        output += String(chunk);
        if (output.includes('last')) resolve();
      });
      child.on('exit', () => resolve());
    });
    await etcdctl(address, { args: ['put', 'w9', 'last'] });
    const timer = setTimeout(() => child.kill(), 30_000);
    await done;
    clearTimeout(timer);
    child.kill();
    return output;
  }
});

/** Leaves out what two clusters cannot have in common, and how long something took. */
function normal({ code, stdout, stderr }: Outcome): Outcome {
  const clean = (text: string): string =>
    text
      .split('\n')
      .filter((line) => !line.includes('"level":"warn"'))
      .join('\n')
      .replaceAll(/"(cluster_id|member_id|raft_term|ID)":\d+/g, '"$1":0')
      .replaceAll(/"(ClusterID|MemberID|RaftTerm)" : \d+/g, '"$1" : 0')
      .replaceAll(/"(peerURLs|clientURLs)":\[[^\]]*\]/g, '"$1":[]')
      .replaceAll(/127\.0\.0\.1:\d+/g, 'ADDRESS')
      .replaceAll(/\b[0-9a-f]{16}\b/g, 'ID')
      .replaceAll(/took = .*/g, 'took')
      // Whether a lease just granted has a whole second more or less is a matter of microseconds.
      .replaceAll(/remaining\(\d+s\)/g, 'remaining');
  return { code, stdout: clean(stdout), stderr: clean(stderr) };
}
