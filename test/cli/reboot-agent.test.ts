// Proves `tidelock reboot agent` from outside, over the life of one machine: it waits for a reason
// and for a slot, runs the command, keeps the slot over the reboot, and gives it back when the
// machine is up and well. And that a command that fails, or a reason that goes away, frees the
// slot.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { coordinate, type Coordination, type RebootGroup } from '../../src/recipes/index.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { until } from '../server/support/until.js';
import { type Background, Cli } from './support/cli.js';
import { startTestServer, type TestServer } from './support/test-server.js';

describe('tidelock reboot agent', () => {
  let server: TestServer;
  let coord: Coordination;
  let group: RebootGroup;
  let cli: Cli;
  let folder: string;

  before(async () => {
    server = await startTestServer();
    coord = coordinate(server.store, { identity: 'the test' });
    cli = new Cli({ TIDELOCK_ENDPOINTS: server.endpoint });
  });

  after(async () => {
    cli.stop();
    await coord.close();
    await server.stop();
  });

  let count = 0;
  beforeEach(() => {
    folder = mkdtempSync(join(scratchFolder(), 'tidelock-agent-'));
    group = coord.reboots(`agents-${count++}`);
    boots('first');
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const hasQueue = async (): Promise<boolean> => (await group.status()).queue.length > 0;
  const file = (name: string): string => join(folder, name);
  const boots = (id: string): void => writeFileSync(file('boot-id'), `${id}\n`);
  const wants = (): void => writeFileSync(file('wanted'), '');

  /** An agent of the machine m1. */
  function agent(command: string, ...more: readonly string[]): Background {
    const fixed = ['--interval', '0.05', '--sentinel', file('wanted')];
    const words = ['reboot', 'agent', '--group', group.group, '--node', 'm1', ...fixed];
    const boot = ['--boot-id-file', file('boot-id'), '-w', 'json'];
    return cli.start([...words, ...boot, '--command', command, ...more]);
  }

  async function slots(): Promise<readonly string[]> {
    const { holders } = await group.status();
    return holders.map(({ node, phase }) => `${node} ${phase}`);
  }

  it('reboots when it wants and may, and gives the slot back after the reboot', async () => {
    const other = await group.acquire({ node: 'm2' });
    const ran = file('ran');
    const first = agent(`echo "$TIDELOCK_REBOOT_NODE $TIDELOCK_REBOOT_GROUP" > ${ran}`);
    await first.until('"idle"');
    wants();
    await until('one in line', hasQueue);
    assert.equal(existsSync(ran), false, 'it reboots without a slot');
    await group.release({ node: other.node });
    await first.until('"rebooting"');
    const hasRun = (): boolean => existsSync(ran) && readFileSync(ran, 'utf8') !== '';
    await until('the command', hasRun);
    assert.equal(readFileSync(ran, 'utf8'), `m1 ${group.group}\n`);
    first.kill('SIGKILL');
    await first.ended;
    assert.deepEqual(await slots(), ['m1 rebooting']);

    // The machine is up again: the file is gone, the boot id is another.
    rmSync(file('wanted'));
    boots('second');
    const second = agent('false', '--healthy', `test -f ${file('well')}`);
    await second.until('"unwell"');
    assert.deepEqual(await slots(), ['m1 rebooting'], 'a machine that is not well keeps its slot');
    writeFileSync(file('well'), '');
    await second.until('"steady"');
    assert.deepEqual(await slots(), []);
    second.kill('SIGTERM');
    assert.equal((await second.ended).code, 130);
  });

  it('keeps the slot over a restart of the agent without a reboot', async () => {
    wants();
    const first = agent('true');
    await first.until('"rebooting"');
    first.kill('SIGKILL');
    await first.ended;
    const second = agent('true', '--once');
    const { code, stdout } = await second.ended;
    assert.equal(code, 0);
    assert.match(stdout, /"rebooting"/);
    assert.deepEqual(await slots(), ['m1 rebooting']);
  });

  it('gives the slot back when the command fails, and says why', async () => {
    wants();
    const chatty = 'echo shutting down; exit 7';
    const { code, stdout, stderr } = await agent(chatty, '--once', '--healthy', 'echo well').ended;
    assert.equal(code, 1);
    assert.match(stdout, /"state":"failed"/);
    assert.match(stderr, /^well\nshutting down$/m);
    for (const line of stdout.trim().split('\n')) JSON.parse(line);
    assert.deepEqual(await slots(), []);
    const log = await group.log();
    assert.ok(
      log.some(({ reason }) => reason.includes('ended with 7')),
      JSON.stringify(log),
    );
  });

  it('gives the slot back when the reason went away while it waited', async () => {
    await group.acquire({ node: 'm2' });
    wants();
    const waiting = agent('touch never', '--once');
    await until('one in line', hasQueue);
    rmSync(file('wanted'));
    await group.release({ node: 'm2' });
    const { stdout } = await waiting.ended;
    assert.match(stdout, /"state":"unneeded"/);
    assert.deepEqual(await slots(), []);
  });

  it('waits for a server that is not there yet', async () => {
    const nobody = new Cli({ TIDELOCK_ENDPOINTS: 'http://127.0.0.1:1' });
    const words = ['reboot', 'agent', '--command', 'true', '--connect-timeout', '0.2'];
    const early = nobody.start(words);
    await early.until('trying again');
    early.kill('SIGTERM');
    assert.equal((await early.ended).code, 130);
  });

  it('asks for its command', async () => {
    const { code, stderr } = await cli.run(['reboot', 'agent']);
    assert.equal(code, 2);
    assert.match(stderr, /--command/);
  });
});
