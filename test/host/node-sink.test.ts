// Proves the file sink on real files and real programs: checked beside the file, replaced in one
// step, announced, no shell unless asked for, and programs that hang are ended.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { nodeCommands } from '../../src/host/node-commands.js';
import { nodeSink } from '../../src/host/node-sink.js';
import { type FileSinkOptions, sinkToFile } from '../../src/recipes/config/file-sink.js';
import { World } from '../support/world.js';

const Settings = z.object({ port: z.number() });
type Values = z.infer<typeof Settings>;
const never = new AbortController().signal;

describe('nodeSink', () => {
  let folder: string;
  let world: World;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidelock-sink-'));
    world = new World();
  });
  afterEach(async () => {
    await world.close();
    await rm(folder, { recursive: true });
  });

  const set = (port: number): void => {
    world.server.run(() => world.server.kv.put({ key: 'app/port', value: `${port}` }));
  };
  const open = (options: Partial<FileSinkOptions<Values>>) =>
    sinkToFile(world.client('a').coord.config('app/', Settings), {
      host: nodeSink,
      path: join(folder, 'service.conf'),
      render: ({ port }) => `listen ${port}\n`,
      ...options,
    });
  /** Programs take real time, and the pauses between tries that of the world. */
  const until = async (isSo: () => boolean): Promise<void> => {
    const endMs = performance.now() + 20_000;
    while (!isSo()) {
      assert.ok(performance.now() < endMs, 'not within twenty seconds');
      await new Promise((resolve) => setTimeout(resolve, 5));
      await world.advance(20);
    }
  };

  it('checks the new content beside the file, replaces it, and announces it', async () => {
    const journal = join(folder, 'journal');
    const note = (what: string) => ({
      shell: `echo ${what} $(cat "$TIDELOCK_FILE") >> ${journal}`,
    });
    set(80);
    const sink = open({ check: note('check'), reload: note('reload'), mode: 0o640 });
    await until(() => sink.status.kind === 'written');
    set(90);
    await until(() => sink.revision === 3);
    assert.equal(await readFile(sink.path, 'utf8'), 'listen 90\n');
    assert.equal((await stat(sink.path)).mode & 0o777, 0o640);
    const lines = (await readFile(journal, 'utf8')).trim().split('\n');
    assert.deepEqual(lines, [
      'check listen 80',
      'reload listen 80',
      'check listen 90',
      'reload listen 90',
    ]);
    assert.deepEqual(await readdir(folder), ['journal', 'service.conf']);
  });

  it('a check that fails keeps the old file, leaves no litter, and is tried again', async () => {
    const gate = join(folder, 'gate');
    set(80);
    await writeFile(join(folder, 'service.conf'), 'listen 1\n');
    // Words are given as they are: a space or a dollar sign in them means nothing.
    const sink = open({ check: ['sh', '-c', 'cat "$1" && test -e "$2"', 'x', '{file}', gate] });
    await until(() => sink.status.kind === 'failed');
    assert.ok(sink.status.kind === 'failed' && sink.status.step === 'check');
    assert.match(sink.status.message, /listen 80/);
    assert.equal(await readFile(sink.path, 'utf8'), 'listen 1\n');
    await until(() => sink.status.kind !== 'working');
    await writeFile(gate, '');
    await until(() => sink.status.kind === 'written');
    assert.equal(await readFile(sink.path, 'utf8'), 'listen 80\n');
    assert.deepEqual(await readdir(folder), ['gate', 'service.conf']);
  });

  it('a program that is not there fails the step, and nothing else', async () => {
    set(80);
    const sink = open({ reload: ['tidelock-no-such-program'] });
    await until(() => sink.status.kind === 'failed');
    assert.ok(sink.status.kind === 'failed' && sink.status.step === 'reload');
    assert.match(sink.status.message, /ENOENT/);
  });

  it('words reach a program as they are', async () => {
    const words = ['-e', 'console.log(process.argv[1], process.env.X)', '$HOME; echo "x" `id`'];
    const { exitCode, output } = await nodeCommands.run([process.execPath, ...words], {
      signal: never,
      environment: { X: 'y' },
    });
    assert.equal(exitCode, 0);
    assert.equal(output, '$HOME; echo "x" `id` y\n');
  });

  it('keeps the end of a long output, and ends a program that is told to stop', async () => {
    const options = { signal: never, environment: {} };
    const loud = await nodeCommands.run({ shell: 'seq 1 100000; exit 3' }, options);
    assert.equal(loud.exitCode, 3);
    assert.ok(loud.output.length <= 4000 && loud.output.endsWith('100000\n'));
    const stop = new AbortController();
    const hanging = nodeCommands.run(['sleep', '60'], { signal: stop.signal, environment: {} });
    stop.abort();
    assert.equal((await hanging).exitCode, undefined);
  });
});
