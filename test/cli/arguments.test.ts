// Proves how the command line reads its words: ranges, numbers, leases, what stands after "--", and
// that each refusal says what would have been right; and that every command's help teaches by
// example.
import assert from 'node:assert/strict';
import { Command } from 'commander';
import { CliError } from '../../src/cli/cli-error.js';
import { splitArguments } from '../../src/cli/command-words.js';
import { registerDel } from '../../src/cli/del.js';
import { registerElect } from '../../src/cli/elect.js';
import { registerGet } from '../../src/cli/get.js';
import { registerLock } from '../../src/cli/lock.js';
import { leaseId, seconds, wholeNumber } from '../../src/cli/numbers.js';
import { registerPut } from '../../src/cli/put.js';
import { rangeOf } from '../../src/cli/range-arguments.js';
import { registerReboot } from '../../src/cli/reboot.js';
import { registerStatus } from '../../src/cli/status.js';
import { usageLine } from '../../src/cli/usage-line.js';
import { registerWatch } from '../../src/cli/watch.js';
import { allKeys, fromKey, prefix } from '../../src/store/index.js';

describe('splitArguments', () => {
  it('gives the words after the separator as the command', () => {
    const split = (given: string[], ...line: string[]) => splitArguments(given, line);
    assert.deepEqual(split(['a', 'ls', '-l'], 'lock', 'a', '--', 'ls', '-l'), {
      before: ['a'],
      command: ['ls', '-l'],
    });
    assert.deepEqual(split(['a', 'b'], 'elect', 'a', 'b'), { before: ['a', 'b'], command: [] });
    assert.deepEqual(split(['a', 'x', '--', 'y'], 'lock', 'a', '--', 'x', '--', 'y').command, [
      'x',
      '--',
      'y',
    ]);
  });
});

describe('rangeOf', () => {
  it('makes a range of a key, an end or a flag', () => {
    assert.deepEqual(rangeOf('k', undefined, {}), { key: 'k' });
    assert.deepEqual(rangeOf('k', 'l', {}), { key: 'k', rangeEnd: 'l' });
    assert.deepEqual(rangeOf('k', undefined, { prefix: true }), prefix('k'));
    assert.deepEqual(rangeOf('', undefined, { prefix: true }), allKeys());
    assert.deepEqual(rangeOf('k', undefined, { fromKey: true }), fromKey('k'));
  });

  it('refuses two ways at once, and an empty key', () => {
    const usage = (error: unknown): boolean => error instanceof CliError && error.exitCode === 2;
    assert.throws(() => rangeOf('k', 'l', { fromKey: true }), usage);
    assert.throws(() => rangeOf('k', undefined, { prefix: true, fromKey: true }), usage);
    assert.throws(() => rangeOf('', undefined, {}), usage);
  });
});

describe('numbers of the command line', () => {
  it('are read as meant', () => {
    assert.equal(wholeNumber('42'), 42);
    assert.equal(seconds('0.5'), 0.5);
    assert.equal(leaseId('7fffffffffffffff'), 0x7fff_ffff_ffff_ffffn);
  });

  it('are refused with what would have been right', () => {
    for (const text of ['', '-1', '1.5', 'x', '1e3', '99999999999999999999']) {
      assert.throws(() => wholeNumber(text), /Give a whole number/, text);
    }
    for (const text of ['', ' ', '-1', '5s', 'NaN', 'Infinity', '2147484']) {
      assert.throws(() => seconds(text), /Give seconds from 0/, text);
    }
    for (const text of ['', 'xyz', '0x77', '-1', '12345678901234567']) {
      assert.throws(() => leaseId(text), /Give a lease in hexadecimal/, text);
    }
  });
});

describe('usageLine', () => {
  it('is one line, whatever the parser says', () => {
    const line = usageLine("error: unknown option '--limmit'\n(Did you mean --limit?)\n");
    const said = "unknown option '--limmit' (Did you mean --limit?)";
    assert.equal(line, `tidelock: ${said}; --help after the command shows how\n`);
  });
});

describe('help', () => {
  it('teaches each command with examples and the exit codes', () => {
    const program = new Command('tidelock');
    for (const register of [registerGet, registerPut, registerDel, registerWatch])
      register(program);
    for (const register of [registerLock, registerElect, registerReboot, registerStatus]) {
      register(program);
    }
    const reboot = program.commands.find((command) => command.name() === 'reboot');
    const below = reboot?.commands ?? [];
    const commands = [...program.commands.filter((command) => command !== reboot), ...below];
    assert.equal(commands.length, 25);
    for (const command of commands) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      const path = `tidelock ${command.parent === reboot ? 'reboot ' : ''}${command.name()}`;
      assert.ok(help.includes(`Usage: ${path} `), path);
      assert.ok(help.includes(`\n  $ ${path}`), path);
      assert.ok(help.includes('Exit codes: 0 done'), path);
      assert.ok(help.includes('--endpoints <urls>'), path);
    }
  });
});
