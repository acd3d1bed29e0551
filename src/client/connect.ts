import { NodeClock } from '../host/node-clock.js';
import { NodeRandom } from '../host/node-random.js';
import { isStoreError, LIMITS, type Store, StoreError } from '../store/index.js';
import { Backoff } from './backoff.js';
import { Connections } from './connections.js';
import type { ClientContext } from './context.js';
import { Deadline } from './deadline.js';
import { parseEndpoints } from './endpoint.js';
import { Lifetime } from './lifetime.js';
import { MemberSync } from './member-sync.js';
import type { ConnectOptions } from './options.js';
import { RemoteStore } from './remote-store.js';
import { settingsOf } from './settings.js';
import { UnaryCalls } from './unary.js';

/**
 * A store on a server: ours, or any etcd from 3.4 on. Several endpoints are members of one cluster;
 * one is used at a time, at first any, and another when it fails, does not answer, or knows no
 * leader. Resolves once a server has answered.
 *
 * Reads, and calls of which nothing can have come because no server looked at them or one refused
 * them at the door, are tried again for some seconds, elsewhere if need be. A write that may have
 * arrived is not sent again, unless `writes` says so: it rejects with `Unavailable` or `Timeout`,
 * and its outcome is unknown. Watches go on at another member without gap or repetition, and leases
 * are kept alive there.
 *
 * @example
 * const store = await connect('http://127.0.0.1:2379');
 * await store.put({ key: 'greeting', value: 'hello' });
 * await store.close();
 *
 * @throws StoreError `InvalidArgument` for an endpoint that is none, `Unavailable` with what was
 * wrong with each endpoint, `Canceled`
 */
export async function connect(
  endpoints: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Store> {
  const clock = options.clock ?? new NodeClock();
  const random = options.random ?? new NodeRandom();
  const lifetime = new Lifetime();
  const connections = new Connections({
    endpoints: parseEndpoints(endpoints),
    tls: options.tls,
    clock,
    random,
    lifetime,
  });
  const context = { connections, lifetime, clock, random, settings: settingsOf(options) };
  const calls = new UnaryCalls(context);
  const store = new RemoteStore(context, calls);
  try {
    await firstAnswer(context, options);
    if (options.syncMembers === true) await new MemberSync(context, calls).begin();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

async function firstAnswer(context: ClientContext, options: ConnectOptions): Promise<void> {
  const { connections, lifetime, clock, random } = context;
  const timeoutMs = options.timeoutMs ?? LIMITS.clientConnectMs;
  const backoff = new Backoff(clock, random);
  using deadline = new Deadline(clock, timeoutMs, options.signal);
  const { signal } = deadline;
  let lastFailure: StoreError | undefined;
  try {
    for (;;) {
      try {
        await connections.acquire(signal);
        return;
      } catch (error) {
        if (!isStoreError(error, 'Unavailable')) throw error;
        lastFailure = error;
      }
      await lifetime.race(backoff.pause(), signal);
    }
  } catch (error) {
    if (!deadline.passed || !isStoreError(error, 'Canceled')) throw error;
    const reason = lastFailure?.message ?? 'no endpoint answers';
    throw new StoreError('Unavailable', `${reason}, within ${timeoutMs} ms`);
  }
}
