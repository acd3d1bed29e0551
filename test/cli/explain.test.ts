// Proves what `tidelock explain` says of a key, with a server that has it, one that has not, and
// none; and that a key of no recipe is told so.
import assert from 'node:assert/strict';
import { coordinate } from '../../src/recipes/index.js';
import { Cli } from './support/cli.js';
import { startTestServer, type TestServer } from './support/test-server.js';

describe('tidelock explain', () => {
  let server: TestServer;
  let cli: Cli;

  before(async () => {
    server = await startTestServer();
    cli = new Cli({ TIDELOCK_ENDPOINTS: server.endpoint });
  });

  after(async () => {
    cli.stop();
    await server.stop();
  });

  it('says what a key means and what it holds now', async () => {
    await using coord = coordinate(server.store, { identity: 'worker-7' });
    const held = await coord.lock('jobs').acquire();
    const { code, stdout, stderr } = await cli.run(['explain', held.key]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^somebody holds lock jobs, or waits for it/);
    assert.match(stdout, /recipe lock, key layout version 1: <name>\/q\/<lease>-<nonce>/);
    assert.match(stdout, /now, at revision \d+: .*"worker-7".*, since \d{4}-/);
    const { lines } = await cli.json('explain', held.key);
    const [line] = lines as [{ parts: { name: string }; now: { value: { identity: string } } }];
    assert.equal(line.parts.name, 'jobs');
    assert.equal(line.now.value.identity, 'worker-7');
  });

  it('explains a key that is not there, and without a server', async () => {
    const missing = await cli.run(['explain', 'jobs/@broken']);
    assert.equal(missing.code, 0);
    assert.match(missing.stdout, /now, at revision \d+: there is no such key/);
    const words = ['explain', 'jobs/@broken', '--connect-timeout', '0.3'];
    const alone = await cli.run([...words, '--endpoints', 'http://127.0.0.1:1']);
    assert.equal(alone.code, 0);
    assert.match(alone.stdout, /^lock jobs was broken by an administrator/);
    assert.match(alone.stderr, /no server answers at http:\/\/127\.0\.0\.1:1/);
  });

  it('knows a key that belongs to no recipe', async () => {
    const { code, stdout, stderr } = await cli.run(['explain', 'app/colour']);
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(stderr, /"app\/colour" is no key of a recipe/);
  });
});
