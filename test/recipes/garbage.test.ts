// Proves that no value which another program writes under the keys of a recipe ends a call with
// anything but an error of the recipes, and that none makes a loop: each recipe is asked among
// values by chance. A failing run names its seed.
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { z } from 'zod';
import type { Coordination } from '../../src/recipes/coordination.js';
import { isCoordinationError } from '../../src/recipes/errors.js';
import { testSeed, World } from '../support/world.js';

const RUNS = 150;
const KEYS_AT_ONCE = 6;
/** More than any asking needs: one that goes on without end would leave no time for anything. */
const CALLS_MAX = 400;

const VALUES: readonly (string | Uint8Array)[] = [
  ...['', 'null', '[]', '{', '7', '-1', '"x"', '{}', '1e400', '{"__proto__": {"x": 1}}'],
  Uint8Array.of(0xff, 0xfe),
  '{"round": 1e400, "count": 1e400, "isOpen": 7, "nonce": []}',
  '{"round": 1e17, "count": -1}',
  ...['{"limit": 1e400}', '{"limit": -3, "order": 7}', '{"weight": 1e400}'],
  ...['{"generation": 1e17}', '{"generation": -5}'],
  ...['{"value": {}, "operations": [[1], null]}', '{"value": "99999999999999999999"}'],
  ...['{"attempts": 1e300, "priority": 1e400, "reason": 5}', '{"candidate": 7, "sinceMs": 1e400}'],
  '{"phase": "stuck", "sinceMs": 1e400, "phaseSinceMs": -1e400, "dueSeconds": 1e400}',
  '{"scope": "node", "node": 5, "untilMs": 1e20, "sinceMs": 1e300, "metadata": []}',
  '{"stateId": 7, "revision": "x", "sinceMs": 1e400, "attempt": {}}',
  '{"max": 1, "windows": [{"start": "00:00", "lengthMinutes": 1e400}]}',
  '{"max": "50%", "paused": {"by": "", "reason": "", "untilMs": 1e300}}',
];

/** After the name; each is a key that a recipe reads. */
const UNDER: readonly string[] = [
  ...['/q/g', '/@delay/g', '/@broken', '/@rw/q/g', '/@rw/w/g', '/@rw/broken'],
  ...['/@semaphore/limit', '/@semaphore/epoch', '/@semaphore/line/g', '/@semaphore/held/g'],
  ...[
    '/leader',
    '/c/g',
    '/@term',
    '/@barrier/closed',
    '/@latch/state',
    '/@latch/down/0000000001/g',
  ],
  ...['/@rendezvous/generation', '/@rendezvous/member/0000000001/g'],
  ...['/@queue/body/g', '/@queue/index/ready/999/g', '/@queue/index/ready/g'],
  ...['/@queue/index/ready//', '/@queue/index/claim/g', '/@queue/index/delayed/g'],
  ...['/@queue/index/delay/h', '/@queue/index/dead/g', '/@queue/index/line/g'],
  ...['/@members/g', '/@counter', '/@sequence', '/@stm/g', '@status/g', '/a', '//', '/'],
  ...['@rollout/trying/i', '@rollout/live/i', '@rollout/failed/i', '@rollout/done/i'],
];

const IN_GROUP: readonly string[] = [
  ...['policy', 'epoch', 'slot/g', 'slot/n', 'due/g', 'due/n', 'cooldown/g', 'hold/g', 'node/g'],
  ...['want/g', 'want/n', 'poll/g', 'poll/n', 'pass/n', 'log/000000000001', 'log/g', ''],
];

const KEYS = UNDER.map((rest) => `x${rest}`);
const GROUP_KEYS = IN_GROUP.map((rest) => `reboot/x/${rest}`);

const brief = { timeoutMs: 3000 };
const Anything = z.unknown();

