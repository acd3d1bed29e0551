// Proves `tidelock lock` from outside: one command at a time, its exit code, its environment, what
// a busy lock answers, that a lock is given back on every kind of end, and that losing it ends the
// command.
import assert from 'node:assert/strict';
import { coordinate, type Coordination } from '../../src/recipes/index.js';
import { until } from '../server/support/until.js';
import { Cli } from './support/cli.js';
import { startTestServer, type TestServer } from './support/test-server.js';

interface HoldLine {
  readonly state: string;
  readonly key: string;
  readonly fence: number;
  readonly revision: number;
}

describe('tidelock lock', () => {
  let server: TestServer;
  let coord: Coordination;
  let cli: Cli;

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

  const script = (text: string): string[] => ['--', process.execPath, '-e', text];
  const waiterOf = (name: string): Promise<void> =>
    until('one in line', async () => (await coord.lock(name).waiters()).length > 0);
  const isFree = async (name: string): Promise<boolean> =>
    (await coord.lock(name).entries()).length === 0;

  it('runs a command under the lock, tells it the fence, and ends with its code', async () => {
    const text = 'console.log(process.env.TIDELOCK_LOCK_KEY, process.env.TIDELOCK_LOCK_FENCE)';
    const { code, stdout, stderr } = await cli.run([
      'lock',
      'env',
      ...script(`${text}; process.exit(7)`),
    ]);
    assert.equal(code, 7, stderr);
    assert.match(stdout, /^env\/q\/\S+ [0-9]+\n$/);
    assert.equal(stderr, '');
    assert.ok(await isFree('env'));
  });

  it('gives the exit codes of a shell for what cannot be run or dies of a signal', async () => {
    const [missing, forbidden, killed] = await Promise.all([
      cli.run(['lock', 'code/one', '--', 'no-such-program']),
      cli.run(['lock', 'code/two', '--', '/']),
      cli.run(['lock', 'code/three', ...script("process.kill(process.pid, 'SIGKILL')")]),
    ]);
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /^tidelock: there is no command "no-such-program"; .*\n$/);
    assert.equal(forbidden.code, 126);
    assert.equal(killed.code, 137);
    for (const name of ['code/one', 'code/two', 'code/three']) assert.ok(await isFree(name), name);
  });

  it('says who has it when it may not wait, or not that long', async () => {
    const held = await coord.lock('busy').acquire();
    const [tried, timed, json] = await Promise.all([
      cli.run(['lock', 'busy', '--try', ...script('console.log("ran")')]),
      cli.run(['lock', 'busy', '--timeout', '0.2', ...script('console.log("ran")')]),
      cli.json('lock', 'busy', '--try'),
    ]);
    for (const { code, stdout, stderr } of [tried, timed]) {
      assert.equal(code, 3);
      assert.equal(stdout, '');
      assert.match(
        stderr,
        /^tidelock: lock "busy" is held by the test since \d{4}-[^\n]*; [^\n]*\n$/,
      );
    }
    assert.match(tried.stderr, /leave out --try to wait/);
    assert.match(timed.stderr, /a longer --timeout/);
    assert.equal(json.code, 3);
    const [line] = json.lines as [{ state: string; holder: { identity: string; fence: number } }];
    assert.equal(line.state, 'busy');
    assert.equal(line.holder.identity, 'the test');
    assert.equal(line.holder.fence, held.fence);
    await held.release();
  });

  it('is held until Ctrl-C, and then goes to the one who waits', async () => {
    const holder = cli.start(['lock', 'turns', '-w', 'json']);
    await holder.until('"held"');
    const waiter = cli.start(['lock', 'turns', ...script('console.log("my turn")')]);
    await waiterOf('turns');
    holder.kill('SIGINT');
    const [first, second] = await Promise.all([holder.ended, waiter.ended]);
    assert.equal(first.code, 130);
    const lines = first.stdout.trim().split('\n');
    const [held, released] = lines.map((line) => JSON.parse(line) as HoldLine);
    assert.equal(held?.state, 'held');
    assert.equal(released?.state, 'released');
    assert.ok(held.fence > 0 && held.fence === held.revision && held.key.startsWith('turns/q/'));
    assert.deepEqual(second, { code: 0, stdout: 'my turn\n', stderr: '' });
  });

  it('hands an interruption on to the command, waits for it, and gives the lock back', async () => {
    const text = `
      const end = () => process.exit(0);
      process.on('SIGTERM', () => { console.log('tidying'); setTimeout(end, 100) });
      setInterval(() => {}, 1000);
      console.log('working');`;
    const run = cli.start(['lock', 'tidy', ...script(text)]);
    await run.until('working');
    run.kill('SIGTERM');
    const { code, stdout } = await run.ended;
    assert.equal(code, 130);
    assert.equal(stdout, 'working\ntidying\n');
    assert.ok(await isFree('tidy'));
  });

  it('leaves the line when it is interrupted while it waits', async () => {
    const held = await coord.lock('line').acquire();
    const waiter = cli.start(['lock', 'line', ...script('console.log("ran")')]);
    await waiterOf('line');
    waiter.kill('SIGINT');
    assert.deepEqual(await waiter.ended, { code: 130, stdout: '', stderr: '' });
    assert.equal((await coord.lock('line').waiters()).length, 0);
    await held.release();
  });

  it('names the administrator who broke the lock', async () => {
    const child = cli.start(['lock', 'broken', ...script('setInterval(() => {}, 1000)')]);
    const isHeld = async (): Promise<boolean> =>
      (await coord.lock('broken').holder()) !== undefined;
    await until('a holder', isHeld);
    await coord.lock('broken').break({ by: 'ops', reason: 'the host is on fire' });
    const { code, stderr } = await child.ended;
    assert.equal(code, 5);
    assert.match(stderr, /lock "broken" lost: .*ops.*the host is on fire/);
  });

  it('takes it away from whoever has it, and says who did it and why', async () => {
    const child = cli.start(['lock', 'taken', ...script('setInterval(() => {}, 1000)')]);
    const isHeld = async (): Promise<boolean> => (await coord.lock('taken').holder()) !== undefined;
    await until('a holder', isHeld);
    const words = ['lock', 'taken', '--break', '--by', 'ann', '--reason', 'the host is gone'];
    const taken = await cli.run(words);
    assert.equal(taken.code, 0, taken.stderr);
    assert.match(taken.stdout, /^lock "taken" was taken from \S+, which had it since \S+Z\n$/);
    const { code, stderr } = await child.ended;
    assert.equal(code, 5);
    assert.match(stderr, /lock "taken" lost: .*ann.*the host is gone/);
    const again = await cli.run(words);
    assert.deepEqual([again.code, again.stderr], [3, 'tidelock: nobody holds lock "taken"\n']);
    const held = await coord.lock('taken').acquire({ delaySeconds: 600 });
    await coord.lock('taken').break({ by: 'ops', reason: 'test' });
    const freed = await cli.run([...words, '--ends-delay']);
    assert.deepEqual([freed.code, freed.stderr], [0, '']);
    assert.ok((await coord.lock('taken').tryAcquire()).ok, 'the delay runs on');
    await held[Symbol.asyncDispose]();
    for (const [wrong, why] of [
      [['lock', 'taken', '--break'], /--break wants --reason/],
      [['lock', 'taken', '--reason', 'x'], /go with --break/],
      [[...words, '--', 'true'], /runs no command/],
      [[...words, '--try'], /cannot be used with/],
    ] as const) {
      const refused = await cli.run(wrong);
      assert.equal(refused.code, 2, wrong.join(' '));
      assert.match(refused.stderr, why);
    }
  });

  it('ends the command when the lock is lost, and kills it when it does not end', async () => {
    const stubborn = `process.on('SIGTERM', () => console.log('no')); setInterval(() => {}, 1000);`;
    const meek = cli.start([
      'lock',
      'lost/one',
      ...script('console.log("up"); setInterval(() => {}, 1e3)'),
    ]);
    const stubbornRun = cli.start([
      ...['lock', 'lost/two', '--grace', '0.2'],
      ...script(`${stubborn} console.log("up")`),
    ]);
    const bare = cli.start(['lock', 'lost/three', '-w', 'json']);
    await Promise.all([meek.until('up'), stubbornRun.until('up'), bare.until('held')]);
    for (const name of ['lost/one', 'lost/two', 'lost/three']) {
      const holder = await coord.lock(name).holder();
      await server.store.leases.revoke(holder?.lease ?? 0n);
    }
    const [first, second, third] = await Promise.all([meek.ended, stubbornRun.ended, bare.ended]);
    assert.equal(first.code, 5);
    assert.match(
      first.stderr,
      /^tidelock: lock "lost\/one" lost: [^\n]+; the command was told to end\n$/,
    );
    assert.equal(second.code, 5);
    assert.equal(second.stdout, 'up\nno\n');
    assert.equal(third.code, 5);
    assert.match(third.stdout, /"state":"lost"/);
  });

  it('answers a mistake with one line and exit code 2', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['lock', 'a/'], /lock name "a\/" ends with "\/"/],
      [['lock', 'a', 'echo'], /"echo" is one argument too many; a command comes after "--"/],
      [['lock', 'a', '--ttl', '0'], /--ttl 0 is no time at all/],
      [['lock', 'a', '--try', '--timeout', '1'], /'--try' cannot be used with option '--timeout/],
    ];
    const outcomes = await Promise.all(cases.map(([words]) => cli.run(words)));
    for (const [index, [words, pattern]] of cases.entries()) {
      assert.equal(outcomes[index]?.code, 2, words.join(' '));
      assert.match(outcomes[index].stderr, pattern);
      assert.match(outcomes[index].stderr, /^tidelock: [^\n]+\n$/);
    }
  });
});
