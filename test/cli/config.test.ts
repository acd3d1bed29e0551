// Proves `tidelock config` from outside: a prefix as one value, its changes, who reports what and
// how a rollout stands, which layer a setting comes from, and each way not to find anything.
import assert from 'node:assert/strict';
import { z } from 'zod';
import { coordinate, type Coordination } from '../../src/recipes/index.js';
import type { Store } from '../../src/store/index.js';
import { Cli } from './support/cli.js';
import { startTestServer, type TestServer } from './support/test-server.js';

describe('tidelock config', () => {
  let server: TestServer;
  let store: Store;
  let coord: Coordination;
  let cli: Cli;

  before(async () => {
    server = await startTestServer();
    ({ store } = server);
    coord = coordinate(store);
    cli = new Cli({ TIDELOCK_ENDPOINTS: server.endpoint });
    for (const [key, value] of Object.entries({
      'app/port': '8080',
      'app/db/url': 'pg://x',
      'shared/port': '80',
      'odd/a': '1',
      'odd/a/b': '2',
    })) {
      await store.put({ key, value });
    }
  });

  after(async () => {
    cli.stop();
    await coord.close();
    await server.stop();
  });

  it('prints a prefix as one value', async () => {
    const [plain, json] = await Promise.all([
      cli.run(['config', 'get', 'app']),
      cli.json('config', 'get', 'app/'),
    ]);
    const value = { db: { url: 'pg://x' }, port: 8080 };
    assert.deepEqual(JSON.parse(plain.stdout), value);
    const [line] = json.lines as [{ revision: number; prefix: string; value: unknown }];
    assert.deepEqual([line.prefix, line.value], ['app/', value]);
    assert.ok(line.revision > 1);
  });

  it('says when there is nothing, and when keys contradict each other', async () => {
    const [nothing, odd, wrong] = await Promise.all([
      cli.run(['config', 'get', 'none/']),
      cli.run(['config', 'get', 'odd/']),
      cli.run(['config', 'get', '/']),
    ]);
    assert.deepEqual([nothing.code, odd.code, wrong.code], [3, 1, 2]);
    assert.match(nothing.stderr, /no keys under none\//);
    assert.match(odd.stderr, /make no value: key "a.*both a value and a parent/);
  });

  it('goes on with each change, and with what makes no value', async () => {
    const watching = cli.start(['config', 'watch', 'live/']);
    await watching.until(' {}');
    await store.put({ key: 'live/n', value: '1' });
    await watching.until('{"n":1}');
    await store.put({ key: 'live/n/m', value: '1' });
    await watching.until('make no value');
    watching.kill('SIGINT');
    assert.equal((await watching.ended).code, 130);
  });

  it('shows who runs what and how the rollout stands, and lets it go on', async () => {
    const Settings = z.object({ port: z.number().max(9000), db: z.object({ url: z.string() }) });
    const config = coord.config('app/', Settings, { reportAs: 'host-1' });
    let isBad = true;
    const rollout = config.applyWith(coord.lock('app-rollout'), {
      instance: 'host-1',
      apply: () => {
        if (isBad) throw new Error('no such database');
      },
    });
    const listening = cli.start(['config', 'status', 'app/', '--listen']);
    await listening.until('failed since');
    const plain = await cli.run(['config', 'status', 'app/']);
    assert.match(plain.stdout, /^app\/ at revision \d+: 1 instance report/);
    assert.match(plain.stdout, /\n {2}host-1 {2}runs revision \d+ since [-0-9:T]+Z\n/);
    assert.match(plain.stdout, /rollout: 0 done, 0 at it, 1 failed\n/);
    assert.match(plain.stdout, /host-1 {2}failed since .*: no such database\n/);
    isBad = false;
    const retried = await cli.json('config', 'retry', 'app/');
    assert.deepEqual(retried.lines, [{ revision: null, prefix: 'app/', cleared: 1 }]);
    await listening.until('rollout: 1 done');
    await store.put({ key: 'app/port', value: '9999' });
    await listening.until('refuses');
    const { lines } = await cli.json('config', 'status', 'app/');
    const [line] = lines as [{ instances: { instance: string; refusal: { issues: string[] } }[] }];
    assert.match(line.instances[0]?.refusal.issues[0] ?? '', /<=9000/);
    listening.kill('SIGTERM');
    await listening.ended;
    await rollout.close();
    await config.close();
  });

  it('says which prefix a setting comes from', async () => {
    const [plain, json, missing] = await Promise.all([
      cli.run(['config', 'explain', 'port', 'shared/', 'app/']),
      cli.json('config', 'explain', 'port', 'app/', 'shared/'),
      cli.run(['config', 'explain', 'colour', 'app/']),
    ]);
    assert.match(plain.stdout, /^port is \d+ by app\/ since revision \d+; 80 by shared\/ since/);
    const [line] = json.lines as [{ layer: string; value: unknown; layers: unknown[] }];
    assert.deepEqual([line.layer, line.value, line.layers.length], ['shared/', 80, 2]);
    assert.equal(missing.code, 3);
  });
});
