import type { Config, ConfigOptions } from './config/config.js';
import type { Election } from './election/election.js';
import type { HeldLock } from './lock/held-lock.js';
import type { Lock, LockOptions } from './lock/lock.js';
import type { RebootGroup } from './reboot/reboots.js';
import type { StandardSchema } from './config/standard-schema.js';

/**
 * The recipes as separate services, so that a class can ask for no more than it uses. They are what
 * a container binds; a `Coordination` has the methods behind them all.
 */

/** Locks by name. */
export interface Locks {
  /** As `Coordination.lock` with a name alone. */
  lock(name: string): Lock;
  /** As `Coordination.lock` with work. */
  withLock<T>(
    name: string,
    options: LockOptions,
    work: (held: HeldLock) => Promise<T> | T,
  ): Promise<T>;
}

/** Elections by name. */
export interface Elections {
  election(name: string): Election;
}

/** Configurations by prefix. */
export interface Configs {
  config<T>(prefix: string, schema: StandardSchema<T>, options?: ConfigOptions<T>): Config<T>;
}

/** Reboot groups by name. */
export interface Reboots {
  reboots(group: string): RebootGroup;
}
