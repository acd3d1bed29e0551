// Proves that a cluster of three real members goes on while the disk of one fails: the member ends
// by itself with a reason, no write that was acknowledged is lost, and it comes back on a sound
// disk without anybody's help, be it by the log or by the state of another member.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/client/index.js';
import { prefix, type Store } from '../../src/store/index.js';
import { ClusterProcesses } from '../support/cluster-processes.js';
import { inCi } from '../support/in-ci.js';
import { skipWhen } from '../support/skip.js';
import { until } from '../server/support/until.js';
import { type Fault, faultEnvironment, faultShimMissing, faultsIn } from './support/fault-shim.js';

/** A bound for a machine that does much else; it takes a second where nothing is in the way. */
const FAILS_WITHIN_MS = 60_000;
const ENDS_WITHIN_MS = 40_000;
const SNAPSHOT_COUNT = 20;
const FLAGS = ['--snapshot-count', `${SNAPSHOT_COUNT}`, '--snapshot-catchup-entries', '5'];
const WRITES_MISSED = 3 * SNAPSHOT_COUNT;
/** Between writes while a member catches up, so that it gets its share of the machine. */
const WRITE_PAUSE_MS = 20;
/** Five times as long as a member waits before it moves rows to its backend. */
const FLUSHED_WITHIN_MS = 500;
const FAULTS: readonly Fault[] = [
  { path: 'snapshot', call: 'write', nth: 1, kind: 'eio' },
  { path: 'snapshot', call: 'sync', nth: 1, kind: 'eio' },
  // By the folder: a segment may be opened under another name than it has later.
  { path: 'wal/', call: 'write', nth: 9, kind: 'eio' },
  { path: 'snapshot', call: 'rename', nth: 1, kind: 'eio' },
  { path: 'snapshot', call: 'sync', nth: 2, kind: 'eio' },
  { path: 'data.mdb', call: 'sync', nth: 3, kind: 'eio' },
];

describe('a cluster of which one member has a disk that fails', function () {
  this.timeout(300_000);
  let cluster: ClusterProcesses;
  let store: Store;
  let logs: string;
  let written = 0;

  before(async function () {
    skipWhen(this, faultShimMissing());
    logs = mkdtempSync(join(tmpdir(), 'tidelock-faults-'));
    cluster = await ClusterProcesses.start({ program: 'tidelock', flags: FLAGS });
    store = await connect(cluster.endpoints, { writes: 'at-least-once' });
  });
  afterEach(function () {
    if (this.currentTest?.state === 'failed') process.stderr.write(`${cluster.logs(6000)}\n`);
  });
  after(async () => {
    await store?.close();
    await cluster?.stop();
    if (logs !== undefined) rmSync(logs, { recursive: true });
  });

  async function write(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await store.put({ key: `d/${written++}`, value: 'x' });
  }

  for (const fault of inCi ? FAULTS : FAULTS.slice(0, 1)) {
    it(`${fault.kind} at ${fault.call} ${fault.nth} of ${fault.path}`, async () => {
      const at = ((await cluster.leader()) + 1) % 3;
      const member = cluster.member(at);
      await member.kill();
      // So much that it can only catch up by the state of another member: a log is cut behind what
      // the backend holds, which follows within a moment, so the last of these come after that.
      await write(WRITES_MISSED);
      await sleep(FLUSHED_WITHIN_MS);
      await write(WRITES_MISSED);
      const log = join(logs, `${fault.path.replace('/', '')}-${fault.call}-${fault.nth}`);
      const before = member.process.log.length;
      const failed = (): boolean => faultsIn(log).length > 0;
      await member.start(faultEnvironment(fault, log)).catch((error: unknown) => {
        // One that fails before it answers does not come up; any other reason is a failure.
        if (!failed()) throw error;
      });
      // A member that lags gets much at once, and writes seldom; so there must be more to come.
      let isOver = false;
      const writes = (async () => {
        while (!isOver && !failed()) {
          await write(1);
          await sleep(WRITE_PAUSE_MS);
        }
      })();
      await until('the fault', failed, FAILS_WITHIN_MS).finally(() => {
        isOver = true;
      });
      await until('its end', () => !member.process.running, ENDS_WITHIN_MS);
      await writes;
      const said = member.process.log.slice(before);
      assert.match(said, /EIO|Input\/output error|Update of meta page failed/);
      const code = await member.process.end('SIGKILL');
      assert.ok(code === 1 || code === 70, `code ${code}: ${said}`);
      await member.start();
      await cluster.settled();
      const own = await connect(member.endpoint);
      const { count } = await own.range({ ...prefix('d/'), serializable: true, countOnly: true });
      await own.close();
      assert.equal(count, written);
    });
  }
});
