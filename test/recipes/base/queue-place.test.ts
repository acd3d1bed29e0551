// Proves that whoever gives up waiting leaves no entry in the line for good, also when a write of
// it went unanswered, was tried again with success, and arrives once more after all was cleared
// away.
import assert from 'node:assert/strict';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;

/** The transaction that writes an entry in line. */
function isEntry({ name, request }: ModelCall): boolean {
  if (name !== 'txn') return false;
  const { success = [] } = request as { success?: readonly { kind: string }[] };
  return success.some(({ kind }) => kind === 'put');
}

/** Who waits, as far as giving up goes. */
type Wait = (client: Client, signal: AbortSignal) => Promise<unknown>;

const WAITS: readonly (readonly [name: string, wait: Wait])[] = [
  ['lock', ({ coord }, signal) => coord.lock('jobs').acquire({ signal })],
  ['read lock', ({ coord }, signal) => coord.readWriteLock('jobs').read({ signal })],
  ['write lock', ({ coord }, signal) => coord.readWriteLock('jobs').write({ signal })],
  ['election', ({ coord }, signal) => coord.election('jobs').campaign({ signal })],
  ['queue', ({ coord }, signal) => coord.queue('jobs').receive({ signal })],
];

describe('place in line', () => {
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  afterEach(() => world.close());

  const cases = WAITS.flatMap(([name, wait]) =>
    [3000, 4 * TTL_MS].map((lateMs) => ({ name, wait, lateMs })),
  );
  for (const { name, wait, lateMs } of cases) {
    it(`${name}: an entry that was given up comes ${lateMs} ms late, and goes again`, async () => {
      const [a, b] = [world.client('a'), world.client('b')];
      await world.run(a.coord.lock('warm').acquire());
      await world.run(b.coord.lock('warm-too').acquire());
      // Somebody is in the way, so that the one that gives up waits in line.
      const inTheWay = new AbortController();
      void peek(
        name === 'read lock'
          ? b.coord.readWriteLock('jobs').write({ signal: inTheWay.signal })
          : wait(b, inTheWay.signal),
      );
      await world.settle();
      const before = world.keys('jobs/');
      const abort = new AbortController();
      a.store.delayRequest(isEntry, lateMs);
      const waiting = peek(wait(a, abort.signal));
      await world.advance(500);
      assert.ok(world.keys('jobs/').length > before.length, 'the second try is in line');
      abort.abort();
      await world.advance(500);
      assert.ok(waiting.error !== undefined);
      assert.deepEqual(world.keys('jobs/'), before, 'given up');
      await world.advance(lateMs - 500);
      assert.ok(world.keys('jobs/').length > before.length, 'the late write is there by now');
      await world.advance(lateMs + 1.5 * TTL_MS);
      assert.deepEqual(world.keys('jobs/'), before);
      inTheWay.abort();
    });
  }
});
