import { concatMap, map, type Observable, scan } from 'rxjs';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { checkSegment } from '../base/names.js';
import type { Metadata } from '../base/note.js';
import { readPrefixes, readUntilGood } from '../base/prefix-snapshot.js';
import { RecipeView } from '../base/recipe-view.js';
import { membersPrefix } from './membership-layout.js';
import { changeBetween, type MembersChange, membersOf, type MembersView } from './members-view.js';
import { Membership } from './membership.js';

/** How to join a group. */
export interface JoinOptions extends WaitOptions {
  /** Who joins; one key segment. Default: the identity of the coordination object. */
  readonly id?: string;
  /** What others see of this member. */
  readonly metadata?: Metadata;
  /**
   * What happens when somebody else has the id: `reject` fails with `Conflict`, `replace` turns the
   * other one out, `suffix` takes `id-2`, `id-3` and so on. Default: reject.
   */
  readonly onConflict?: 'reject' | 'replace' | 'suffix';
}

/**
 * Who is there: a group of members, each with a key that its session keeps alive. Members register
 * anew by themselves when their session had to be opened again.
 *
 * @example
 * await using me = await coord.members('workers').join({ id: 'w7', metadata: { port: 8080 } });
 * coord.members('workers').members$.subscribe(({ members }) => balance(members));
 */
export class Members {
  readonly group: string;
  /** Everybody who is there, at one revision; an immutable value for each change. */
  readonly members$: RecipeView<MembersView>;
  /** As `members$`; every recipe has a status. */
  readonly status$: RecipeView<MembersView>;
  /**
   * What changes, beginning with everybody who is there at the time of subscription. States may be
   * left out between two, and what is told is the difference between those that are shown.
   */
  readonly changes$: Observable<MembersChange>;
  readonly #context: RecipeContext;

  constructor(context: RecipeContext, group: string) {
    this.#context = context;
    this.group = group;
    this.members$ = new RecipeView(context, {
      prefixes: [membersPrefix(group)],
      derive: ([snapshot]) => membersOf(snapshot),
    });
    this.status$ = this.members$;
    this.changes$ = this.members$.pipe(
      scan<MembersView, { view?: MembersView; change?: MembersChange }>(
        ({ view }, now) => ({ view: now, change: changeBetween(view, now) }),
        {},
      ),
      map(({ change }) => change),
      concatMap((change) => (change === undefined ? [] : [change])),
    );
  }

  /**
   * Joins the group; resolves when others can see it.
   * @throws CoordinationError `Conflict` when the id is taken, `Aborted`, `Timeout`,
   * `InvalidArgument`
   *
   * @example
   * const me = await coord.members('workers').join({ id: 'w7', onConflict: 'suffix' });
   * me.state$.subscribe(({ kind }) => log.info(me.id, kind));
   */
  async join(options: JoinOptions = {}): Promise<Membership> {
    const id = checkSegment('member id', options.id ?? this.#context.identity);
    const { metadata = {}, onConflict = 'reject' } = options;
    return await Membership.join(
      this.#context,
      { group: this.group, id, metadata, onConflict },
      options,
    );
  }

  /**
   * Who is there now, read from the store.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  async list(options: WaitOptions = {}): Promise<MembersView> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const read = async (): Promise<MembersView> => {
      const [snapshot] = await readPrefixes(store, [membersPrefix(this.group)], scope.signal);
      return membersOf(snapshot);
    };
    return await readUntilGood(store, scope, read, () => undefined);
  }
}
