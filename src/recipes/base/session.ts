import { BehaviorSubject, type Observable, skip, take } from 'rxjs';
import type { Timer } from '../../ports/clock.js';
import { isStoreError, type Store } from '../../store/index.js';
import { CoordinationError, describeLoss, type LossCause, toCoordinationError } from '../errors.js';
import { Ending } from './ending.js';
import { TIMING } from './timing.js';

/**
 * How sure a session is that the server still keeps its lease.
 *
 * - `alive`: the last keep-alive was acknowledged.
 * - `suspect`: one failed or is overdue, or the wall clock jumped; nothing is lost yet.
 * - `lost`: over, for good.
 */
export type SessionState =
  | { readonly kind: 'alive' }
  | { readonly kind: 'suspect'; readonly reason: 'unanswered' | 'clock-jump' }
  | { readonly kind: 'lost'; readonly loss: LossCause };

/** How long a session outlives its process, and how careful it is. */
export interface SessionOptions {
  /** Seconds after which the server gives up on a silent session; default 15. */
  readonly ttlSeconds?: number;
  /**
   * Milliseconds before the server's end of the lease at which the session calls itself lost;
   * default a tenth of the TTL that the server grants. It covers clocks that run at different
   * rates, and a suspend that is shorter; one of less than 50 ms is not noticed in any case.
   */
  readonly marginMs?: number;
  /**
   * Milliseconds from one acknowledged keep-alive to the next; default a third of the TTL. One
   * without an answer is sent again after half of that.
   */
  readonly keepAliveMs?: number;
}

interface SessionTerms {
  readonly lease: bigint;
  readonly ttlMs: number;
  readonly marginMs: number;
  readonly keepAliveMs: number;
  readonly sentMs: number;
}

/**
 * One lease, kept alive, with a deadline of its own that falls before the server's: it counts from
 * the moment at which the last acknowledged keep-alive was sent. Owns the renewing and the one
 * signal that everything bound to the lease follows. It never comes back once lost, and never
 * reports success without looking at the clock first, because a blocked event loop fires no timer.
 *
 * @example
 * const session = await Session.open(store, { ttlSeconds: 10 });
 * session.signal.addEventListener('abort', () => stopWorking());
 * await store.put({ key: 'workers/a', lease: session.lease });
 * await session.close();
 */
export class Session implements AsyncDisposable {
  /** The lease that keys of this session are attached to. */
  readonly lease: bigint;
  /** The end of the session, for what depends on it. */
  readonly ended = new Ending();
  /** What the server granted, in milliseconds. */
  readonly ttlMs: number;

