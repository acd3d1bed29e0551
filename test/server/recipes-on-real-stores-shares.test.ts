// Proves in real time, over every kind of store, what the conformance suite proves in virtual time:
// of what several may have, a fourth waits until one of three gives back, and who gives up leaves
// nothing in line; at a gate nobody passes before it opens, and everybody does when it does, over a
// compaction of what was waited on.
import assert from 'node:assert/strict';
import type { Coordination } from '../../src/recipes/index.js';
import { prefix, type Store } from '../../src/store/index.js';
import type { Rival } from '../recipes/conformance/contender.js';
import { GATES } from '../recipes/conformance/gate.js';
import { SHARERS } from '../recipes/conformance/sharer.js';
import { inCi } from '../support/in-ci.js';
import { peek } from '../../src/simulation/model/peek.js';
import { moment, overEveryStore } from './support/recipe-places.js';
import { until } from './support/until.js';

/** Where tests have to be short, the first of each kind is tried. */
const few = <T>(all: readonly T[]): readonly T[] => (inCi ? all : all.slice(0, 1));

overEveryStore('conformance of what is shared', (rivals) => {
  let store: Store;
  let a: Rival;
  let b: Rival;

  const rival = (name: string, coord: Coordination): Rival => ({ name, coord });
  const count = async (start: string): Promise<number> =>
    (await store.range({ ...prefix(start), countOnly: true })).count;

  beforeEach(async () => {
    ({ store } = rivals());
    [a, b] = [rival('a', rivals().a), rival('b', rivals().b)];
    for (const start of ['thing', 'reboot/']) await store.delete(prefix(start));
  });

  for (const sharer of few(SHARERS)) {
    it(`${sharer.name}: three have it, and a fourth when one gives back`, async () => {
      await sharer.prepare(b);
      const shares = [];
      for (const [at, client] of [a, b, a].entries()) {
        shares.push(await sharer.take(client, `n${at}`));
      }
      const fourth = peek(sharer.take(b, 'n3'));
      const abort = new AbortController();
      const given = peek(sharer.take(a, 'n4', { signal: abort.signal }));
      await until('two in line', async () => (await count(sharer.line)) === 2);
      abort.abort();
      await assert.rejects(given.promise);
      await until('one in line', async () => (await count(sharer.line)) === 1);
      assert.equal(fourth.value, undefined, 'four have it');
      await shares[0]?.release();
      shares.push(await fourth.promise);
      assert.equal(await count(sharer.share.prefix), 3);
      for (const share of shares.slice(1)) await share.release();
      await until('nothing is left', async () => {
        return (await count(sharer.line)) + (await count(sharer.share.prefix)) === 0;
      });
    });
  }

  for (const gate of few(GATES)) {
    it(`${gate.name}: nobody passes before it opens, and all do then`, async () => {
      await gate.prepare(b);
      const waiting = [a, b].map((client) => peek(gate.wait(client, { waiters: 2 })));
      await moment();
      const { header } = await store.put({ key: 'noise' });
      await store.compact({ revision: header.revision });
      await moment();
      assert.ok(
        waiting.every(({ value }) => value === undefined),
        'passed a closed gate',
      );
      await gate.open(b, { waiters: 2 });
      await Promise.all(waiting.map(({ promise }) => promise));
    });
  }
});
