// Proves that a member whose backend has rotted refuses to start, says what to do and leaves its
// files as they were; and that the commands which docs/data-directory.md gives for it, run as they
// stand there, make three healthy members again, while no write fails and none is lost.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { askMember, connect } from '../../src/client/index.js';
import { prefix, type Store, toText } from '../../src/store/index.js';
import { freePorts } from '../server/support/free-ports.js';
import { until } from '../server/support/until.js';
import { type ClusterMember, ClusterProcesses } from '../support/cluster-processes.js';
import { tooLong } from '../support/in-ci.js';
import { programMissing } from '../support/program-missing.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { skipWhen } from '../support/skip.js';
import { hashKv } from './support/hash-kv.js';

const ROOT = new URL('../../../', import.meta.url);
const PROGRAM = fileURLToPath(new URL('build/src/cli/main.js', ROOT));
const GUIDE = readFileSync(new URL('docs/data-directory.md', ROOT), 'utf8');
const HEADING = '### When a member refuses its log or its backend';
const MARK = 'a value that is found again in the file of the backend';
const DONE = 'that was all of it';
const WITHIN_MS = 60_000;

/** Flips a bit of the marked value wherever it is. @returns how often */
function rot(file: string): number {
  const bytes = readFileSync(file);
  let count = 0;
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    bytes[at + 9] = (bytes[at + 9] ?? 0) ^ 1;
    count++;
  }
  writeFileSync(file, bytes);
  return count;
}

/** Writes one key after the other, and knows which were acknowledged. */
class Writer {
  readonly failures: unknown[] = [];
  count = 0;
  readonly #run: Promise<void>;
  #isOver = false;

  constructor(store: Store) {
    this.#run = this.#write(store);
  }

  async #write(store: Store): Promise<void> {
    while (!this.#isOver) {
      try {
        await store.put({ key: `w/${this.count}`, value: `${this.count}` });
        this.count++;
      } catch (error) {
        this.failures.push(error);
      }
      await sleep(5);
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#run;
  }
}

/** The commands of the guide as a shell runs them, until told to end its member. */
class Recipe {
  readonly #shell: ChildProcess;
  #said = '';

  constructor(script: string, folder: string) {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    const program = join(bin, 'tidelock');
    writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`);
    chmodSync(program, 0o755);
    const end = `echo ${DONE}\nread -r _ || true\nkill $!\nwait $!\n`;
    this.#shell = spawn('sh', ['-euc', `${script}\n${end}`], {
      // A group of its own: whatever it started ends with it.
      detached: true,
      env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    });
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text;
      });
    }
  }

  get said(): string {
    return this.#said;
  }

  async done(): Promise<void> {
    await until(
      'the end of the recipe',
      () => this.#said.includes(DONE) || this.#shell.exitCode !== null,
      WITHIN_MS,
    );
    assert.ok(this.#said.includes(DONE), this.#said);
  }

  /** @returns the exit code of the member */
  async end(): Promise<number | null> {
    const ended = once(this.#shell, 'exit');
    this.#shell.stdin?.end();
    await ended;
    return this.#shell.exitCode;
  }

  kill(): void {
    const { pid, exitCode } = this.#shell;
    if (pid !== undefined && exitCode === null) process.kill(-pid, 'SIGKILL');
  }
}

/** The block of commands in the guide, with the places of a test in the place of its own. */
function recipeFor(places: ReadonlyMap<string, string>): string {
  const [, section = ''] = GUIDE.split(HEADING);
  let [, script = ''] = /```sh\n([\s\S]*?)```/.exec(section) ?? [];
  for (const [theirs, ours] of places) {
    assert.ok(script.includes(theirs), `the guide speaks of ${theirs}`);
    script = script.replaceAll(theirs, ours);
  }
  assert.doesNotMatch(script, /10\.0\.0\.|\/var\/lib/);
  return script;
}

describe('a member whose backend has rotted', function () {
  this.timeout(240_000);
  let cluster: ClusterProcesses;
  let folder: string;
  let store: Store;
  let writer: Writer;
  let recipe: Recipe | undefined;

  before(async function () {
    skipWhen(this, tooLong() ?? programMissing('jq'));
    folder = await mkdtemp(join(scratchFolder(), 'tidelock-replaced-'));
    cluster = await ClusterProcesses.start({ program: 'tidelock' });
    store = await connect(cluster.endpoints, { writes: 'at-least-once' });
    await store.put({ key: 'marked', value: MARK });
    writer = new Writer(store);
  });
  after(async () => {
    await writer?.stop();
    recipe?.kill();
    await store?.close();
    await cluster?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** It is killed once the value has reached its file. */
  async function damage(member: ClusterMember): Promise<Buffer> {
    const file = join(member.dataDir, 'db', 'data.mdb');
    await until('the value in the file', () => readFileSync(file).includes(MARK));
    await member.kill();
    assert.ok(rot(file) > 0);
    return readFileSync(file);
  }

  it('refuses to start, and is replaced by the commands of the guide', async () => {
    const index = ((await cluster.leader()) + 1) % 3;
    const member = cluster.member(index);
    const others = cluster.members.filter((one) => one !== member);
    const before = await damage(member);
    for (let attempt = 0; attempt < 2; attempt++) {
      const log = member.process.log.length;
      await assert.rejects(member.start());
      assert.match(
        member.process.log.slice(log),
        /is (?:corrupt|damaged): .*`tidelock member remove <id>`/,
      );
      assert.equal(await member.process.end('SIGKILL'), 1);
    }
    const file = join(member.dataDir, 'db', 'data.mdb');
    assert.ok(readFileSync(file).equals(before), 'nothing was changed');
    const [client = 0, peer = 0] = await freePorts(2);
    member.peerProxy.targetPort = peer;
    recipe = new Recipe(
      recipeFor(
        new Map([
          ['http://10.0.0.1:2379,http://10.0.0.2:2379', others.map((o) => o.endpoint).join()],
          ['/var/lib/tidelock', member.dataDir],
          [
            '--listen-peer-urls http://10.0.0.3:2380',
            `--listen-peer-urls http://127.0.0.1:${peer}`,
          ],
          ['http://10.0.0.3:2380', member.peerProxy.url],
          ['http://10.0.0.3:2379', `http://127.0.0.1:${client}`],
          ['n3', member.name],
        ]),
      ),
      folder,
    );
    await recipe.done();
    assert.match(recipe.said, /3 of 3 answer/);
    await writer.stop();
    assert.deepEqual(writer.failures, []);
    await holdsAll(`http://127.0.0.1:${client}`, others);
    assert.equal(await recipe.end(), 0);
  });

  /** The new member has a vote, every acknowledged write, and the same hash as the others. */
  async function holdsAll(url: string, others: readonly ClusterMember[]): Promise<void> {
    assert.equal((await askMember(url)).role, 'follower');
    const theirs = await connect(url);
    const { kvs, header } = await theirs.range({ ...prefix('w/') });
    const held = new Map(kvs.map(({ key, value }) => [toText(key), toText(value)]));
    assert.ok(writer.count > 20, `${writer.count} writes`);
    for (let n = 0; n < writer.count; n++) assert.equal(held.get(`w/${n}`), `${n}`);
    const [marked] = (await theirs.range({ key: 'marked' })).kvs;
    assert.equal(toText(marked?.value ?? new Uint8Array()), MARK);
    await theirs.close();
    const hash = await hashKv(url, header.revision);
    for (const { endpoint } of others) {
      assert.equal(await hashKv(endpoint, header.revision), hash);
    }
  }
});
