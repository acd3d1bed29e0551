// Proves that the agent of a machine needs nothing but what a real etcd has: over the life of one
// machine it waits for a slot, keeps it over the reboot, and gives it back when the machine is up;
// a command that fails gives it back at once, and a server that is away meanwhile is waited for.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RebootGroup } from '../../src/recipes/index.js';
import { type Background, Cli } from '../cli/support/cli.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { overEveryServer } from './support/recipe-places.js';

overEveryServer('reboot agent', (rivals) => {
  let cli: Cli;
  let group: RebootGroup;
  let folder: string;

  beforeEach(() => {
    const { a, server } = rivals();
    cli = new Cli({ TIDELOCK_ENDPOINTS: server?.endpoint });
    folder = mkdtempSync(join(scratchFolder(), 'tidelock-agent-'));
    group = a.reboots(`agents-${folder.split('-').at(-1)}`);
    boots('first');
  });

  afterEach(() => {
    cli.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const file = (name: string): string => join(folder, name);
  const boots = (id: string): void => writeFileSync(file('boot-id'), `${id}\n`);
  const wants = (): void => writeFileSync(file('wanted'), '');

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

  it('waits in line, keeps the slot over the reboot, and gives it back when it is up', async () => {
    await group.acquire({ node: 'm2' });
    wants();
    const first = agent('true');
    while ((await group.status()).queue.length === 0) await sleep(20);
    assert.deepEqual(await slots(), ['m2 granted']);
    await group.release({ node: 'm2' });
    await first.until('"rebooting"');
    first.kill('SIGKILL');
    await first.ended;
    assert.deepEqual(await slots(), ['m1 rebooting']);

    rmSync(file('wanted'));
    boots('second');
    const { code, stdout } = await agent('true', '--once').ended;
    assert.equal(code, 0);
    assert.match(stdout, /"slot":"released"/);
    assert.deepEqual(await slots(), []);
  });

  it('gives the slot back when the command fails', async () => {
    wants();
    const { code, stdout } = await agent('exit 7', '--once').ended;
    assert.equal(code, 1);
    assert.match(stdout, /"state":"failed"/);
    assert.deepEqual(await slots(), []);
  });

  it('goes on when the server comes back while it waits', async () => {
    await group.acquire({ node: 'm2' });
    wants();
    const waiting = agent('true', '--once');
    while ((await group.status()).queue.length === 0) await sleep(20);
    await rivals().server?.kill();
    await rivals().server?.start();
    await group.release({ node: 'm2' });
    const { code } = await waiting.ended;
    assert.equal(code, 0);
    assert.deepEqual(await slots(), ['m1 rebooting']);
  });
});
