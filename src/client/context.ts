import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Connections } from './connections.js';
import type { Lifetime } from './lifetime.js';
import type { WriteRepetition } from './options.js';

/** What the parts of one client share. */
export interface ClientContext {
  readonly connections: Connections;
  readonly lifetime: Lifetime;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: ClientSettings;
}

/** The options of a client that matter after it has connected, complete. */
export interface ClientSettings {
  /** Milliseconds for which a call may be tried again. */
  readonly retryMs: number;
  readonly requireLeader: boolean;
  readonly writes: WriteRepetition;
  readonly pipe: boolean;
}
