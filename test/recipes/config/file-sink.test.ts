// Proves that a file is replaced only by content that was rendered and checked, that each failure
// is tried again and shows, that an announcement is never forgotten, and that nothing is written
// which the store has not given.
// The bugs that are looked for: consul-template ships an empty file while it has no data yet, confd
// forgets a failed check, and whoever reloads after renaming forgets it when it dies in between.
import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Command, CommandOptions, CommandOutcome } from '../../../src/ports/command-runner.js';
import type { SavedBytes } from '../../../src/ports/saved-bytes.js';
import {
  type FileSinkOptions,
  type SinkHost,
  type SinkStatus,
  sinkToFile,
} from '../../../src/recipes/config/file-sink.js';
import { toBytes, toText } from '../../../src/store/index.js';
import { type Client, World } from '../../support/world.js';

const Settings = z.object({ n: z.number() });
type Values = z.infer<typeof Settings>;

/** A machine in memory: files, and commands whose outcome the test decides. */
class Machine implements SinkHost {
  readonly content = new Map<string, string>();
  readonly log: string[] = [];
  outcome: (command: Command, options: CommandOptions) => Promise<CommandOutcome> | CommandOutcome =
    () => ({ exitCode: 0, output: '' });
  failsToStage = false;

  readonly files: SinkHost['files'] = {
    read: async (path) => {
      const text = this.content.get(path);
      return text === undefined ? undefined : toBytes(text);
    },
    stage: async (path, bytes) => {
      if (this.failsToStage) throw new Error('no space');
      const staged = `${path}.new`;
      this.content.set(staged, toText(bytes));
      return {
        path: staged,
        commit: async () => {
          this.content.set(path, this.content.get(staged) ?? '');
          this.content.delete(staged);
          this.log.push(`commit ${this.content.get(path)}`);
        },
        discard: async () => {
          this.content.delete(staged);
        },
      };
    },
  };

  readonly commands: SinkHost['commands'] = {
    run: async (command, options) => {
      const words = 'shell' in command ? command.shell : command.join(' ');
      this.log.push(words);
      return this.outcome(command, options);
    },
  };
}

