// Proves which names are refused: those whose keys would lie among the keys of another recipe, and
// those that do not come back from their bytes, so that nobody could be shown under them.
import assert from 'node:assert/strict';
import { z } from 'zod';
import { checkName } from '../../../src/recipes/base/names.js';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { World } from '../../support/world.js';

const Anything = z.unknown();

const TAKEN = ['reboot', 'reboot/q', 'jobs/q', 'a/c/jobs', 'q/q', 'jobs/@rw', 'jobs/', ''];
const BESIDE = ['app@status', 'app@rollout', 'a/app@status/host', '@status'];
const INEXACT = ['jobs\ud800', '\udc00', '\ufeffjobs'];
const FIRST = ['q', 'c', 'q/jobs', 'c/jobs', '@team', '@team/jobs'];
const FINE = ['reboots', 'a/reboot', 'jobs/quick', 'jobs/leader', 'jobs@rw', 'jöbs/🚚', 'a\ufeffb'];

describe('names', () => {
  it('that reach into the keys of others, or are not exact, are refused', () => {
    for (const name of [...TAKEN, ...BESIDE, ...INEXACT]) {
      assert.throws(
        () => checkName('lock', name),
        (error) => isCoordinationError(error, 'InvalidArgument'),
        JSON.stringify(name),
      );
    }
  });

  it('of any other kind are taken as they are', async () => {
    const world = new World();
    const a = world.client('a');
    for (const name of [...FINE, ...FIRST, 'n'.repeat(10_000)]) {
      const lock = a.coord.lock(name);
      const held = await world.run(lock.acquire());
      assert.equal((await world.run(lock.holder()))?.identity, 'a', JSON.stringify(name));
      await world.run(held.release());
    }
    await world.close();
  });

  it('of machines, messages, members and instances are refused when they are not exact', async () => {
    const world = new World();
    const { coord } = world.client('a');
    const wrong = (error: unknown): boolean => isCoordinationError(error, 'InvalidArgument');
    for (const text of INEXACT) {
      const group = coord.reboots('g');
      await assert.rejects(world.run(group.tryAcquire({ node: text })), wrong);
      await assert.rejects(world.run(group.steady({ node: text })), wrong);
      await assert.rejects(world.run(coord.queue('q').send('m', { id: text })), wrong);
      await assert.rejects(world.run(coord.latch('l').countDown(text)), wrong);
      await assert.rejects(world.run(coord.members('m').join({ id: text })), wrong);
      assert.throws(() => coord.config('c/', Anything, { reportAs: text }), wrong);
      const gate = coord.lock('gate');
      const options = { instance: text, apply: () => undefined };
      assert.throws(() => coord.config('c/', Anything).applyWith(gate, options), wrong);
    }
    await world.close();
  });

  it('say why they are refused, and what would do', () => {
    assert.throws(() => checkName('lock', 'jobs/q/x'), {
      message:
        'lock name "jobs/q/x" has the segment "q", under which "jobs" keeps its own keys: ' +
        'only the first segment may be "q" or "c", or begin with "@"',
    });
    assert.throws(() => checkName('lock', 'app@status'), {
      message:
        'lock name "app@status" has the segment "app@status", under which configurations keep ' +
        'reports: end it in another way',
    });
  });

  it('with such a word in front keep apart from all others', async () => {
    const world = new World();
    const [a, b] = [world.client('a'), world.client('b')];
    const names = ['q', 'q/jobs', 'c', 'c/jobs', '@rw', '@rw/jobs', '@queue', 'jobs'];
    for (const name of names) {
      await world.run(a.coord.lock(name).acquire());
      await world.run(a.coord.readWriteLock(name).write());
      await world.run(a.coord.election(name).campaign());
      await world.run(a.coord.queue(name).send(name));
    }
    for (const name of names) {
      assert.equal((await world.run(b.coord.lock(name).entries())).length, 1, name);
      assert.equal((await world.run(b.coord.election(name).candidates())).length, 1, name);
      const message = await world.run(b.coord.queue<string>(name).receive());
      assert.equal(message.value, name);
    }
    await world.close();
  });
});
