// Proves the `serve` command from outside, as a process: what it shows, its exit codes, one line
// for each reason not to start, a clean end on a signal, and that what was acknowledged is there
// again.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePutRequest } from '../../src/wire/kv.js';
import { decodeRangeResponse, encodeRangeRequest } from '../../src/wire/range.js';
import { BytesClient } from './support/bytes-client.js';
import { freePorts } from './support/free-ports.js';
import { type Outcome, run } from './support/run.js';
import { until } from './support/until.js';

const MAIN = join(import.meta.dirname, '../../src/cli/main.js');

interface Serving {
  readonly child: ChildProcess;
  readonly address: string;
  readonly output: () => string;
  readonly ended: Promise<unknown[]>;
}

describe('tidelock serve', () => {
  let directory: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidelock-serve-'));
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  function tidelock(...args: readonly string[]): Promise<Outcome> {
    return run(process.execPath, [MAIN, ...args]);
  }

  async function serve(...flags: readonly string[]): Promise<Serving> {
    const dataDir = join(directory, 'data');
    const place = ['--data-dir', dataDir, '--listen-client-urls', 'http://127.0.0.1:0'];
    const child = spawn(process.execPath, [MAIN, 'serve', ...place, ...flags]);
    children.push(child);
    let output = '';
    const ended = once(child, 'exit');
    await new Promise<void>((resolve, reject) => {
      const read = (chunk: unknown): void => {
        output += String(chunk);
        if (output.includes('Ctrl-C stops')) resolve();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('exit', () => reject(new Error(`did not start: ${output}`)));
    });
    const address = /listens\s+http:\/\/(\S+)/.exec(output)?.[1] ?? '';
    return { child, address, output: () => output, ended };
  }

  it('shows one screen, says that it is ready, and ends well on SIGTERM', async () => {
    const { child, address, output, ended } = await serve('--name', 'node-1');
    const screen = output();
    assert.match(screen, /Tidelock \d+\.\d+\.\d+ speaks the API of etcd 3\.7\.1/);
    assert.match(screen, /member\s+node-1 \(id [0-9a-f]+\)/);
    assert.match(screen, /data\s+\/\S+\/data \(revision 1\)/);
    assert.match(screen, /ready to serve client requests/);
    assert.ok(screen.includes(`etcdctl --endpoints ${address} put greeting hello`));
    assert.ok(!screen.includes('\u001b['), 'no colour where no person looks');
    assert.match(screen, /^\{"level":"info".*"msg":"ready to serve client requests"\}$/m);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });

  it('says that it is ready only when there is a leader, and what it waits for', async () => {
    const peers = (await freePorts(2)).map((port) => `http://127.0.0.1:${port}`);
    const initial = peers.map((url, at) => `m${at}=${url}`).join();
    const outputs = peers.map((peer, at) => {
      let output = '';
      const start = (): void => {
        const child = spawn(process.execPath, [
          ...[MAIN, 'serve', '--name', `m${at}`, '--data-dir', join(directory, `m${at}`)],
          ...['--listen-client-urls', 'http://127.0.0.1:0', '--initial-cluster', initial],
          ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ]);
        children.push(child);
        for (const stream of [child.stdout, child.stderr]) {
          stream.on('data', (chunk) => {
            output += String(chunk);
          });
        }
      };
      return { start, said: (text: RegExp) => text.test(output) };
    });
    const [first, second] = outputs as [(typeof outputs)[0], (typeof outputs)[0]];
    first.start();
    const waits = /waits for a leader, and 2 of the 2 members must run/;
    await until('a word of what it waits for', () => first.said(waits));
    assert.ok(!first.said(/ready to serve client requests/));
    second.start();
    for (const { said } of outputs) {
      await until('two that serve', () => said(/^ready to serve client/m));
    }
  });

  it('keeps what was acknowledged over a clean end and over a kill', async () => {
    let client: BytesClient | undefined;
    for (const [round, signal] of (['SIGTERM', 'SIGKILL', 'SIGTERM'] as const).entries()) {
      const { child, address, ended } = await serve();
      client = new BytesClient(address);
      const range = encodeRangeRequest({ key: 'k', rangeEnd: 'l' });
      const { kvs, header } = decodeRangeResponse(
        await client.call('/etcdserverpb.KV/Range', range),
      );
      assert.equal(kvs.length, round);
      assert.equal(header.revision, round + 1);
      await client.call('/etcdserverpb.KV/Put', encodePutRequest({ key: `k${round}`, value: 'v' }));
      client.close();
      child.kill(signal);
      await ended;
    }
  });

  it('gives one line and exit code 1 for each reason not to start', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = (taken.address() as { port: number }).port;
    const foreign = join(directory, 'foreign');
    await run('mkdir', [foreign]);
    await writeFile(join(foreign, 'somebody.txt'), 'hers');
    const { address } = await serve();
    const local = 'http://127.0.0.1:0';
    const free = ['--listen-client-urls', local, '--listen-peer-urls', local];
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [
        ['--data-dir', `${directory}/n`, '--listen-client-urls', `http://127.0.0.1:${port}`],
        /cannot listen on http:\/\/127\.0\.0\.1:\d+: another program listens there/,
      ],
      [['--data-dir', `${directory}/data`, ...free], /data directory .* in use by process \d+/],
      [['--data-dir', foreign, ...free], /data directory .* somebody\.txt/],
      [['--election-timeout', '3'], /--election-timeout: "3" is less than 5 times/],
      [['--listen-client-urls', 'http://0.0.0.0:2379'], /--insecure-listen/],
      [['--unsafe-no-fsync'], /is refused: an acknowledged write is always on disk/],
      [
        ['--data-dir', `${directory}/m`, ...free, '--initial-cluster', 'a=http://a:1,b=http://b:1'],
        /--initial-cluster: .* does not name this member, --name=default/,
      ],
    ];
    for (const [flags, pattern] of cases) {
      const { code, stdout, stderr } = await tidelock('serve', ...flags);
      assert.equal(code, 1, flags.join(' '));
      assert.equal(stdout, '');
      assert.match(stderr, /^tidelock: [^\n]*\n$/, 'one line');
      assert.match(stderr, pattern);
    }
    assert.deepEqual((await readdir(directory)).toSorted(), ['data', 'foreign'], 'nothing is left');
    taken.close();
    assert.equal((await fetch(`http://${address}/health`)).status, 200, 'nobody was disturbed');
  });

  it('gives exit code 2 and a suggestion for what does not exist', async () => {
    const flag = await tidelock('serve', '--data-dri', 'x');
    assert.equal(flag.code, 2);
    assert.match(flag.stderr, /Did you mean --data-dir\?/);
    const command = await tidelock('serv');
    assert.equal(command.code, 2);
    assert.match(command.stderr, /Did you mean serve\?/);
  });

  it('explains itself', async () => {
    const help = await tidelock('serve', '--help');
    assert.equal(help.code, 0);
    for (const text of [
      '--listen-client-urls <urls>',
      'Timing:',
      'ETCD_LISTEN_CLIENT_URLS',
      '$ ',
    ]) {
      assert.ok(help.stdout.includes(text), text);
    }
    assert.match(help.stdout, /--force-new-cluster[^-]*others\s+that\s+still\s+run\s+are\s+told/);
    assert.ok(!help.stdout.includes('--cert-file'), 'what is refused is not offered');
    const { stdout } = await tidelock('serve', '--version');
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.replace(/:.*/, '')),
      ['etcd Version', 'Git SHA', 'Go Version', 'Go OS/Arch'],
    );
    assert.match((await tidelock('--version')).stdout, /^tidelock \d+\.\d+\.\d+\n$/);
  });
});
