// Proves that the keys that recipes really write are explained as theirs, that other people's keys
// are not, and that the list of layouts is one: complete and consistent.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { explainKey, explainValue } from '../../../src/recipes/explain/explain-key.js';
import { KEY_LAYOUTS } from '../../../src/recipes/explain/key-layouts.js';
import { toBytes } from '../../../src/store/index.js';
import { ROOT } from '../../house/repository.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { World } from '../../support/world.js';

describe('explainKey', () => {
  it('knows every key that recipes write', async () => {
    const world = new World();
    const { coord } = world.client('a');
    await world.run(coord.lock('team/jobs').acquire({ delaySeconds: 5 }));
    await world.run(coord.lock('gone').acquire());
    await world.run(coord.lock('gone').break({ by: 'ops', reason: 'test' }));
    await world.run(coord.readWriteLock('index').write());
    await world.run(coord.election('scheduler').campaign());
    await world.run(coord.semaphore('downloads', { initialLimit: 4 }).acquire());
    await world.run(coord.reboots('racks').acquire({ node: 'n1' }));
    await world.run(coord.reboots('rooms').acquire({ node: 'cellar/rack 3/n1' }));
    await world.run(coord.barrier('gate').close());
    void peek(coord.doubleBarrier('phase', { members: 2 }).enter());
    await world.run(coord.latch('ready', { initialCount: 2 }).countDown('n1'));
    await world.run(coord.members('web').join());
    await world.run(coord.counter('visits').add(1));
    await world.run(coord.sequence('orders').next());
    await world.run(coord.stm(async (tx) => tx.put('plain/key', 'v'), { name: 'moves' }));
    const queue = coord.queue('mails');
    await world.run(queue.send('soon'));
    await world.run(queue.send('late', { delayMs: 60_000 }));
    void peek(coord.queue('idle').receive());
    await world.run(queue.receive());
    await world.settle();
    const recipes = new Set<string>();
    for (const key of world.keys()) {
      if (key === 'plain/key') continue;
      const explained = explainKey(key);
      assert.ok(explained !== undefined, key);
      assert.doesNotMatch(explained.meaning, /<[a-z-]+>/, 'a part of the pattern was left open');
      recipes.add(explained.recipe);
    }
    const all = new Set(KEY_LAYOUTS.map(({ recipe }) => recipe));
    for (const recipe of all) {
      if (!recipe.startsWith('config')) assert.ok(recipes.has(recipe), recipe);
    }
    await world.close();
  });

  it('says what the parts are', () => {
    const id = '694d8a1b2c3d4e5f-0123456789abcdef';
    const explained = explainKey(`team/jobs/q/${id}`);
    assert.deepEqual(explained?.parts, [
      { name: 'name', value: 'team/jobs' },
      { name: 'lease', value: '694d8a1b2c3d4e5f' },
      { name: 'nonce', value: '0123456789abcdef' },
    ]);
    assert.equal(
      explained?.meaning,
      'somebody holds lock team/jobs, or waits for it, in the order of create revisions',
    );
    assert.equal(explainKey(toBytes('a/@semaphore/limit'))?.recipe, 'semaphore');
    assert.equal(explainKey('app/@status/host-7')?.recipe, 'config');
  });

  it('takes no key for a recipe that only resembles one', () => {
    for (const key of ['app/colour', 'q/', 'jobs/q/', 'jobs/q/readme', 'a/q/12-34', '', '/q/']) {
      assert.equal(explainKey(key), undefined, key);
    }
  });

  it('reads values of every kind', () => {
    assert.deepEqual(explainValue(toBytes('{"identity":"a"}')), { identity: 'a' });
    assert.equal(explainValue(toBytes('plain')), 'plain');
    assert.equal(explainValue(toBytes('')), '');
  });

  it('has one layout for a pattern, complete, and a page for every recipe', () => {
    const patterns = KEY_LAYOUTS.map(({ pattern }) => pattern);
    assert.equal(new Set(patterns).size, patterns.length);
    for (const { recipe, version, meaning, value, lease } of KEY_LAYOUTS) {
      assert.ok(existsSync(`${ROOT}/docs/recipes/${recipe}.md`), `docs/recipes/${recipe}.md`);
      assert.ok(version >= 1 && meaning !== '' && value !== '' && lease !== '', recipe);
    }
  });
});
