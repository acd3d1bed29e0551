import { BehaviorSubject, filter, firstValueFrom, type Observable, Subscription } from 'rxjs';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { CoordinationError, isCoordinationError } from '../errors.js';
import type { Leadership } from './leadership.js';

type Work<T> = (term: number, signal: AbortSignal, leadership: Leadership) => Promise<T> | T;

/** How one term ended: by the work itself, or by the loss of the leadership under it. */
type Outcome<T> = { readonly kind: 'done'; readonly result: T } | { readonly kind: 'lost' };

/**
 * The loop that owns a worker: never two at once, because the next campaign begins only when the
 * last work has ended, however long it takes to notice its signal.
 */
export async function runWhileLeader<T>(
  context: RecipeContext,
  campaign: (options: WaitOptions) => Promise<Leadership>,
  work: Work<T>,
  options: WaitOptions & { readonly healthy$?: Observable<boolean> },
): Promise<T | undefined> {
  using scope = new CancelScope(context.store, options, context.closed);
  using fit = new Fitness(options.healthy$, scope);
  const stopped = (): boolean => options.signal?.aborted === true;
  while (!stopped()) {
    if (!fit.now) {
      await fit.wait().catch((error: unknown) => {
        if (!stopped()) throw error;
      });
      continue;
    }
    const leadership = await stand(context, scope, fit, campaign).catch((error: unknown) => {
      if (stopped() || isPassing(error) || (!fit.now && !scope.signal.aborted)) return undefined;
      throw error;
    });
    if (leadership === undefined) continue;
    const outcome = await serve(leadership, scope, fit, work);
    if (outcome.kind === 'done') return outcome.result;
    if (!stopped()) scope.check();
  }
  return undefined;
}

/** One campaign, given up when the process becomes unfit. */
async function stand(
  context: RecipeContext,
  scope: CancelScope,
  fit: Fitness,
  campaign: (options: WaitOptions) => Promise<Leadership>,
): Promise<Leadership> {
  using standing = new CancelScope(context.store, {}, scope.ended);
  const unfollow = fit.follow(() => standing.abort(unfit()));
  return await campaign({ signal: standing.signal }).finally(unfollow);
}

/** One term: the work fails or ends by itself, or ends because its signal was aborted. */
async function serve<T>(
  leadership: Leadership,
  scope: CancelScope,
  fit: Fitness,
  work: Work<T>,
): Promise<Outcome<T>> {
  const term = new AbortController();
  const end = (): void => {
    const reason = leadership.signal.reason ?? scope.signal.reason ?? unfit();
    if (!term.signal.aborted) term.abort(reason);
  };
  const unfollow = fit.follow(end);
  leadership.signal.addEventListener('abort', end, { once: true });
  scope.signal.addEventListener('abort', end, { once: true });
  if (leadership.signal.aborted || scope.signal.aborted || !fit.now) end();
  try {
    if (term.signal.aborted) return { kind: 'lost' };
    const result = await work(leadership.term, term.signal, leadership);
    return term.signal.aborted ? { kind: 'lost' } : { kind: 'done', result };
  } catch (error) {
    // Work that was told to stop may end in any way it likes.
    if (!term.signal.aborted) throw error;
    return { kind: 'lost' };
  } finally {
    unfollow();
    leadership.signal.removeEventListener('abort', end);
    scope.signal.removeEventListener('abort', end);
    await leadership[Symbol.asyncDispose]();
  }
}

/** A campaign that failed for such a reason is simply begun again. */
function isPassing(error: unknown): boolean {
  return isCoordinationError(error, 'SessionLost') || isCoordinationError(error, 'LockLost');
}

function unfit(): CoordinationError {
  return new CoordinationError('NotOwner', 'stepped down: this process is not healthy');
}

/** Whether the process may lead, as its health stream said last; without a stream always. */
class Fitness implements Disposable {
  readonly #fit = new BehaviorSubject(true);
  readonly #scope: CancelScope;
  readonly #subscription: Subscription;

  constructor(healthy$: Observable<boolean> | undefined, scope: CancelScope) {
    this.#scope = scope;
    this.#subscription =
      healthy$?.subscribe({
        next: (healthy) => this.#fit.next(healthy),
        // A check that is broken says nothing good, and nobody would hear of it otherwise.
        error: (error: unknown) => {
          this.#fit.next(false);
          scope.abort(error);
        },
      }) ?? new Subscription();
  }

  get now(): boolean {
    return this.#fit.value;
  }

  /** Resolves when the process is fit. */
  async wait(): Promise<void> {
    await this.#scope.race(firstValueFrom(this.#fit.pipe(filter((fit) => fit))));
  }

  /** Calls when the process becomes unfit. Returns the way to stop that. */
  follow(unfit: () => void): () => void {
    const subscription = this.#fit.pipe(filter((fit) => !fit)).subscribe(unfit);
    return () => subscription.unsubscribe();
  }

  [Symbol.dispose](): void {
    this.#subscription.unsubscribe();
    this.#fit.complete();
  }
}
