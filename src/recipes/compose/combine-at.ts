import { LIMITS } from '../../store/index.js';
import type { RecipeContext } from '../base/context.js';
import type { PrefixSnapshot, Prefixes, Snapshots } from '../base/prefix-snapshot.js';
import { RecipeView } from '../base/recipe-view.js';
import { CoordinationError } from '../errors.js';

/** What several views show, all at one revision. */
export interface CombinedAt<Values extends readonly unknown[]> {
  /** The revision of which all values are. */
  readonly revision: number;
  /** The value of each view, in the order in which the views were given. */
  readonly values: Values;
}

/** The type of the value that each view shows. */
export type ValuesOf<Views extends readonly RecipeView<unknown>[]> = {
  readonly [Place in keyof Views]: Views[Place] extends RecipeView<infer Value> ? Value : never;
};

/**
 * Several views as one, whose every value is of one revision. Combining the streams themselves
 * would show, between the arrival of two changes that were made together, a state that never
 * existed; here everything that the views are made of is read together. The answer is a view again,
 * so combined views can be combined.
 *
 * @throws CoordinationError `InvalidArgument` without views, or when they are made of more prefixes
 * than one transaction can read
 */
export function combineAt<const Views extends readonly RecipeView<unknown>[]>(
  context: RecipeContext,
  views: Views,
): RecipeView<CombinedAt<ValuesOf<Views>>> {
  const [first, ...others] = new Set(views.flatMap((view) => view.terms.prefixes));
  if (first === undefined) {
    throw new CoordinationError('InvalidArgument', 'combineAt needs at least one view');
  }
  const prefixes: Prefixes = [first, ...others];
  if (prefixes.length > LIMITS.txnOperations) {
    const count = `${prefixes.length} prefixes`;
    const message = `combineAt would read ${count} at once, of at most ${LIMITS.txnOperations}`;
    throw new CoordinationError('InvalidArgument', message);
  }
  const derive = (snapshots: Snapshots): CombinedAt<ValuesOf<Views>> => {
    const byPrefix = new Map(prefixes.map((text, place) => [text, snapshots[place]]));
    const values = views.map((view) => view.terms.derive(snapshotsOf(view, byPrefix)));
    return { revision: snapshots[0].revision, values: values as unknown as ValuesOf<Views> };
  };
  return new RecipeView(context, {
    prefixes,
    derive,
    // A revision that changes no value of any view is none of theirs.
    same: (a, b) =>
      views.every((view, place) => view.terms.same?.(a.values[place], b.values[place]) ?? false),
  });
}

/** What a view is made of, out of everything that was read. */
function snapshotsOf(
  view: RecipeView<unknown>,
  byPrefix: ReadonlyMap<string, PrefixSnapshot | undefined>,
): Snapshots {
  const find = (text: string): PrefixSnapshot => {
    const snapshot = byPrefix.get(text);
    if (snapshot === undefined) throw new Error(`prefix ${text} was not read`);
    return snapshot;
  };
  const [head, ...tail] = view.terms.prefixes;
  return [find(head), ...tail.map(find)];
}
