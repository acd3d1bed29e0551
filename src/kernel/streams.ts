import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type { Health, RevisionBatch, Role } from '../store/index.js';

/**
 * The kernel's hot streams. This is the surface, not the engine: they are fed by the loop's outbox
 * and by changes of role, and nothing in the kernel listens to them. They complete at close.
 */
export class KernelStreams {
  readonly #revisions = new Subject<RevisionBatch>();
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

  emitRevision(batch: RevisionBatch): void {
    // To tell nobody costs as much as to tell somebody.
    if (this.#revisions.observed) this.#revisions.next(batch);
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
