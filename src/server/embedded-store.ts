import { holdProcess } from '../host/hold-process.js';
import type { Store } from '../store/index.js';
import type { Member } from './member.js';

/**
 * The member's store, but closing it closes the whole member. A view and not a copy: everything
 * else is the store's own. While it is open the process stays alive, as it does for a connection:
 * whoever waits for a lock has nothing else that would keep it.
 */
export function embeddedStore(member: Member): Store {
  const { store } = member.kernel;
  const letGo = holdProcess();
  const close = (): Promise<void> => {
    letGo();
    return member.close();
  };
  void member.kernel.failed.then(letGo);
  return {
    range: (request, options) => store.range(request, options),
    put: (request, options) => store.put(request, options),
    delete: (request, options) => store.delete(request, options),
    txn: (request, options) => store.txn(request, options),
    compact: (request, options) => store.compact(request, options),
    watch: (request) => store.watch(request),
    leases: store.leases,
    revisions$: store.revisions$,
    role$: store.role$,
    health$: store.health$,
    clock: store.clock,
    random: store.random,
    close,
    [Symbol.asyncDispose]: close,
  };
}