const ASKINGS: Readonly<Record<string, (coord: Coordination) => Promise<unknown>>> = {
  'a lock': (coord) => coord.lock('x').acquire(brief),
  'the plan of a lock': (coord) => firstValueFrom(coord.lock('x').plan$),
  'the break of a lock': (coord) => coord.lock('x').break({ by: 'a', reason: 'b', ...brief }),
  'several locks': (coord) => coord.locks(['x', 'y']).acquire(brief),
  'a lock to read': (coord) => coord.readWriteLock('x').read(brief),
  'a lock to write': (coord) => coord.readWriteLock('x').write(brief),
  'its plan': (coord) => firstValueFrom(coord.readWriteLock('x').plan$),
  'a permit': (coord) => coord.semaphore('x', { initialLimit: 1 }).acquire(brief),
  'a permit out of turn': (coord) =>
    coord.semaphore('x', { initialLimit: 1, order: 'firstFit' }).tryAcquire(brief),
  'a limit': (coord) => coord.semaphore('x').setLimit(3, brief),
  'a campaign': (coord) => coord.election('x').campaign(brief),
  'the plan of an election': (coord) => firstValueFrom(coord.election('x').plan$),
  'a transfer': (coord) => coord.election('x').transfer('g', brief),
  'a barrier': (coord) => coord.barrier('x').wait(brief),
  'a barrier to close': (coord) => coord.barrier('x').close(brief),
  'a double barrier': async (coord) => {
    const inside = await coord.doubleBarrier('x', { members: 1 }).enter(brief);
    await inside.leave(brief);
  },
  'a countdown': (coord) => coord.latch('x', { initialCount: 2 }).countDown('i', brief),
  'a latch': (coord) => coord.latch('x', { initialCount: 2 }).wait(brief),
  'a round': (coord) => coord.latch('x').nextRound(brief),
  'a message': async (coord) => {
    const queue = coord.queue('x');
    await queue.send('v', { ...brief, delayMs: 1000 });
    await (await queue.receive(brief)).nack({ delayMs: 5 });
  },
  'the plan of a queue': (coord) => firstValueFrom(coord.queue('x').plan$),
  'dead letters': (coord) => coord.queue('x').deadLetters().list(brief),
  'a member': (coord) => coord.members('x').join({ id: 'g', onConflict: 'replace', ...brief }),
  members: (coord) => coord.members('x').list(brief),
  'a counter': (coord) => coord.counter('x').add(1, brief),
  'a sequence': (coord) => coord.sequence('x').next(brief),
  'a transaction': (coord) => coord.stm((tx) => tx.put('z', '1'), { name: 'x', ...brief }),
  'a configuration': (coord) => coord.config('x/', Anything, { reportAs: 'i' }).ready(brief),
  'its reports': (coord) => firstValueFrom(coord.config('x/', Anything).reports$),
  'its rollout': (coord) => firstValueFrom(coord.config('x/', Anything).rollout$),
};

const GROUP_ASKINGS: typeof ASKINGS = {
  'a slot': (coord) => coord.reboots('x').acquire({ node: 'n', ...brief }),
  'a slot that is tried': (coord) =>
    coord.reboots('x').tryAcquire({ node: 'n', pollTtlSeconds: 5, ...brief }),
  'a slot by force': (coord) => coord.reboots('x').force({ node: 'n', ...brief }),
  'a steady node': (coord) => coord.reboots('x').steady({ node: 'n', ...brief }),
  'the plan of a node': (coord) => firstValueFrom(coord.reboots('x').plan$('n')),
  'the status of a group': (coord) => coord.reboots('x').status(brief),
  'its log': (coord) => coord.reboots('x').log(brief),
  'a hold': (coord) => coord.reboots('x').hold(brief),
  'a pause': (coord) => coord.reboots('x').pause(brief),
};

/** Asks among values by chance, and answers with the number of calls that it took. */
async function play(
  ask: (coord: Coordination) => Promise<unknown>,
  keys: readonly string[],
  seed: number,
): Promise<number> {
  const world = new World({ seed });
  const { coord, store } = world.client('a');
  for (let i = 0; i < KEYS_AT_ONCE; i++) {
    const key = keys[world.random.below(keys.length)] ?? '';
    const value = VALUES[world.random.below(VALUES.length)] ?? '';
    world.server.run(() => world.server.kv.put({ key, value }));
  }
  // What would go on without end fails instead.
  store.loseRequest(() => store.calls.length > CALLS_MAX && assert.fail('it asks without end'));
  try {
    await world.run(ask(coord));
  } catch (error) {
    if (!isCoordinationError(error)) throw error;
  }
  await world.run(coord.close());
  return store.calls.length;
}

describe('what other programs write', () => {
  const base = testSeed();
  const askings = [
    ...Object.entries(ASKINGS).map(([name, ask]) => ({ name, ask, keys: KEYS })),
    ...Object.entries(GROUP_ASKINGS).map(([name, ask]) => ({ name, ask, keys: GROUP_KEYS })),
  ];
  for (const { name, ask, keys } of askings) {
    it(`ends nothing but in order: ${name}`, async () => {
      for (let seed = base; seed < base + RUNS; seed++) {
        try {
          assert.ok((await play(ask, keys, seed)) < CALLS_MAX);
        } catch (error) {
          throw new Error(`TIDELOCK_SEED=${seed}`, { cause: error });
        }
      }
    });
  }
});
