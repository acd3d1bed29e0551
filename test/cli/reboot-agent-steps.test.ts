// Proves what the agent of a machine does when its slot goes between two of its steps, in this
// process and over a model of the store: it must not run the command without one.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Interrupt } from '../../src/cli/interrupt.js';
import type { JsonRecord } from '../../src/cli/json-record.js';
import { Output } from '../../src/cli/output.js';
import { RebootAgent } from '../../src/cli/reboot-agent.js';
import { NodeClock } from '../../src/host/node-clock.js';
import { NodeRandom } from '../../src/host/node-random.js';
import { RecipeContext } from '../../src/recipes/base/context.js';
import { Ending } from '../../src/recipes/base/ending.js';
import { SessionPool } from '../../src/recipes/base/session-pool.js';
import type { RebootHolder } from '../../src/recipes/index.js';
import type { RebootingOptions } from '../../src/recipes/reboot/reboot-options.js';
import { RebootGroup } from '../../src/recipes/reboot/reboots.js';
import { ModelStore } from '../../src/simulation/model/model-store.js';
import { scratchFolder } from '../support/scratch-folder.js';

/** A group whose administrator frees the slot of a machine just before it goes, and gives it on. */
class BusyGroup extends RebootGroup {
  override async rebooting(options: RebootingOptions): Promise<RebootHolder | undefined> {
    await this.release({ node: options.node, by: 'ops', reason: 'not this one' });
    await this.acquire({ node: 'm2' });
    return await super.rebooting(options);
  }
}

/** A group that is told by somebody else that the machine is back, just before it goes. */
class WatchedGroup extends RebootGroup {
  override async rebooting(options: RebootingOptions): Promise<RebootHolder | undefined> {
    await this.setPolicy({ soakSeconds: 60 });
    await this.steady({ node: options.node });
    return await super.rebooting(options);
  }
}

/** Keeps what is written instead of showing it. */
class KeptOutput extends Output {
  readonly states: unknown[] = [];

  override write(record: JsonRecord): void {
    this.states.push(record['state']);
  }
}

describe('the steps of a reboot agent', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(scratchFolder(), 'tidelock-agent-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Lives one life in a group, and answers with what it told and who has a slot then. */
  async function live(Group: typeof BusyGroup): Promise<readonly unknown[]> {
    const store = new ModelStore({ clock: new NodeClock(), random: new NodeRandom() });
    const closed = new Ending();
    const context = new RecipeContext(store, new SessionPool(store, {}, closed), 'agent', closed);
    const group = new Group(context, 'web');
    const [sentinel, ran] = [join(folder, 'wanted'), join(folder, 'ran')];
    writeFileSync(sentinel, '');
    const terms = {
      node: 'm1',
      zone: undefined,
      reason: '',
      command: `touch ${ran}`,
      sentinel,
      healthy: undefined,
      intervalMs: 20,
      bootIdFile: join(folder, 'none'),
      once: true,
    };
    using interrupt = new Interrupt();
    const output = new KeptOutput('json');
    const run = { endpoints: '', output, interrupt, connectTimeoutMs: 1000 };
    const code = await new RebootAgent(group, terms, run).work();
    assert.equal(existsSync(ran), false, 'it reboots without a slot');
    assert.equal(code, 1);
    const { holders } = await group.status();
    await store.close();
    return [...output.states, ...holders.map(({ node, phase }) => `${node} ${phase}`)];
  }

  it('runs nothing when its slot was released before it went', async () => {
    assert.deepEqual(await live(BusyGroup), ['steady', 'granted', 'released', 'm2 granted']);
  });

  it('runs nothing when its slot is about to end by itself', async () => {
    assert.deepEqual(await live(WatchedGroup), ['steady', 'granted', 'released', 'm1 soaking']);
  });
});
