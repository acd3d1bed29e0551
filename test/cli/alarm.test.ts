// Proves the commands on alarms from outside: what is raised is shown in both formats and cleared,
// on our server and on an etcd; a quota that is used up is raised again until there is room; and
// the help says what an alarm means and what to do before it is cleared.
import assert from 'node:assert/strict';
import { askMember, ClusterAdmin } from '../../src/client/index.js';
import { programMissing } from '../support/program-missing.js';
import { skipWhen } from '../support/skip.js';
import { type RealEtcd, startRealEtcd } from '../server/support/real-etcd.js';
import { run } from '../server/support/run.js';
import { startWholeServer, stopTestServers } from '../server/support/test-server.js';
import { until } from '../server/support/until.js';
import { Cli } from './support/cli.js';

const NOTHING = 'tidelock: no alarm is raised\n';
const NOTHING_WAS = 'tidelock: no alarm was raised\n';

describe('tidelock alarm', function () {
  this.timeout(60_000);
  afterEach(stopTestServers);

  /** @param url of a server without alarms, of one member called `id` in hexadecimal */
  async function clearsTwo(url: string, id: string, raise: () => Promise<void>): Promise<void> {
    const cli = new Cli({ TIDELOCK_ENDPOINTS: url });
    const none = await cli.run(['alarm', 'list']);
    assert.deepEqual(none, { code: 0, stdout: '', stderr: NOTHING });
    const idle = await cli.run(['alarm', 'disarm']);
    assert.deepEqual(idle, { code: 0, stdout: '', stderr: NOTHING_WAS });
    await raise();
    const [nospace, corrupt] = [`memberID:${id} alarm:NOSPACE`, `memberID:${id} alarm:CORRUPT`];
    const listed = await cli.run(['alarm', 'list']);
    assert.deepEqual([listed.code, listed.stderr], [0, '']);
    assert.deepEqual(listed.stdout.split('\n').toSorted(), ['', corrupt, nospace]);
    const refused = await cli.run(['put', 'k', 'v']);
    assert.match(refused.stderr, /corrupt cluster|space exceeded/);
    const disarmed = await cli.json('alarm', 'disarm');
    assert.equal(disarmed.code, 0);
    const [{ alarms }] = disarmed.lines as [
      { alarms: readonly { memberId: string; alarm: string }[] },
    ];
    assert.deepEqual(alarms.map(({ alarm }) => alarm).toSorted(), ['CORRUPT', 'NOSPACE']);
    assert.ok(alarms.every(({ memberId }) => memberId === id));
    const after = await cli.json('alarm', 'list');
    assert.deepEqual(after, { code: 0, lines: [{ revision: null, alarms: [] }] });
  }

  it('shows and clears what is raised', async () => {
    const { url, kernel } = await startWholeServer({});
    const memberId = kernel.header().memberId;
    await clearsTwo(url, memberId.toString(16), async () => {
      await kernel.setAlarm('activate', { memberId, alarm: 'nospace' });
      await kernel.setAlarm('activate', { memberId, alarm: 'corrupt' });
    });
  });

  it('does the same to an etcd, which etcdctl sees', async function () {
    skipWhen(this, programMissing('etcdctl') ?? programMissing('etcd'));
    const theirs: RealEtcd = await startRealEtcd();
    try {
      const url = `http://${theirs.address}`;
      await using admin = new ClusterAdmin(url);
      const [member] = (await admin.members()).members;
      const id = member?.id ?? 0n;
      await clearsTwo(url, id.toString(16), () => raiseOn(theirs.address, id));
      const shown = await run('etcdctl', ['--endpoints', theirs.address, 'alarm', 'list']);
      assert.deepEqual([shown.code, shown.stdout], [0, '']);
    } finally {
      await theirs.stop();
    }
  });

  it('lets a full store be written again once there is room, and not before', async () => {
    const { url, kernel } = await startWholeServer({ 'quota-backend-bytes': '300000' });
    const cli = new Cli({ TIDELOCK_ENDPOINTS: url });
    const value = 'v'.repeat(100_000);
    let refused = await cli.run(['put', 'large-0', '-'], value);
    // What is full is seen when rows have been flushed: some puts later where they are quick.
    for (let at = 1; refused.code === 0 && at < 500; at++) {
      refused = await cli.run(['put', `large-${at}`, '-'], value);
    }
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /space exceeded; make room, then `tidelock alarm disarm`/);
    const early = await cli.run(['alarm', 'disarm']);
    assert.match(early.stdout, /^memberID:[0-9a-f]+ alarm:NOSPACE\n$/);
    assert.equal((await cli.run(['put', 'large-0', '-'], value)).code, 1);
    assert.match((await cli.run(['alarm', 'list'])).stdout, /NOSPACE/, 'it is raised again');
    assert.equal((await cli.run(['del', '--prefix', 'large-'])).code, 0);
    const { revision } = kernel.header();
    await kernel.store.compact({ revision, physical: true });
    // The rows are gone; the pages that they were on are free a moment later.
    await until('room', async () => (await askMember(url)).sizeInUseBytes < 200_000);
    assert.equal((await cli.run(['alarm', 'disarm'])).code, 0);
    const put = await cli.run(['put', 'large-0', '-'], value);
    assert.equal(put.code, 0, put.stderr);
    assert.equal((await cli.run(['alarm', 'list'])).stderr, NOTHING);
  });

  it('teaches what an alarm means before it is cleared', async () => {
    const cli = new Cli({});
    for (const words of [['alarm'], ['alarm', 'list'], ['alarm', 'disarm']]) {
      const { stdout, code } = await cli.run([...words, '--help']);
      assert.equal(code, 0);
      for (const part of [/NOSPACE\s+A member has/, /CORRUPT\s+A member's/, /First make room/]) {
        assert.match(stdout, part);
      }
    }
  });

  it('says when nobody answers, and when a word makes no sense', async () => {
    const cli = new Cli({ TIDELOCK_ENDPOINTS: 'http://127.0.0.1:1' });
    const silent = await cli.run(['alarm', 'disarm', '--connect-timeout', '1']);
    assert.equal(silent.code, 4);
    assert.match(silent.stderr, /ECONNREFUSED/);
    assert.equal((await cli.run(['alarm', 'disarn'])).code, 2);
    assert.equal((await cli.run(['alarm', 'disarm', '12'])).code, 2);
  });
});

/** etcd raises no alarm on demand through its own program. */
async function raiseOn(address: string, id: bigint): Promise<void> {
  for (const alarm of ['NOSPACE', 'CORRUPT']) {
    const answer = await fetch(`http://${address}/v3/maintenance/alarm`, {
      method: 'POST',
      body: JSON.stringify({ action: 'ACTIVATE', alarm, memberID: String(id) }),
    });
    assert.ok(answer.ok, await answer.text());
  }
}
