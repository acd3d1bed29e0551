import { BehaviorSubject, distinctUntilChanged, filter, Observable, type Subject } from 'rxjs';
import type { Timer } from '../ports/clock.js';
import { type Health, isStoreError, LIMITS, type Role, STORE_ERROR_TEXT } from '../store/index.js';
import type { StatusResponse } from '../wire/gen/etcdserverpb/maintenance_pb.js';
import { MAINTENANCE_METHODS } from '../wire/maintenance.js';
import type { ClientContext } from './context.js';
import { ONCE, type UnaryCalls } from './unary.js';

/**
 * What the member in use says of itself, asked only while somebody listens: when the first one
 * comes, whenever a connection comes into use or is lost, and every few seconds, sooner while no
 * answer comes. Between two looks the answer is as old as the last.
 */
export class MemberStatus {
  readonly #context: ClientContext;
  readonly #calls: UnaryCalls;
  readonly #role = new BehaviorSubject<Role | undefined>(undefined);
  readonly #health = new BehaviorSubject<Health | undefined>(undefined);
  readonly role$: Observable<Role>;
  readonly health$: Observable<Health>;
  #listeners = 0;
  #timer: Timer | undefined;
  #asking = false;

  constructor(context: ClientContext, calls: UnaryCalls) {
    this.#context = context;
    this.#calls = calls;
    this.role$ = this.#listened(this.#role).pipe(distinctUntilChanged());
    this.health$ = this.#listened(this.#health).pipe(
      distinctUntilChanged((a, b) => a.healthy === b.healthy && a.reason === b.reason),
    );
  }

  /** Another connection is in use: what was known may be of another member. */
  look(): void {
    if (this.#listeners > 0) void this.#ask();
  }

  close(): void {
    this.#timer?.cancel();
    this.#role.next('stopped');
    this.#health.next({ healthy: false, reason: 'the store is closed' });
    this.#role.complete();
    this.#health.complete();
  }

  /** `subject` without its missing first value, counting who listens. */
  #listened<T>(subject: Subject<T | undefined>): Observable<T> {
    return new Observable((subscriber) => {
      const values = subject.pipe(filter((value) => value !== undefined));
      const subscription = values.subscribe(subscriber);
      this.#listeners++;
      if (this.#listeners === 1) void this.#ask();
      return () => {
        subscription.unsubscribe();
        this.#listeners--;
        if (this.#listeners === 0) this.#timer?.cancel();
      };
    });
  }

  /** Never rejects: a failure is an answer too. */
  async #ask(): Promise<void> {
    if (this.#asking || this.#context.lifetime.closed) return;
    this.#asking = true;
    this.#timer?.cancel();
    let pauseMs: number = LIMITS.clientStatusPollMs;
    try {
      const status = await this.#calls.call(MAINTENANCE_METHODS.status, {}, ONCE);
      this.#role.next(roleOf(status));
      this.#health.next(healthOf(status));
    } catch (error) {
      pauseMs = LIMITS.clientStatusRetryMs;
      if (!this.#context.lifetime.closed) {
        const reason = isStoreError(error) ? error.message : String(error);
        this.#role.next('unknown');
        this.#health.next({ healthy: false, reason });
      }
    }
    this.#asking = false;
    if (this.#listeners === 0 || this.#context.lifetime.closed) return;
    this.#timer = this.#context.clock.timer(pauseMs, () => void this.#ask());
  }
}

/** The role that a status tells of. */
export function roleOf(status: StatusResponse): Role {
  if (status.isLearner) return 'learner';
  if (status.leader === 0n) return 'unknown';
  return status.leader === status.header?.memberId ? 'leader' : 'follower';
}

function healthOf(status: StatusResponse): Health {
  const [error] = status.errors;
  if (error !== undefined) return { healthy: false, reason: error.trim() };
  if (status.leader === 0n) return { healthy: false, reason: STORE_ERROR_TEXT.NoLeader };
  return { healthy: true, reason: '' };
}
