// Proves that a command loads what it needs and no more: a server without the client, a client
// without the server, neither for the help of a command; and that whoever asks for help, the
// version or a command that there is not is told of all commands.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { COMMANDS } from '../../src/cli/commands.js';
import { TIDELOCK_VERSION } from '../../src/server/index.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { Cli } from './support/cli.js';

const NOBODY = ['--endpoints', 'http://127.0.0.1:1', '--connect-timeout', '0.1'];

/** The rooms of which a command loaded a file, as Node's own coverage tells. */
async function roomsOf(...words: readonly string[]): Promise<ReadonlySet<string>> {
  const folder = await mkdtemp(join(scratchFolder(), 'tidelock-loading-'));
  try {
    await new Cli({ NODE_V8_COVERAGE: folder }).start(words).ended;
    const rooms = new Set<string>();
    for (const file of await readdir(folder)) {
      const text = await readFile(join(folder, file), 'utf8');
      const { result } = JSON.parse(text) as { readonly result: readonly { url: string }[] };
      for (const { url } of result) {
        const [, room] = /\/build\/src\/([a-z]+)\//.exec(url) ?? [];
        if (room !== undefined) rooms.add(room);
      }
    }
    assert.ok(rooms.has('cli'));
    return rooms;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('the command line loads', () => {
  it('the server for serve, without the client', async () => {
    const rooms = await roomsOf('serve', '--version');
    assert.ok(rooms.has('server') && rooms.has('kernel'));
    assert.ok(!rooms.has('client'));
  });

  it('the client for a key, without recipes and server', async () => {
    const rooms = await roomsOf('get', 'k', ...NOBODY);
    assert.ok(rooms.has('client'));
    assert.ok(!rooms.has('recipes') && !rooms.has('server') && !rooms.has('kernel'));
  });

  it('recipes besides for reboot, without the server', async () => {
    const rooms = await roomsOf('reboot', 'status', ...NOBODY);
    assert.ok(rooms.has('client') && rooms.has('recipes'));
    assert.ok(!rooms.has('server') && !rooms.has('kernel'));
  });

  it('none of them for who asks how, or who mistypes', async () => {
    for (const words of [
      ['get', '--help'],
      ['put', '--no-such-flag'],
      ['status', '--help'],
    ]) {
      assert.deepEqual([...(await roomsOf(...words))].toSorted(), ['cli', 'host', 'store']);
    }
  });

  it('each command from where it says', async () => {
    for (const [name, load] of COMMANDS) {
      const program = new Command();
      (await load())(program);
      assert.deepEqual(
        program.commands.map((command) => command.name()),
        [name],
      );
    }
  });

  it('every command for whoever asks for help, or for one that there is not', async () => {
    const cli = new Cli({});
    const { stdout } = await cli.run(['--help']);
    for (const name of COMMANDS.keys()) assert.match(stdout, new RegExp(`^ {2}${name} `, 'm'));
    assert.match((await cli.run(['help', 'get'])).stdout, /^Usage: tidelock get /);
    assert.match((await cli.run(['gett'])).stderr, /unknown command 'gett' \(Did you mean get\?\)/);
    const version = await cli.run(['--version', 'get']);
    assert.equal(version.stdout, `tidelock ${TIDELOCK_VERSION}\n`);
  });
});