describe('sinkToFile', () => {
  let world: World;
  let a: Client;
  let machine: Machine;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    machine = new Machine();
  });

  const set = (n: number): void => {
    world.server.run(() => world.server.kv.put({ key: 'app/n', value: `${n}` }));
  };
  const open = (options: Partial<FileSinkOptions<Values>> = {}, fallback?: Values) => {
    const config = a.coord.config('app/', Settings, {
      ...(fallback === undefined ? {} : { default: fallback }),
    });
    const sink = sinkToFile(config, {
      host: machine,
      path: 'out',
      render: ({ n }) => `n=${n}`,
      check: ['check', '{file}'],
      reload: ['reload'],
      ...options,
    });
    const statuses: SinkStatus[] = [];
    sink.status$.subscribe((status) => statuses.push(status));
    return { config, sink, statuses };
  };

  it('renders, checks beside the file, puts in place, announces', async () => {
    set(1);
    const { sink, statuses } = open();
    await world.advance(10);
    assert.deepEqual(machine.log, ['check out.new', 'commit n=1', 'reload']);
    assert.deepEqual([...machine.content], [['out', 'n=1']]);
    assert.deepEqual(
      statuses.map(({ kind }) => kind),
      ['waiting', 'working', 'written'],
    );
    assert.equal(sink.revision, 2);
    set(2);
    await world.advance(10);
    assert.equal(machine.content.get('out'), 'n=2');
    assert.deepEqual(machine.log.slice(3), ['check out.new', 'commit n=2', 'reload']);
  });

  it('a failed check keeps the old file, leaves nothing beside it, and is tried again', async () => {
    set(1);
    const { sink } = open();
    await world.advance(10);
    machine.outcome = () => ({ exitCode: 1, output: 'line 3: bad\n' });
    set(2);
    await world.advance(10);
    assert.deepEqual([...machine.content], [['out', 'n=1']]);
    assert.ok(sink.status.kind === 'failed' && sink.status.step === 'check');
    assert.equal(sink.status.message, 'check ended with code 1: line 3: bad');
    assert.equal(sink.revision, 2);
    machine.outcome = () => ({ exitCode: 0, output: '' });
    await world.advance(1000);
    assert.equal(machine.content.get('out'), 'n=2');
    assert.deepEqual(sink.status, { kind: 'written', revision: 3 });
  });

  it('a failed reload is tried again, without writing or checking again', async () => {
    set(1);
    machine.outcome = (command) => ({
      exitCode: 'shell' in command || command[0] !== 'reload' ? 0 : 7,
      output: '',
    });
    const { sink } = open();
    await world.advance(10);
    assert.ok(sink.status.kind === 'failed' && sink.status.step === 'reload');
    assert.equal(machine.content.get('out'), 'n=1');
    machine.outcome = () => ({ exitCode: 0, output: '' });
    machine.log.length = 0;
    await world.advance(1000);
    assert.deepEqual(machine.log, ['reload']);
  });

  it('content that is there already is not written, and announced once by each process', async () => {
    machine.content.set('out', 'n=1');
    set(1);
    const { sink } = open();
    await world.advance(10);
    assert.deepEqual(machine.log, ['reload']);
    world.server.run(() => world.server.kv.put({ key: 'app/n', value: '1.0' }));
    await world.advance(10);
    assert.deepEqual(machine.log, ['reload']);
    assert.equal(sink.revision, 3);
  });

  it('failures of rendering and of the disk say which step it was', async () => {
    set(1);
    const { sink } = open({
      render: ({ n }) => {
        if (n === 1) throw new Error('no template');
        return `n=${n}`;
      },
    });
    await world.advance(10);
    const failure = (): readonly string[] =>
      sink.status.kind === 'failed' ? [sink.status.step, sink.status.message] : [];
    assert.deepEqual(failure(), ['render', 'no template']);
    machine.failsToStage = true;
    set(2);
    await world.advance(10);
    assert.deepEqual(failure(), ['replace', 'no space']);
    machine.failsToStage = false;
    await world.advance(2000);
    assert.equal(machine.content.get('out'), 'n=2');
  });

  it('a command that hangs is ended, and the sink goes on with the newest value', async () => {
    set(1);
    let hangs = true;
    machine.outcome = (_, { signal }) =>
      hangs
        ? new Promise((resolve) => {
            signal.addEventListener('abort', () => resolve({ exitCode: undefined, output: '' }));
          })
        : { exitCode: 0, output: '' };
    const { sink } = open({ commandTimeoutMs: 5000 });
    await world.advance(1000);
    set(2);
    hangs = false;
    await world.advance(3999);
    assert.equal(sink.status.kind, 'working');
    await world.advance(1000);
    assert.equal(machine.content.get('out'), 'n=2');
  });

  it('writes no default before the store was asked, and nothing from a cache', async () => {
    machine.content.set('out', 'n=5');
    a.store.partition('fail');
    const { config, sink } = open({}, { n: 0 });
    await world.advance(5000);
    assert.equal(config.value.n, 0);
    assert.deepEqual(sink.status, { kind: 'waiting' });
    assert.equal(machine.content.get('out'), 'n=5');
    a.store.heal();
    await world.advance(5000);
    // The store is known to have nothing, so the default is the configuration.
    assert.equal(machine.content.get('out'), 'n=0');
    await world.run(a.coord.close());

    set(7);
    a = world.client('b');
    let cached: Uint8Array | undefined;
    const saved: SavedBytes = {
      load: async () => cached,
      save: async (bytes) => {
        cached = bytes;
      },
    };
    await world.run(a.coord.config('app/', Settings, { cache: { saved } }).ready());
    const b = world.client('c');
    b.store.partition('fail');
    const offline = b.coord.config('app/', Settings, { cache: { saved } });
    sinkToFile(offline, { host: machine, path: 'out', render: ({ n }) => `n=${n}` });
    assert.equal((await world.run(offline.ready())).n, 7);
    await world.advance(5000);
    assert.equal(machine.content.get('out'), 'n=0');
  });

  it('closing ends what is under way', async () => {
    set(1);
    machine.outcome = (_, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ exitCode: undefined, output: '' }));
      });
    const { sink, config } = open();
    await world.advance(10);
    await world.run(sink.close());
    assert.equal(sink.status.kind, 'closed');
    assert.deepEqual([...machine.content], []);
    await config.close();
    assert.equal(world.clock.timerCount, 0);
  });
});
