import { connect } from 'node:net';
import { ConfigError } from '../config/config-error.js';
import { type ListenUrl, parseUrl } from '../config/listen-url.js';

/** `silent`: no answer in time, or one that says nothing about who listens there. */
export type KnockAnswer = 'refused' | 'open' | 'silent';

/**
 * Whether anybody listens at an address, without a word to whoever does. `refused` is the machine's
 * own answer, that no process has this port: a machine that is down, and a way that is cut, do not
 * give it. Never rejects.
 * @param signal ends it at once, as `silent`
 */
export function knock(url: string, withinMs: number, signal?: AbortSignal): Promise<KnockAnswer> {
  const place = placeOf(url);
  if (place === undefined) return Promise.resolve('silent');
  return new Promise((resolve) => {
    const { host, port } = place;
    const socket = connect({ host, port, ...(signal === undefined ? {} : { signal }) });
    const answer = (answered: KnockAnswer): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(withinMs, () => answer('silent'));
    socket.once('connect', () => answer('open'));
    socket.once('error', (error) => answer(isRefusal(error) ? 'refused' : 'silent'));
  });
}

/** Whose port is the one that was written: port 0, which nobody has, is always refused. */
function placeOf(url: string): ListenUrl | undefined {
  try {
    return parseUrl('peerURLs', url);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return undefined;
  }
}

/** A name may have several addresses: then the error has one for each. */
function isRefusal(error: Error): boolean {
  if (error instanceof AggregateError) {
    return error.errors.length > 0 && error.errors.every((each) => isRefusal(each as Error));
  }
  return 'code' in error && error.code === 'ECONNREFUSED';
}
