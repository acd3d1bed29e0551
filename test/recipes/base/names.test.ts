// Proves which names are refused: those whose keys would lie among the keys of another recipe, and
// those that do not come back from their bytes, so that nobody could be shown under them.
import assert from 'node:assert/strict';
import { checkName } from '../../../src/recipes/base/names.js';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { World } from '../../support/world.js';

const TAKEN = ['reboot', 'reboot/q', 'jobs/q', 'c/jobs', 'q', 'jobs/@rw', 'jobs/', ''];
const INEXACT = ['jobs\ud800', '\udc00', '\ufeffjobs'];
const FINE = ['reboots', 'a/reboot', 'jobs/quick', 'jobs/leader', 'jobs@rw', 'jöbs/🚚', 'a\ufeffb'];

describe('names', () => {
  it('that reach into the keys of others, or are not exact, are refused', () => {
    for (const name of [...TAKEN, ...INEXACT]) {
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
    for (const name of [...FINE, 'n'.repeat(10_000)]) {
      const lock = a.coord.lock(name);
      const held = await world.run(lock.acquire());
      assert.equal((await world.run(lock.holder()))?.identity, 'a', JSON.stringify(name));
      await world.run(held.release());
    }
    await world.close();
  });
});
