import { NodeClock } from '../host/node-clock.js';
import { NodeRandom } from '../host/node-random.js';
import { isStoreError, LIMITS, type Store, StoreError } from '../store/index.js';
import { Backoff } from './backoff.js';
import { Connections } from './connections.js';
import { parseEndpoints } from './endpoint.js';
import { Lifetime } from './lifetime.js';
import type { ConnectOptions } from './options.js';
import { RemoteStore } from './remote-store.js';
import type { StreamContext } from './shared-stream.js';

/**
 * A store on a server: ours, or any etcd from 3.4 on. Several endpoints are members of one cluster;
 * one is used at a time, the others when it fails. Resolves once a server has answered.
 *
 * Calls that did not leave this process are sent to the next endpoint, reads are tried again for a
 * few seconds, and a write that may have arrived is never sent twice: it rejects with
 * `Unavailable`, and its outcome is unknown. Watches survive reconnections without gap or
 * repetition.
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
  const connections = new Connections(parseEndpoints(endpoints), options.tls, clock, lifetime);
  const context = { connections, lifetime, clock, random };
  const store = new RemoteStore(context, options.requireLeader ?? true);
  try {
    await firstAnswer(context, options);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

async function firstAnswer(context: StreamContext, options: ConnectOptions): Promise<void> {
  const { connections, lifetime, clock, random } = context;
  const timeoutMs = options.timeoutMs ?? LIMITS.clientConnectMs;
  const backoff = new Backoff(clock, random);
  const late = new AbortController();
  const timer = clock.timer(timeoutMs, () => late.abort());
  const signal =
    options.signal === undefined ? late.signal : AbortSignal.any([late.signal, options.signal]);
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
    if (!late.signal.aborted || !isStoreError(error, 'Canceled')) throw error;
    const reason = lastFailure?.message ?? 'no endpoint answers';
    throw new StoreError('Unavailable', `${reason}, within ${timeoutMs} ms`);
  } finally {
    timer.cancel();
  }
}