  readonly #store: Store;
  readonly #marginMs: number;
  readonly #beatMs: number;
  readonly #state = new BehaviorSubject<SessionState>({ kind: 'alive' });
  readonly #calls = new AbortController();
  /** Keep-alives that are under way, the oldest first. */
  readonly #beats = new Set<AbortController>();
  #deadlineMs: number;
  /**
   * Wall minus monotonic time as trusted last; it growing by itself means that time passed unseen.
   */
  #wallOffsetMs: number;
  /** Keep-alives sent before this moment do not settle a clock jump. */
  #jumpSeenMs: number | undefined;
  /** How far the wall clock ran ahead in jumps that are not settled. */
  #jumpMs = 0;
  #beatTimer: Timer | undefined;
  #deadlineTimer: Timer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(store: Store, terms: SessionTerms) {
    const { lease, ttlMs, marginMs, keepAliveMs, sentMs } = terms;
    this.#store = store;
    this.lease = lease;
    this.ttlMs = ttlMs;
    this.#marginMs = marginMs;
    this.#beatMs = keepAliveMs;
    this.#deadlineMs = sentMs + ttlMs - marginMs;
    this.#wallOffsetMs = store.clock.wall() - store.clock.monotonic();
    this.#armDeadline();
    this.#armBeat(sentMs + keepAliveMs);
  }

  /**
   * Grants a lease and begins to renew it. It asks once.
   * @throws CoordinationError `InvalidArgument`, `Unavailable`, `StoreRefused`
   */
  static async open(store: Store, options: SessionOptions = {}): Promise<Session> {
    const ttlSeconds = options.ttlSeconds ?? TIMING.sessionTtlSeconds;
    if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1) {
      throw new CoordinationError('InvalidArgument', `TTL ${ttlSeconds} is not a positive integer`);
    }
    const { marginMs = 0 } = options;
    if (!(marginMs >= 0 && marginMs < ttlSeconds * 500)) {
      throw new CoordinationError(
        'InvalidArgument',
        `margin ${marginMs} ms is not below half the TTL`,
      );
    }
    const keepAliveMs = options.keepAliveMs ?? ttlSeconds * 1000 * TIMING.keepAliveFraction;
    if (!(keepAliveMs > 0 && keepAliveMs <= ttlSeconds * 500)) {
      throw new CoordinationError(
        'InvalidArgument',
        `keep-alives every ${keepAliveMs} ms are not more often than every half TTL`,
      );
    }
    const sentMs = store.clock.monotonic();
    const granted = await store.leases.grant({ ttlSeconds }).catch((error: unknown) => {
      throw toCoordinationError(error);
    });
    const ttlMs = granted.ttlSeconds * 1000;
    return new Session(store, {
      lease: granted.id,
      ttlMs,
      // Of what was granted: clocks that run apart do so for as long as the server counts.
      marginMs: options.marginMs ?? ttlMs * TIMING.marginFraction,
      keepAliveMs: options.keepAliveMs ?? ttlMs * TIMING.keepAliveFraction,
      sentMs,
    });
  }

  /** The state now, after a look at the clock. */
  get state(): SessionState {
    this.#lookAtClock();
    return this.#state.value;
  }

  /** The state and its changes; completes when the session is lost or closed. */
  get state$(): Observable<SessionState> {
    return this.#state.asObservable();
  }

  /**
   * Aborted when the session is lost or closed; the reason is a CoordinationError `SessionLost`.
   */
  get signal(): AbortSignal {
    return this.ended.signal;
  }

  /**
   * Milliseconds until the session calls itself lost unless a keep-alive is acknowledged; 0 when
   * lost.
   */
  expiresIn(): number {
    if (this.state.kind === 'lost') return 0;
    return this.#deadlineMs - this.#store.clock.monotonic();
  }

  /** Whether a clock jump made the session uncertain and the server has not answered yet. */
  get doubtful(): boolean {
    return this.state.kind !== 'lost' && this.#jumpSeenMs !== undefined;
  }

  /**
   * Returns when the session is certainly alive at this moment.
   * @throws CoordinationError `SessionLost`, or `Unavailable` while a clock jump is being looked
   * into
   */
  assertAlive(): void {
    const state = this.state;
    if (state.kind === 'lost') throw lostError(state.loss);
    if (this.#jumpSeenMs !== undefined) {
      throw new CoordinationError(
        'Unavailable',
        'the wall clock jumped ahead; the session is being confirmed with the server',
      );
    }
  }

  /**
   * Resolves when a doubt raised by a clock jump has been settled with the server; at once when
   * there is none. @throws CoordinationError `SessionLost`
   */
  async confirmed(): Promise<void> {
    while (this.doubtful) await this.#nextState();
    this.assertAlive();
  }

  /**
   * Passes on a call that attaches keys to the lease; if it says that the lease is gone, so it is.
   */
  async attach<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (isStoreError(error, 'LeaseNotFound')) this.#loseAtServer();
      throw error;
    }
  }

  /**
   * Asks the server once whether it still has the lease; if not, the session is lost. Says nothing
   * when the server does not answer.
   */
  async verify(): Promise<void> {
    const request = { id: this.lease };
    const { signal } = this.#calls;
    const left = await this.#store.leases.timeToLive(request, { signal }).catch(() => undefined);
    if (left !== undefined && left.remainingTtlSeconds < 0) this.#loseAtServer();
  }

  /**
   * Stops renewing and tells everything that depends on the session, but lets the lease run out by
   * itself.
   */
  leave(): void {
    this.#lose({ kind: 'closed' });
  }

  /**
   * Stops renewing, tells everything that depends on the session, then revokes the lease. Never
   * throws.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const known = this.state.kind !== 'lost';
    this.#lose({ kind: 'closed' });
    if (!known) return;
    const patience = new AbortController();
    const timer = this.#store.clock.timer(this.#beatMs, () => {
      patience.abort();
    });
    // When this fails the lease ends by itself, one TTL after the last keep-alive.
    await this.#store.leases.revoke(this.lease, { signal: patience.signal }).catch(() => undefined);
    timer.cancel();
  }

  /** The only place that notices time: before every answer and in every timer. */
  #lookAtClock(): void {
    if (this.#state.value.kind === 'lost') return;
    const { clock } = this.#store;
    const nowMs = clock.monotonic();
    const lateMs = nowMs - this.#deadlineMs;
    if (lateMs >= 0) {
      // A timer that runs this late was held up: what failed is this process, not the network.
      const stalled = lateMs > this.#marginMs;
      this.#lose(stalled ? { kind: 'stalled', stallMs: lateMs } : { kind: 'expired' });
      return;
    }
    const offsetMs = clock.wall() - nowMs;
    const aheadMs = offsetMs - this.#wallOffsetMs;
    if (aheadMs <= 0) this.#wallOffsetMs = offsetMs;
    if (aheadMs > Math.max(this.#marginMs, TIMING.clockJumpMinMs)) {
      this.#wallOffsetMs = offsetMs;
      this.#jumpSeenMs = nowMs;
      this.#jumpMs += aheadMs;
      this.#change({ kind: 'suspect', reason: 'clock-jump' });
      this.#beat();
    }
  }

  #beat(): void {
    const { clock, leases } = this.#store;
    const sentMs = clock.monotonic();
    this.#armBeat(sentMs + this.#beatMs / 2);
    const [oldest] = this.#beats;
    // Who does not answer for so long does not answer the oldest either.
    if (oldest !== undefined && this.#beats.size >= TIMING.keepAlivesMax) oldest.abort();
    const call = new AbortController();
    this.#beats.add(call);
    leases
      .keepAlive(this.lease, { signal: call.signal })
      .finally(() => this.#beats.delete(call))
      .then(
        () => this.#acknowledge(sentMs),
        (error: unknown) => this.#fail(error),
      );
  }

  #acknowledge(sentMs: number): void {
    this.#lookAtClock();
    if (this.#state.value.kind === 'lost') return;
    const deadlineMs = sentMs + this.ttlMs - this.#marginMs;
    if (deadlineMs > this.#deadlineMs) {
      this.#deadlineMs = deadlineMs;
      this.#armDeadline();
      this.#armBeat(sentMs + this.#beatMs);
    }
    if (this.#jumpSeenMs !== undefined && sentMs < this.#jumpSeenMs) return;
    this.#jumpSeenMs = undefined;
    this.#jumpMs = 0;
    this.#change({ kind: 'alive' });
  }

  #fail(error: unknown): void {
    this.#lookAtClock();
    if (this.#state.value.kind === 'lost') return;
    if (isStoreError(error, 'LeaseNotFound')) this.#loseAtServer();
    else this.#doubt();
  }

  /** The server does not know the lease. After a jump the time may have been up, unseen by us. */
  #loseAtServer(): void {
    const jumped = this.#jumpSeenMs !== undefined;
    this.#lose(jumped ? { kind: 'clock-jump', jumpMs: this.#jumpMs } : { kind: 'revoked' });
  }

  /** Anything but a lost lease may pass, so the beats go on until the deadline. */
  #doubt(): void {
    if (this.#state.value.kind === 'alive') this.#change({ kind: 'suspect', reason: 'unanswered' });
  }

  #armBeat(atMs: number): void {
    const { clock } = this.#store;
    this.#beatTimer?.cancel();
    this.#beatTimer = clock.timer(Math.max(0, atMs - clock.monotonic()), () => {
      this.#lookAtClock();
      if (this.#state.value.kind === 'lost') return;
      const overdueMs = this.#beatMs * 1.5;
      const sinceMs = clock.monotonic() - (this.#deadlineMs + this.#marginMs - this.ttlMs);
      if (sinceMs >= overdueMs) this.#doubt();
      this.#beat();
    });
  }

  #armDeadline(): void {
    const { clock } = this.#store;
    this.#deadlineTimer?.cancel();
    const delayMs = Math.max(0, this.#deadlineMs - clock.monotonic());
    this.#deadlineTimer = clock.timer(delayMs, () => this.#lookAtClock());
  }

  #lose(loss: LossCause): void {
    if (this.#state.value.kind === 'lost') return;
    this.#beatTimer?.cancel();
    this.#deadlineTimer?.cancel();
    this.#state.next({ kind: 'lost', loss });
    this.#state.complete();
    this.#calls.abort();
    for (const call of this.#beats) call.abort();
    this.ended.end(lostError(loss));
  }

  #change(state: Exclude<SessionState, { kind: 'lost' }>): void {
    if (this.#state.value.kind !== state.kind) this.#state.next(state);
  }

  #nextState(): Promise<void> {
    return new Promise((resolve) => {
      this.#state.pipe(skip(1), take(1)).subscribe({ complete: resolve });
    });
  }
}

function lostError(loss: LossCause): CoordinationError {
  return new CoordinationError('SessionLost', `session lost: ${describeLoss(loss)}`, { loss });
}
