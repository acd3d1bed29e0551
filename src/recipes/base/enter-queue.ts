import { CancelScope } from './cancel-scope.js';
import type { RecipeContext } from './context.js';
import { isCoordinationError } from '../errors.js';
import type { QueuePlace } from './queue-place.js';
import type { Session } from './session.js';

/** How to get into a queue. */
export interface Entrance<T> {
  readonly session: () => Promise<Session>;
  readonly place: (session: Session) => QueuePlace;
  readonly enter: (place: QueuePlace, scope: CancelScope) => Promise<T>;
  /** Clears away what a failed entrance may have left. */
  readonly drop: (place: QueuePlace) => void;
}

/**
 * Enters a queue, and begins again with a new session when the one at hand turns out to have ended:
 * the shared session may have lost its lease a moment ago without having heard of it, and nothing
 * is lost with it before the entry exists. From then on `outer` ends with the session.
 */
export async function enterQueue<T>(
  context: RecipeContext,
  outer: CancelScope,
  entrance: Entrance<T>,
): Promise<{ readonly place: QueuePlace; readonly entry: T }> {
  for (;;) {
    const session = await entrance.session();
    using scope = new CancelScope(context.store, {}, outer.ended, session.ended);
    const place = entrance.place(session);
    try {
      const entry = await entrance.enter(place, scope);
      outer.add(session.ended);
      return { place, entry };
    } catch (error) {
      entrance.drop(place);
      if (outer.signal.aborted || !isCoordinationError(error, 'SessionLost')) throw error;
    }
  }
}
