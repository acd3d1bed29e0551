import { LIMITS } from '../store/index.js';
import type { ClientSettings } from './context.js';
import type { ConnectOptions } from './options.js';

/** The options of a client with the defaults of those that are absent. */
export function settingsOf(options: ConnectOptions): ClientSettings {
  return {
    retryMs: options.retryMs ?? LIMITS.clientRetryMs,
    requireLeader: options.requireLeader ?? true,
    writes: options.writes ?? 'at-most-once',
    pipe: options.pipe ?? true,
  };
}
