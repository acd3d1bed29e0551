// Proves `tidelock reboot import`: the documents of locksmith and airlock, where each wrote them,
// become limits and slots; a dry run changes nothing, a second run nothing more, and a document
// that makes no sense is named before anything is done.
import assert from 'node:assert/strict';
import { coordinate, type Coordination } from '../../src/recipes/index.js';
import { prefix } from '../../src/store/index.js';
import { Cli } from './support/cli.js';
import { startTestServer, type TestServer } from './support/test-server.js';

const AIRLOCK = 'com.coreos.airlock/groups';
const LOCKSMITH = 'coreos.com/updateengine/rebootlock';

describe('tidelock reboot import', () => {
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

  afterEach(async () => {
    for (const under of ['com', 'coreos', '/coreos', 'reboot/']) {
      await server.store.delete(prefix(under));
    }
  });

  const put = (key: string, document: unknown): Promise<unknown> =>
    server.store.put({ key, value: JSON.stringify(document) });

  async function group(name: string): Promise<{ max: number; holders: readonly string[] }> {
    const { max, holders } = await coord.reboots(name).status();
    return { max, holders: holders.map(({ node }) => node) };
  }

  it('takes over what airlock left', async () => {
    await put(`${AIRLOCK}/workers/v1/semaphore`, { total_slots: 3, holders: ['b', 'a'] });
    await put(`${AIRLOCK}/control%2Eplane/v1/semaphore`, { total_slots: 1, holders: null });
    const dry = await cli.json('reboot', 'import', 'airlock', '--dry-run');
    assert.equal(dry.code, 0);
    assert.equal(dry.lines.length, 2);
    assert.equal((await server.store.range(prefix('reboot/'))).count, 0);
    const { code, stdout } = await cli.run(['reboot', 'import', 'airlock']);
    assert.equal(code, 0);
    assert.match(stdout, /imported group workers: 3 at a time, slots of b, a/);
    assert.deepEqual(await group('workers'), { max: 3, holders: ['b', 'a'] });
    assert.deepEqual(await group('control.plane'), { max: 1, holders: [] });
    const before = await coord.reboots('workers').status();
    assert.equal((await cli.run(['reboot', 'import', 'airlock'])).code, 0);
    const after = await coord.reboots('workers').status();
    assert.deepEqual(after.holders, before.holders);
  });

  it('takes over what locksmith left, with a slash in front and without', async () => {
    const value = { semaphore: 0, max: 1, holders: ['machine-1'] };
    await put(`/${LOCKSMITH}/semaphore`, value);
    await put(`${LOCKSMITH}/groups/web/semaphore`, { semaphore: 2, max: 2, holders: [] });
    const { code } = await cli.run(['reboot', 'import', 'locksmith']);
    assert.equal(code, 0);
    assert.deepEqual(await group('default'), { max: 1, holders: ['machine-1'] });
    assert.deepEqual(await group('web'), { max: 2, holders: [] });
  });

  it('reads from another store', async () => {
    const other = await startTestServer();
    try {
      const value = JSON.stringify({ total_slots: 2, holders: ['z'] });
      await other.store.put({ key: `${AIRLOCK}/far/v1/semaphore`, value });
      const words = ['reboot', 'import', 'airlock', '--from-endpoints', other.endpoint];
      assert.equal((await cli.run(words)).code, 0);
      assert.deepEqual(await group('far'), { max: 2, holders: ['z'] });
      assert.equal((await other.store.range(prefix('reboot/'))).count, 0);
    } finally {
      await other.stop();
    }
  });

  it('names what makes no sense, and then does nothing', async () => {
    await put(`${AIRLOCK}/good/v1/semaphore`, { total_slots: 2, holders: [] });
    for (const [key, document, why] of [
      ['bad', { total_slots: 'two' }, /bad\/v1\/semaphore: .*"two"/],
      ['bad', { total_slots: 2, holders: [7] }, /bad\/v1\/semaphore: holders/],
      ['a_b', { total_slots: 2, holders: [] }, /a_b\/v1\/semaphore: .*"a_b"/],
    ] as const) {
      await put(`${AIRLOCK}/${key}/v1/semaphore`, document);
      const { code, stderr } = await cli.run(['reboot', 'import', 'airlock']);
      assert.equal(code, 2, stderr);
      assert.match(stderr, why);
      assert.equal((await server.store.range(prefix('reboot/'))).count, 0);
      await server.store.delete({ key: `${AIRLOCK}/${key}/v1/semaphore` });
    }
  });

  it('says so when there is nothing', async () => {
    const { code, stderr } = await cli.run(['reboot', 'import', 'locksmith']);
    assert.equal(code, 3);
    assert.match(stderr, /no semaphore of locksmith under coreos\.com/);
  });
});
