import type { StandardSchema } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { recipeUsers } from './recipe-user.js';

const PREFIX = 'app/';

interface Pair {
  readonly left: string;
  readonly right: string;
}

/** Both halves are there, as text. */
const schema: StandardSchema<Pair> = {
  '~standard': {
    version: 1,
    vendor: 'tidelock',
    validate: (value) => {
      const { left, right } = value as Partial<Record<keyof Pair, unknown>>;
      if (typeof left === 'string' && typeof right === 'string') return { value: { left, right } };
      return { issues: [{ message: 'half of it is missing' }] };
    },
  },
};

/**
 * Somebody writes two keys at once, always alike; users follow them as one value. A value of two
 * halves that differ was never in the store.
 */
export async function configWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 2);
  for (const { client, coordination } of users) {
    const config = coordination.config(PREFIX, schema);
    let revision = 0;
    config.value$.subscribe(({ left, right }) => {
      const name = client.machine.name;
      if (left !== right) world.findings.report('K14', `${name} saw "${left}" and "${right}"`);
      if (config.revision < revision) {
        world.findings.report('K14', `${name} went back from ${revision} to ${config.revision}`);
      }
      revision = config.revision;
    });
  }
  const writer = world.addClient();
  const { dice, store } = writer;
  for (let number = 0; !world.isEnding; number++) {
    await writer.pause(dice.between(200, 3000));
    if (world.isEnding) break;
    const value = `n${number}`;
    const both = [`${PREFIX}left`, `${PREFIX}right`];
    const success = both.map((key) => ({ kind: 'put', key, value }) as const);
    await store.txn({ success }).catch(() => undefined);
  }
  for (const { coordination } of users) await coordination.close();
}
