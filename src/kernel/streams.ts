import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import {
  type Health,
  isStoreError,
  LIMITS,
  type RevisionBatch,
  type Role,
} from '../store/index.js';
import type { History } from './watch/history.js';

/**
 * The kernel's hot streams. This is the surface, not the engine: they are fed by the loop's outbox
 * and by changes of role, and nothing in the kernel listens to them. They complete at close.
 */
export class KernelStreams {
  readonly #revisions = new Subject<RevisionBatch>();
  #history: History | undefined;
  /** The last revision that was told. */
  #told = 0;
  readonly #role = new BehaviorSubject<Role>('unknown');
  readonly #health = new BehaviorSubject<Health>({ healthy: false, reason: 'starting' });

  readonly revisions$: Observable<RevisionBatch> = this.#revisions.asObservable();
  readonly role$: Observable<Role> = this.#role.asObservable();
  readonly health$: Observable<Health> = this.#health.asObservable();

  get role(): Role {
    return this.#role.value;
  }

  get health(): Health {
    return this.#health.value;
  }

  /** From now on revisions follow that of `history`, where one that was missed is found. */
  follow(history: History): void {
    this.#history = history;
    this.#told = history.revision;
  }

  emitRevision(batch: RevisionBatch): void {
    if (batch.revision > this.#told + 1) this.#tellMissed(batch.revision - 1);
    this.#told = batch.revision;
    // To tell nobody costs as much as to tell somebody.
    if (this.#revisions.observed) this.#revisions.next(batch);
  }

  /**
   * Another member's state took the place of this one's: what came with it is told from history.
   */
  replaced(): void {
    this.#tellMissed(this.#history?.revision ?? 0);
  }

  /** A stream that can neither fail nor hide a gap ends where history was discarded. */
  #tellMissed(upTo: number): void {
    const history = this.#history;
    if (history === undefined) return;
    try {
      while (this.#told < upTo && this.#revisions.observed) {
        const bytesMax = LIMITS.watchBufferBytes;
        const batches = history.history(this.#told, upTo, LIMITS.watchSliceRevisions, bytesMax);
        if (batches.length === 0) break;
        for (const batch of batches) {
          this.#told = batch.revision;
          this.#revisions.next(batch);
        }
      }
    } catch (error) {
      if (!isStoreError(error, 'Compacted')) throw error;
      this.#revisions.complete();
    }
    this.#told = Math.max(this.#told, upTo);
  }

  emitRole(role: Role): void {
    if (role !== this.#role.value) this.#role.next(role);
  }

  emitHealth(health: Health): void {
    const { healthy, reason } = this.#health.value;
    if (health.healthy !== healthy || health.reason !== reason) this.#health.next(health);
  }

  close(reason: string): void {
    this.emitRole('stopped');
    this.emitHealth({ healthy: false, reason });
    this.#revisions.complete();
    this.#role.complete();
    this.#health.complete();
  }
}
