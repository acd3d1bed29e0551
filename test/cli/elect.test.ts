// Proves `tidelock elect` from outside: the leader alone runs its command, listeners see who leads
// and when nobody does, and an end of any kind resigns.
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { coordinate, type Coordination } from '../../src/recipes/index.js';
import { Cli } from './support/cli.js';
import { startTestServer, type TestServer } from './support/test-server.js';

describe('tidelock elect', () => {
  let server: TestServer;
  let coord: Coordination;
  let cli: Cli;

  before(async () => {
    server = await startTestServer();
    coord = coordinate(server.store);
    cli = new Cli({ TIDELOCK_ENDPOINTS: server.endpoint });
  });

  after(async () => {
    cli.stop();
    await coord.close();
    await server.stop();
  });

  const script = (text: string): string[] => ['--', process.execPath, '-e', text];

  it('runs a command as the leader, and shows listeners who leads', async () => {
    const listener = cli.start(['elect', 'boss', '--listen']);
    const json = cli.start(['elect', 'boss', '--listen', '-w', 'json']);
    await Promise.all([listener.until('nobody leads'), json.until('null')]);
    const text = 'console.log(process.env.TIDELOCK_LEADER_KEY, process.env.TIDELOCK_LEADER_TERM)';
    const words = ['elect', 'boss', 'host-7', ...script(`${text}; process.exit(4)`)];
    const { code, stdout, stderr } = await cli.run(words);
    assert.equal(code, 4, stderr);
    const term = /^boss\/leader (\d+)\n$/.exec(stdout)?.[1];
    assert.ok(term !== undefined, stdout);
    await Promise.all([
      listener.until(`in term ${term}\nnobody leads`),
      json.until('null,"revision":null}\n{'),
    ]);
    listener.kill('SIGINT');
    json.kill('SIGINT');
    const [shown, lines] = await Promise.all([listener.ended, json.ended]);
    assert.equal(shown.code, 130);
    assert.equal(shown.stdout, `nobody leads\nhost-7 leads in term ${term}\nnobody leads\n`);
    const led = JSON.parse(lines.stdout.split('\n')[1] ?? '') as Record<string, unknown>;
    assert.equal(led['revision'], Number(term));
    assert.equal((led['leader'] as Record<string, unknown>)['value'], 'host-7');
  });

  it('leads until interrupted, and then resigns', async () => {
    const run = cli.start(['elect', 'by-hand', '-w', 'json']);
    await run.until('"held"');
    const leader = await firstValueFrom(coord.election('by-hand').leader$);
    run.kill('SIGTERM');
    const { code, stdout } = await run.ended;
    assert.equal(code, 130);
    const held = JSON.parse(stdout.split('\n')[0] ?? '') as Record<string, unknown>;
    assert.equal(held['term'], leader?.term);
    assert.equal(held['id'], leader?.id);
    assert.match(stdout, /"state":"released"/);
    assert.equal(await firstValueFrom(coord.election('by-hand').leader$), null);
  });

  it('ends the command when the leadership is lost', async () => {
    const run = cli.start([
      'elect',
      'lost',
      ...script('console.log("up"); setInterval(() => {}, 1e3)'),
    ]);
    await run.until('up');
    await server.store.delete({ key: 'lost/leader' });
    const { code, stderr } = await run.ended;
    assert.equal(code, 5);
    assert.match(stderr, /^tidelock: leadership of "lost" lost: lost\/leader was deleted; .*\n$/);
  });

  it('gives up in time, and names the leader', async () => {
    await using leadership = await coord.election('taken').campaign({ value: 'somebody' });
    const { code, stderr } = await cli.run(['elect', 'taken', '--timeout', '0.4']);
    assert.equal(code, 3);
    const led = `led by somebody in term ${leadership.term}`;
    assert.ok(
      stderr.startsWith(`tidelock: election "taken" was not won in time, ${led}; `),
      stderr,
    );
    const confused = await cli.run(['elect', 'taken', '--listen', '--', 'true']);
    assert.equal(confused.code, 2);
    assert.match(confused.stderr, /--listen only looks/);
    const bounded = await cli.run(['elect', 'taken', '--listen', '--timeout', '1']);
    assert.equal(bounded.code, 2);
    assert.match(bounded.stderr, /'--listen' cannot be used with option '--timeout/);
  });
});
