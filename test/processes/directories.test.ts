// Proves what real members do when a data directory is not the one that it should be: deleted, half
// deleted, an older copy of itself, or of a member of another cluster. Each is refused with words
// that say what is the matter, and the others go on.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/client/index.js';
import { type Store, toText } from '../../src/store/index.js';
import { type ClusterMember, ClusterProcesses } from '../support/cluster-processes.js';
import { tooLong } from '../support/in-ci.js';
import { ServerProcess } from '../support/server-process.js';
import { skipWhen } from '../support/skip.js';
import { freePorts } from '../server/support/free-ports.js';
import { until } from '../server/support/until.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const ENDS_WITHIN_MS = 40_000;

describe('a member of three whose data directory is not its own', function () {
  this.timeout(120_000);
  let cluster: ClusterProcesses;
  let copies: string;
  let store: Store;

  beforeEach(async () => {
    copies = mkdtempSync(join(tmpdir(), 'tidelock-copies-'));
    cluster = await ClusterProcesses.start({ program: 'tidelock' });
    store = await connect(cluster.endpoints);
    await store.put({ key: 'before', value: '1' });
    await cluster.settled();
  });
  afterEach(async () => {
    await store?.close();
    await cluster?.stop();
    rmSync(copies, { recursive: true });
  });

  /** It does not come up, or comes up and stops; either way it says why. */
  async function refused(member: ClusterMember, said: RegExp): Promise<void> {
    const before = member.process.log.length;
    await member.start().catch(() => undefined);
    await until('its end', () => !member.process.running, ENDS_WITHIN_MS);
    const log = member.process.log.slice(before);
    assert.match(log, said);
    const code = await member.process.end('SIGKILL');
    assert.ok(code === 1 || code === 70, `code ${code}: ${log}`);
  }

  async function othersGoOn(): Promise<void> {
    const { header } = await store.put({ key: 'after', value: '2' });
    assert.ok(header.revision > 2);
    assert.equal((await store.range({ key: 'before' })).kvs.length, 1);
  }

  it('is told so when the directory was deleted', async () => {
    const member = cluster.member(1);
    await member.kill();
    rmSync(member.dataDir, { recursive: true });
    await refused(member, /has already been bootstrapped, and its data is not here/);
    assert.ok(!existsSync(member.dataDir), 'nothing is left behind');
    await othersGoOn();
  });

  it('is refused by itself when only the log was deleted', async () => {
    const member = cluster.member(1);
    await member.kill();
    rmSync(join(member.dataDir, 'wal'), { recursive: true });
    rmSync(join(member.dataDir, 'db'), { recursive: true });
    await refused(member, /its member's log is gone; put its files back/);
    assert.ok(!existsSync(join(member.dataDir, 'db')), 'it is left as it was');
    await othersGoOn();
  });

  it('is found out when nobody could be asked at its start', async function () {
    skipWhen(this, tooLong());
    // Alone it cannot know that it had been there before; the others tell it.
    const member = cluster.member(1);
    await Promise.all(cluster.members.map((one) => one.kill()));
    rmSync(member.dataDir, { recursive: true });
    await member.start();
    const starts = [cluster.member(0).start(), cluster.member(2).start()];
    await Promise.all(starts);
    await until('its end', () => !member.process.running, ENDS_WITHIN_MS);
    assert.match(member.process.log, /knows this member with another data directory/);
    await othersGoOn();
  });

  it('is found out when the directory is an old copy', async function () {
    skipWhen(this, tooLong());
    const member = cluster.member(((await cluster.leader()) + 1) % 3);
    const copy = join(copies, 'old');
    assert.equal(await member.terminate(), 0);
    cpSync(member.dataDir, copy, { recursive: true });
    await member.start();
    await cluster.settled();
    for (let n = 0; n < 20; n++) await store.put({ key: 'between', value: `${n}` });
    await cluster.settled();
    await member.kill();
    rmSync(member.dataDir, { recursive: true });
    cpSync(copy, member.dataDir, { recursive: true });
    await refused(member, /this one does not hold what it promised/);
    await othersGoOn();
  });
});

describe('members of another cluster', function () {
  this.timeout(120_000);
  let cluster: ClusterProcesses;
  let store: Store;

  before(async () => {
    cluster = await ClusterProcesses.start({ program: 'tidelock' });
    store = await connect(cluster.endpoints);
  });
  after(async () => {
    await store?.close();
    await cluster?.stop();
  });

  it('does not begin under another token at the addresses of one that runs', async () => {
    const stray = new ServerProcess();
    const folder = mkdtempSync(join(tmpdir(), 'tidelock-stray-'));
    const [port = 0, peerPort = 0] = await freePorts(2);
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    const others = cluster.members.map(({ name, peerProxy }) => `${name}=${peerProxy.url}`);
    const flags = {
      name: 'stray',
      'data-dir': join(folder, 'data'),
      'listen-client-urls': `http://127.0.0.1:${port}`,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': [...others, `stray=${peerUrl}`].join(),
      'initial-cluster-token': 'another',
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    stray.launch(process.execPath, [PROGRAM, 'serve', ...args]);
    try {
      await until('its end', () => !stray.running, ENDS_WITHIN_MS);
      assert.equal(await stray.end('SIGKILL'), 1);
      assert.match(stray.log, /is in cluster [0-9a-f]+ already, and these flags begin cluster/);
      await store.put({ key: 'a', value: '1' });
    } finally {
      await stray.end('SIGKILL');
      rmSync(folder, { recursive: true });
    }
  });

  it('are refused where an address leads to them by mistake, and nobody stops', async () => {
    const other = await ClusterProcesses.start({ program: 'tidelock' });
    const second = await connect(other.endpoints);
    try {
      await second.put({ key: 'whose', value: 'second' });
      const cutOff = ((await cluster.leader()) + 1) % 3;
      const follower = cluster.member(cutOff);
      // What is meant for a member of the first cluster reaches one of the second.
      follower.peerProxy.targetPort = Number(new URL(other.member(0).peerProxy.url).port);
      follower.peerProxy.reset();
      const told = (): boolean =>
        cluster.members.some(({ process }) =>
          /this is a member of cluster [0-9a-f]+/.test(process.log),
        );
      await until('a refusal that is told', told, ENDS_WITHIN_MS);
      // The follower hears nobody now, so a client that happens to be with it would wait in vain.
      const hearing = [0, 1, 2].filter((index) => index !== cutOff);
      const leader = await connect(cluster.member(await cluster.leader(hearing)).endpoint);
      await leader.put({ key: 'whose', value: 'first' });
      await leader.close();
      const { kvs } = await second.range({ key: 'whose' });
      assert.deepEqual(
        kvs.map(({ value }) => toText(value)),
        ['second'],
      );
      for (const member of [...cluster.members, ...other.members]) {
        assert.ok(member.process.running, member.process.log);
      }
    } finally {
      await second.close();
      await other.stop();
    }
  });
});
