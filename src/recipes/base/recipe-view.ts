import { distinctUntilChanged, filter, map, Observable, shareReplay, takeUntil } from 'rxjs';
import type { RecipeContext } from './context.js';
import type { Prefixes, Snapshots } from './prefix-snapshot.js';
import { viewPrefix } from './prefix-view.js';
import { viewPrefixes } from './view-prefixes.js';

/** What a view is made of. */
export interface RecipeViewTerms<T> {
  /** The prefixes that it is read from, at least one. */
  readonly prefixes: Prefixes;
  /** The value; the snapshots are those of the prefixes, in their order, all of one revision. */
  readonly derive: (snapshots: Snapshots) => T;
  /** Whether a change of value is none; default: never, for a change of keys is one. */
  same?(a: T, b: T): boolean;
}

/**
 * What a recipe shows of itself: a value for each revision that changes it. It replays the last
 * one, shares one watch among its subscribers, completes when the coordination object closes, and
 * keeps its last value while the store is out of reach. It also says what it is made of, so that
 * several views can be read at one revision.
 *
 * @example
 * const { leader$ } = coord.election('scheduler');
 * leader$.subscribe((leader) => show(leader?.value ?? 'nobody leads'));
 */
export class RecipeView<T> extends Observable<T> {
  readonly terms: RecipeViewTerms<T>;

  constructor(context: RecipeContext, terms: RecipeViewTerms<T>) {
    const values = follow(context, terms).pipe(
      distinctUntilChanged((a, b) => terms.same?.(a, b) ?? false),
      takeUntil(context.closed$),
      shareReplay({ bufferSize: 1, refCount: true }),
    );
    super((subscriber) => values.subscribe(subscriber));
    this.terms = terms;
  }
}

function follow<T>({ store }: RecipeContext, terms: RecipeViewTerms<T>): Observable<T> {
  const [first, ...others] = terms.prefixes;
  const snapshots =
    others.length === 0
      ? viewPrefix(store, first).pipe(
          map((event): Snapshots | undefined =>
            event.kind === 'snapshot' ? [event.snapshot] : undefined,
          ),
        )
      : viewPrefixes(store, terms.prefixes).pipe(
          map((event) => (event.kind === 'snapshots' ? event.snapshots : undefined)),
        );
  return snapshots.pipe(
    filter((known) => known !== undefined),
    map(terms.derive),
  );
}
