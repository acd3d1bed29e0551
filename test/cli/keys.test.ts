// Proves the commands on keys from outside: what get, put, del, watch and status print in both
// formats, their exit codes, and that a mistake is answered by one line that names it and says what
// to do next.
import assert from 'node:assert/strict';
import { toBytes } from '../../src/store/index.js';
import { Cli } from './support/cli.js';
import { startTestServer, type TestServer } from './support/test-server.js';

describe('tidelock get, put, del, watch, status', () => {
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

  it('puts and gets, with all the ways to choose and to show', async () => {
    const first = await cli.run(['put', 'app/colour', 'blue']);
    assert.deepEqual(first, { code: 0, stdout: 'OK revision 2\n', stderr: '' });
    const put = await cli.json('put', 'app/colour', 'green', '--prev-kv');
    const was = { createRevision: 2, modRevision: 2, version: 1, lease: null };
    assert.deepEqual(put.lines, [
      { revision: 3, prevKv: { key: 'app/colour', value: 'blue', ...was } },
    ]);
    await server.store.put({ key: 'app/size', value: '9' });
    const shown = async (...words: string[]): Promise<string> =>
      (await cli.run(['get', ...words])).stdout;
    const [value, sorted, old, range, count] = await Promise.all([
      shown('app/colour', '--print-value-only'),
      shown('app/', '--prefix', '--keys-only', '--sort-by', 'mod', '--order', 'descend'),
      shown('app/colour', '--rev', '2'),
      shown('app/', 'app/z', '--limit', '1'),
      shown('app/d', '--from-key', '--count-only'),
    ]);
    assert.equal(value, 'green\n');
    assert.equal(sorted, 'app/size\napp/colour\n');
    assert.equal(old, 'app/colour\nblue\n');
    assert.equal(range, 'app/colour\ngreen\n');
    assert.equal(count, '1\n');
    const { lines } = await cli.json('get', 'app/size');
    const kv = { key: 'app/size', value: '9', createRevision: 4, modRevision: 4, version: 1 };
    assert.deepEqual(lines, [
      { revision: 4, count: 1, more: false, kvs: [{ ...kv, lease: null }] },
    ]);
  });

  it('carries bytes that are no text, and leases, through JSON', async () => {
    const { id } = await server.store.leases.grant({ ttlSeconds: 60 });
    const bytes = Uint8Array.of(0xff, 0x00, 0x0a);
    const lease = id.toString(16);
    assert.equal((await cli.run(['put', 'bytes', '-', '--lease', lease], bytes)).code, 0);
    const { kvs } = await server.store.range({ key: 'bytes' });
    assert.deepEqual(new Uint8Array(kvs[0]?.value ?? []), bytes);
    assert.equal(kvs[0]?.lease, id);
    const [line] = (await cli.json('get', 'bytes')).lines as [{ kvs: Record<string, unknown>[] }];
    assert.equal(line.kvs[0]?.['value'], null);
    assert.equal(line.kvs[0]?.['valueBase64'], '/wAK');
    assert.equal(line.kvs[0]?.['lease'], lease);
    await cli.run(['put', 'piped'], 'from a pipe');
    assert.equal((await cli.run(['get', 'piped'])).stdout, 'piped\nfrom a pipe\n');
  });

  it('deletes keys and ranges, and deleting nothing is no failure', async () => {
    for (const key of ['del/a', 'del/b', 'del/c']) await server.store.put({ key, value: key });
    const one = await cli.run(['del', 'del/a', '--prev-kv']);
    assert.match(one.stdout, /^deleted 1 revision \d+\ndel\/a\ndel\/a\n$/);
    const { lines } = await cli.json('del', 'del/', '--prefix');
    const [{ deleted, revision }] = lines as [{ deleted: number; revision: number }];
    assert.equal(deleted, 2);
    const nothing = await cli.run(['del', 'del/a']);
    assert.deepEqual(nothing, { code: 0, stdout: `deleted 0 revision ${revision}\n`, stderr: '' });
  });

  it('watches from a revision on, one line of JSON a revision, until interrupted', async () => {
    const { store } = server;
    const { header } = await store.put({ key: 'watch/a', value: '1' });
    const words = ['watch', 'watch/', '--prefix', '--prev-kv', '--rev', String(header.revision)];
    const plain = cli.start(words);
    const json = cli.start([...words, '-w', 'json']);
    await Promise.all([plain.until('PUT watch/a 1'), json.until('watch/a')]);
    await store.txn({
      success: [
        { kind: 'put', key: 'watch/a', value: '2' },
        { kind: 'put', key: 'watch/b', value: toBytes('x') },
      ],
    });
    await store.delete({ key: 'watch/a' });
    await Promise.all([plain.until('DELETE'), json.until('delete')]);
    plain.kill('SIGINT');
    json.kill('SIGTERM');
    const [{ code, stdout }, other] = await Promise.all([plain.ended, json.ended]);
    assert.equal(code, 130);
    assert.equal(other.code, 130);
    const at = header.revision;
    assert.deepEqual(stdout.split('\n'), [
      `${at} PUT watch/a 1`,
      `${at + 1} PUT watch/a 2 (was 1)`,
      `${at + 1} PUT watch/b x`,
      `${at + 2} DELETE watch/a (was 2)`,
      '',
    ]);
    const lines = other.stdout.trim().split('\n');
    const batches = lines.map(
      (line) => JSON.parse(line) as { revision: number; events: unknown[] },
    );
    assert.deepEqual(
      batches.map(({ revision, events }) => [revision, events.length]),
      [
        [at, 1],
        [at + 1, 2],
        [at + 2, 1],
      ],
    );
  });

  it('shows how a server does, and says which one does not answer', async () => {
    const dead = 'http://127.0.0.1:1';
    const both = `${server.endpoint},${dead}`;
    const [plain, json] = await Promise.all([
      cli.run(['status']),
      cli.json('status', '--endpoints', both, '--connect-timeout', '3'),
    ]);
    const facts =
      /version \d+\.\d+\.\d+, leader [0-9a-f]+, revision \d+, term \d+, .* MiB .*, no alarms\n$/;
    assert.match(plain.stdout, facts);
    assert.equal(plain.code, 0);
    assert.equal(json.code, 4);
    const lines = json.lines as { endpoint: string; role?: string; error?: string; alarms?: [] }[];
    const alive = lines.find(({ endpoint }) => endpoint === server.endpoint);
    assert.equal(alive?.role, 'leader');
    assert.deepEqual(alive?.alarms, []);
    assert.deepEqual(
      lines.map(({ endpoint }) => endpoint),
      [server.endpoint, dead],
    );
    assert.equal(lines[1]?.error, `${dead}  does not answer: connect ECONNREFUSED 127.0.0.1:1`);
  });

  it('answers a mistake with one line and its exit code', async () => {
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['get', 'nobody'], 3, /there is no key "nobody"/],
      [['gte', 'k'], 2, /unknown command 'gte' \(Did you mean get\?\)/],
      [['get', 'k', '--limmit', '3'], 2, /'--limmit' \(Did you mean --limit\?\)/],
      [['get', 'k', '--limit', 'x'], 2, /argument 'x' is invalid\. Give a whole number/],
      [['get', 'k', 'l', '--prefix'], 2, /END "l" and --prefix exclude each other/],
      [['put', 'k', 'v', '--lease', '77'], 1, /requested lease not found; /],
      [
        ['get', 'k', '--endpoints', 'http://127.0.0.1:1', '--connect-timeout', '1'],
        4,
        /no endpoint answers.*is a server running at http:\/\/127\.0\.0\.1:1\?/,
      ],
    ];
    const outcomes = await Promise.all(cases.map(([words]) => cli.run(words)));
    for (const [index, [words, code, pattern]] of cases.entries()) {
      const outcome = outcomes[index];
      assert.equal(outcome?.code, code, `${words.join(' ')}: ${outcome?.stderr}`);
      assert.equal(outcome.stdout, '');
      assert.match(outcome.stderr, pattern);
      assert.match(outcome.stderr, /^tidelock: [^\n]+\n$/, 'one line');
    }
  });

  it('finds the server in either variable, its own before that of etcdctl', async () => {
    const { endpoint } = server;
    const theirs = new Cli({ ETCDCTL_ENDPOINTS: endpoint });
    const both = new Cli({ TIDELOCK_ENDPOINTS: endpoint, ETCDCTL_ENDPOINTS: 'http://127.0.0.1:1' });
    const outcomes = await Promise.all([theirs, both].map((one) => one.run(['put', 'k', 'v'])));
    assert.deepEqual(
      outcomes.map(({ code }) => code),
      [0, 0],
    );
  });
});
