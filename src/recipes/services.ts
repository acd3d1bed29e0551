import type { Barrier } from './barrier/barrier.js';
import type { DoubleBarrier, DoubleBarrierOptions } from './barrier/double-barrier.js';
import type { Latch, LatchOptions } from './barrier/latch.js';
import type { JsonValue } from './base/note.js';
import type { Config, ConfigOptions } from './config/config.js';
import type { ConfigLayer } from './config/config-layers.js';
import type { LayeredConfig, LayeredConfigOptions } from './config/layered-config.js';
import type { StandardSchema } from './config/standard-schema.js';
import type { Coordination } from './coordination.js';
import type { Counter } from './counter/counter.js';
import type { Sequence, SequenceOptions } from './counter/sequence.js';
import type { Election } from './election/election.js';
import type { HeldLock } from './lock/held-lock.js';
import type { Lock, LockOptions } from './lock/lock.js';
import type { LockSet } from './lock/lock-set.js';
import type { ReadWriteLock } from './lock/read-write-lock.js';
import type { Members } from './membership/members.js';
import type { Queue, QueueOptions } from './queue/queue.js';
import type { RebootGroups } from './reboot/reboot-groups.js';
import type { RebootGroup } from './reboot/reboots.js';
import type { Semaphore, SemaphoreOptions } from './semaphore/semaphore.js';

/**
 * The recipes as separate services, so that a class can ask for no more than it uses. They are what
 * a container binds; a `Coordination` has the methods behind them all. What is held, led or joined
 * is what their methods answer with, and never a service itself.
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
  locks(names: readonly string[]): LockSet;
  readWriteLock(name: string): ReadWriteLock;
}

/** Elections by name. */
export interface Elections {
  election(name: string): Election;
}

/** Semaphores by name. */
export interface Semaphores {
  semaphore(name: string, options?: SemaphoreOptions): Semaphore;
}

/** Barriers, double barriers and latches by name. */
export interface Barriers {
  barrier(name: string): Barrier;
  doubleBarrier(name: string, options: DoubleBarrierOptions): DoubleBarrier;
  latch(name: string, options?: LatchOptions): Latch;
}

/** Queues by name. */
export interface Queues {
  queue<T extends JsonValue = JsonValue>(name: string, options?: QueueOptions): Queue<T>;
}

/** Groups of members by name. */
export interface Memberships {
  members(group: string): Members;
}

/** Counters and sequences by name. */
export interface Counters {
  counter(name: string): Counter;
  sequence(name: string, options?: SequenceOptions): Sequence;
}

/** Transactions: by hand, with the guards of recipes, and as functions. */
export type Transactions = Pick<Coordination, 'txn' | 'stm'>;

/** Prefixes in memory, and several views at one revision. */
export type Views = Pick<Coordination, 'cache' | 'combineAt'>;

/** Configurations by prefix, and of layers. */
export interface Configs {
  config<T>(
    prefix: string,
    schema: StandardSchema<T>,
    options?: ConfigOptions<NoInfer<T>>,
  ): Config<T>;
  layeredConfig<T>(
    layers: readonly ConfigLayer[],
    schema: StandardSchema<T>,
    options?: LayeredConfigOptions<NoInfer<T>>,
  ): LayeredConfig<T>;
}

/** Reboot groups by name, and all of them. */
export interface Reboots {
  reboots(group: string): RebootGroup;
  rebootGroups(): RebootGroups;
}
