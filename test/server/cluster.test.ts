// Proves that three members, each a process of its own with its own disk, are one store: they find
// a leader, take writes through any of them, go on without one of them, take it back, and hand
// leadership over when the leader is told to stop. An unmodified etcdctl looks at them.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { askMember, connect, type MemberReport } from '../../src/client/index.js';
import type { Store } from '../../src/store/index.js';
import { type MemberProcess, startMember } from '../support/member-process.js';
import { programMissing } from '../support/program-missing.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { skipWhen } from '../support/skip.js';
import { freePorts } from './support/free-ports.js';
import { PATIENT, run } from './support/run.js';
import { until } from './support/until.js';

describe('a cluster of three', function () {
  this.timeout(60_000);
  let peerUrls: readonly string[] = [];
  let members: readonly MemberProcess[] = [];
  let stores: readonly Store[] = [];

  before(async () => {
    peerUrls = (await freePorts(3)).map((port) => `http://127.0.0.1:${port}`);
    members = await Promise.all([0, 1, 2].map((at) => startMember(flags(at), scratchFolder())));
    stores = await Promise.all(members.map(({ endpoint }) => connect(endpoint)));
  });

  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await Promise.all(members.map((member) => member.stop()));
  });

  function flags(at: number): readonly string[] {
    const url = peerUrls[at] ?? '';
    return [
      `--name=n${at + 1}`,
      `--initial-cluster=${peerUrls.map((each, index) => `n${index + 1}=${each}`).join()}`,
      `--listen-peer-urls=${url}`,
      `--initial-advertise-peer-urls=${url}`,
      '--heartbeat-interval=50',
      '--election-timeout=500',
    ];
  }

  function member(at: number): MemberProcess {
    const found = members[at];
    assert.ok(found !== undefined);
    return found;
  }

  function storeOf(at: number): Store {
    const found = stores[at];
    assert.ok(found !== undefined);
    return found;
  }

  async function reportsOf(which: readonly MemberProcess[]): Promise<readonly MemberReport[]> {
    return await Promise.all(which.map(({ endpoint }) => askMember(endpoint)));
  }

  /** Where the leader is, once all of these members agree on one that is among them. */
  async function leaderAmong(indexes: readonly number[]): Promise<number> {
    let leader = -1;
    await until('one leader', async () => {
      // One that is too busy to answer is asked again.
      const reports = await reportsOf(indexes.map(member)).catch(() => []);
      const [first] = reports;
      const agreed = reports.every(({ leaderId }) => leaderId === first?.leaderId);
      leader = agreed ? reports.findIndex(({ memberId }) => memberId === first?.leaderId) : -1;
      return leader >= 0;
    });
    return indexes[leader] ?? -1;
  }

  async function valueThrough(store: Store, key: string): Promise<string> {
    const { kvs } = await store.range({ key });
    return Buffer.from(kvs[0]?.value ?? []).toString();
  }

  it('finds a leader, and takes writes and reads through any member', async () => {
    await leaderAmong([0, 1, 2]);
    for (const [at, store] of stores.entries()) {
      await store.put({ key: 'through', value: `${at}` });
      for (const reader of stores) assert.equal(await valueThrough(reader, 'through'), `${at}`);
    }
    for (const { endpoint } of members) {
      const response = await fetch(`${endpoint}/health`);
      assert.equal(response.status, 200, await response.text());
    }
  });

  it('is one cluster to etcdctl', async function () {
    skipWhen(this, programMissing('etcdctl'));
    const endpoints = members.map(({ endpoint }) => endpoint.replace('http://', '')).join();
    const list = await run('etcdctl', ['--endpoints', endpoints, ...PATIENT, 'member', 'list']);
    const rows = list.stdout.trim().split('\n');
    assert.equal(rows.length, 3, list.stdout + list.stderr);
    for (const [at, { endpoint }] of members.entries()) {
      assert.ok(
        rows.some((row) => row.includes(`, started, n${at + 1}, http`) && row.includes(endpoint)),
        list.stdout,
      );
    }
    const status = await run('etcdctl', [
      '--endpoints',
      endpoints,
      ...PATIENT,
      'endpoint',
      'status',
    ]);
    const lines = status.stdout.trim().split('\n');
    assert.equal(lines.length, 3, status.stderr);
    assert.equal(lines.filter((line) => line.split(', ')[4] === 'true').length, 1, status.stdout);
    const health = await run('etcdctl', [
      '--endpoints',
      endpoints,
      ...PATIENT,
      'endpoint',
      'health',
    ]);
    assert.equal(health.code, 0, health.stderr);
  });

  it('lets etcdctl find and ask all members, by their URLs', async function () {
    skipWhen(this, programMissing('etcdctl'));
    const urls = members.map(({ endpoint }) => endpoint).toSorted();
    const ask = async (...args: readonly string[]): Promise<readonly string[]> => {
      const [first = ''] = urls;
      const { code, stdout, stderr } = await run('etcdctl', [
        '--endpoints',
        first,
        ...PATIENT,
        ...args,
      ]);
      assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
      // What it says about health it says on stderr, where warnings in JSON may stand as well.
      const lines = (stdout + stderr).trim().split('\n');
      return lines.filter((line) => !line.startsWith('{')).toSorted();
    };
    await until('all members said where they are', async () => {
      const list = (await ask('member', 'list')).join();
      return urls.every((url) => list.includes(url));
    });
    const status = await ask('endpoint', 'status', '--cluster');
    assert.deepEqual(
      status.map((line) => line.split(', ')[0]),
      urls,
    );
    assert.equal(status.filter((line) => line.split(', ')[4] === 'true').length, 1);
    const health = await ask('endpoint', 'health', '--cluster');
    assert.equal(health.filter((line) => line.includes(' is healthy: ')).length, 3);
    const hashes = (await ask('endpoint', 'hashkv', '--cluster')).map((line) => line.split(', '));
    assert.deepEqual(
      hashes.map(([url]) => url),
      urls,
    );
    assert.equal(new Set(hashes.map(([, hash]) => hash)).size, 1, String(hashes));
    assert.equal((await ask('defrag', '--cluster')).length, 3);
    assert.deepEqual(await ask('put', 'by-url', 'yes'), ['OK']);
    assert.deepEqual(await ask('get', 'by-url'), ['by-url', 'yes']);
    for (const url of urls) {
      const alone = await run('etcdctl', [
        '--endpoints',
        `${url}/`,
        ...PATIENT,
        'endpoint',
        'status',
      ]);
      assert.equal(alone.code, 0, alone.stderr);
    }
  });

  it('goes on when its leader is killed, and takes it back with all it missed', async () => {
    const leader = await leaderAmong([0, 1, 2]);
    const others = [0, 1, 2].filter((at) => at !== leader);
    await member(leader).kill();
    const [first = 0, second = 0] = others;
    await storeOf(first).put({ key: 'without', value: 'one' });
    assert.equal(await valueThrough(storeOf(second), 'without'), 'one');
    await member(leader).start();
    await until('it has caught up', async () => {
      const { kvs } = await storeOf(leader)
        .range({ key: 'without', serializable: true })
        .catch(() => ({ kvs: [] }));
      return kvs.length === 1;
    });
    await storeOf(leader).put({ key: 'back', value: 'yes' });
    assert.equal(await valueThrough(storeOf(first), 'back'), 'yes');
  });

  it('says that it is not healthy, and writes nothing, without a majority', async () => {
    const leader = await leaderAmong([0, 1, 2]);
    const others = [0, 1, 2].filter((at) => at !== leader);
    for (const at of others) await member(at).kill();
    const { endpoint } = member(leader);
    // The first answer may come late: it reads as long as the member takes itself for the leader.
    const unhealthy = async (): Promise<boolean> => {
      const response = await fetch(`${endpoint}/health`);
      return response.status === 503 && (await response.text()).includes('RAFT NO LEADER');
    };
    await until('no leader', unhealthy);
    const serializable = await storeOf(leader).range({ key: 'back', serializable: true });
    assert.equal(serializable.kvs.length, 1, 'what it has can be read');
    await Promise.all(others.map((at) => member(at).start()));
    await leaderAmong([0, 1, 2]);
    await storeOf(leader).put({ key: 'majority', value: 'again' });
  });

  it('hands leadership over when the leader is told to stop', async () => {
    const leader = await leaderAmong([0, 1, 2]);
    const others = [0, 1, 2].filter((at) => at !== leader);
    const before = await askMember(member(leader).endpoint);
    assert.equal(await member(leader).terminate(), 0);
    const reports = await reportsOf(others.map(member));
    const isNext = ({ leaderId }: MemberReport): boolean => {
      return leaderId !== 0n && leaderId !== before.memberId;
    };
    assert.ok(reports.some(isNext), 'there was a leader at once');
    // The one that was not needed for its election may hear of it a moment later.
    await leaderAmong(others);
    for (const { leaderId, raftTerm } of await reportsOf(others.map(member))) {
      assert.notEqual(leaderId, before.memberId);
      assert.equal(raftTerm, before.raftTerm + 1, 'no election came to nothing');
    }
    await member(leader).start();
    await leaderAmong([0, 1, 2]);
  });

  it('does not let a member begin again without its data', async () => {
    const { dataDir } = member(2);
    assert.equal(await member(2).terminate(), 0);
    const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
    const [port] = await freePorts(1);
    const place = [`--data-dir=${dataDir}-other`, `--listen-client-urls=http://127.0.0.1:${port}`];
    const { code, stderr } = await run(process.execPath, [main, 'serve', ...place, ...flags(2)]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /\(n3\) has already been bootstrapped, and its data is not here/);
    await member(2).start();
  });
});
