import { holdProcess } from './host/hold-process.js';
import { NodeClock } from './host/node-clock.js';
import { NodeRandom } from './host/node-random.js';
import { ModelStore } from './simulation/index.js';
import type { Store } from './store/index.js';

/**
 * A store in the memory of this process, in real time, for an application's own tests: it answers
 * as the others do, keeps all of its history, and is gone when it is closed. It is made to be
 * obviously right, and not for many keys. Tests that are to decide what time it is, or what gets
 * lost, take a `ModelWorld` of `tidelock/simulation`.
 *
 * @example
 * await using store = memoryStore();
 * await using coord = coordinate(store);
 * await coord.lock('jobs', {}, (held) => console.log(held.fence));
 */
export function memoryStore(): Store {
  const store = new ModelStore({ clock: new NodeClock(), random: new NodeRandom() });
  // As of every store that is open: whoever waits has nothing else that keeps the process.
  store.role$.subscribe({ complete: holdProcess() });
  return store;
}
