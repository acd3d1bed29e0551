// Proves that the suite for recipes with one owner can fail: a lock as it is often written, with a
// lease, a compare and a poll, breaks the promises that such locks break, and keeps the others. The
// suite also runs without a host's notion of rest, as an application may run it.
import assert from 'node:assert/strict';
import {
  type ModelClient,
  type OwnedThing,
  soleOwnerCases,
  type SoleOwnerRecipe,
} from '../../../src/simulation/index.js';

const TTL_SECONDS = 10;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const pause = ({ store }: ModelClient, ms: number): Promise<void> =>
  new Promise((resolve) => {
    store.clock.timer(ms, resolve);
  });

/** Believes what it was told once, for ever. */
async function takeNaively(
  client: ModelClient,
  options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
): Promise<OwnedThing> {
  const { store } = client;
  const key = 'thing/lock';
  const { id: lease } = await store.leases.grant({ ttlSeconds: TTL_SECONDS });
  for (let waitedMs = 0; ; waitedMs += 10) {
    const { succeeded, header } = await store.txn({
      compare: [{ key, target: 'create', operator: '=', operand: 0 }],
      success: [{ kind: 'put', key, value: client.name, lease }],
    });
    if (succeeded) {
      return {
        fence: header.revision,
        signal: new AbortController().signal,
        assertHeld: () => undefined,
        release: () => store.delete({ key }),
      };
    }
    options.signal?.throwIfAborted();
    if (waitedMs >= (options.timeoutMs ?? Number.POSITIVE_INFINITY)) throw new Error('timeout');
    await pause(client, 10);
  }
}

const NAIVE: SoleOwnerRecipe = {
  name: 'a naive lock',
  take: takeNaively,
  ownKeys: (keys) => keys.filter((key) => key.startsWith('thing/')),
  handOver: { events: 2, calls: 2 },
};

const OURS: SoleOwnerRecipe = {
  name: 'our lock',
  take: async ({ coord }, options) => {
    const held = await coord.lock('thing').acquire(options);
    return {
      fence: held.fence,
      signal: held.signal,
      assertHeld: () => held.assertHeld(),
      release: () => held.release(),
    };
  },
  ownKeys: (keys) => keys.filter((key) => key.startsWith('thing/q/')),
  handOver: { events: 2, calls: 2 },
};

describe('the suite for recipes with one owner', () => {
  it('finds what is wrong with a naive lock', async () => {
    const broken: string[] = [];
    for (const { title, run } of soleOwnerCases(NAIVE, { settle, crowd: 40 })) {
      await run().catch(() => broken.push(title));
    }
    for (const told of ['an owner that is cut off', 'an owner is blocked', 'an administrator']) {
      assert.ok(
        broken.some((title) => title.startsWith(told)),
        `${told}: not found; found: ${broken.join('; ')}`,
      );
    }
  });

  for (const { title, run } of soleOwnerCases(OURS, { crowd: 40 })) {
    it(`passes without a host's notion of rest: ${title}`, run);
  }
});
