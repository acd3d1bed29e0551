// Proves that waiting for a change costs no more than it has to when watches end at once, as they
// do against a store that refuses them: who waits looks again after a pause, and never in a hot
// loop.
import assert from 'node:assert/strict';
import { type Observable, throwError } from 'rxjs';
import { coordinate } from '../../../src/recipes/coordination.js';
import {
  type CallOptions,
  type RangeRequest,
  type RangeResult,
  type RevisionBatch,
  StoreError,
} from '../../../src/store/index.js';
import { ModelStore } from '../../../src/simulation/model/model-store.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { World } from '../../support/world.js';

const CALLS_MAX = 100;

/** Every watch ends when it begins; after many calls there is no answer, so no loop is endless. */
class WatchlessStore extends ModelStore {
  override range(request: RangeRequest, options?: CallOptions): Promise<RangeResult> {
    if (this.calls.length > CALLS_MAX) return new Promise(() => undefined);
    return super.range(request, options);
  }

  override watch(): Observable<RevisionBatch> {
    return throwError(() => new StoreError('Unavailable'));
  }
}

describe('waiting on a store that ends every watch', () => {
  it('looks again after a pause, and sees what happened', async () => {
    const world = new World();
    const { clock, random, server } = world;
    const store = new WatchlessStore({ clock, random, server });
    const coord = coordinate(store);
    const other = world.client('other');
    await world.run(other.coord.barrier('gate').close());
    const waiting = peek(coord.barrier('gate').wait());
    await world.advance(60_000);
    assert.equal(waiting.value, undefined);
    assert.ok(store.calls.length < CALLS_MAX, `${store.calls.length} calls in a minute`);
    await world.run(other.coord.barrier('gate').open());
    await world.run(waiting.promise, 15_000);
    await world.run(coord.close());
  });
});
