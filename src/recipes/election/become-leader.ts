import { toText, type TxnOperation } from '../../store/index.js';
import { awaitChange } from '../base/await-change.js';
import type { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { type QueuePlace, rangeOf } from '../base/queue-place.js';
import type { QueueView } from '../base/queue-view.js';
import type { ElectionKeys } from './election-layout.js';
import { encodeTerm } from './election-status.js';

/**
 * Waits until a candidate leads, and answers with its term: it claims the owner key as soon as it
 * is first in line and nobody owns it, or finds that somebody handed the leadership over to it. A
 * leader is made by nothing but the owner key; what a list shows only tells whom to wait for.
 */
export async function becomeLeader(
  context: RecipeContext,
  keys: ElectionKeys,
  place: QueuePlace,
  scope: CancelScope,
): Promise<number> {
  let term = place.wasFirst ? await claim(context, keys, place, scope) : undefined;
  for (;;) {
    await scope.race(place.session.confirmed());
    if (term !== undefined) {
      place.session.assertAlive();
      return term;
    }
    const view = await place.look(scope, [{ kind: 'range', key: keys.leader }]);
    const owner = rangeOf(view.extra[0])?.[0];
    if (owner !== undefined && toText(owner.value) === place.id) term = owner.modRevision;
    else if (view.ahead !== undefined || owner !== undefined) {
      await awaitTurn(context, keys, place, scope, view);
    } else term = await claim(context, keys, place, scope);
  }
}

/**
 * Until the one just ahead is gone, or at the head the leader. The own key is watched for all
 * changes: whoever hands the leadership over writes it, so that nobody else has to be woken.
 */
async function awaitTurn(
  context: RecipeContext,
  keys: ElectionKeys,
  place: QueuePlace,
  scope: CancelScope,
  view: QueueView,
): Promise<void> {
  const startRevision = view.revision + 1;
  const watches = [
    { key: view.ahead?.key ?? keys.leader, startRevision, noPut: true },
    { key: place.key, startRevision },
  ];
  const pollMs = context.safetyPollMs(place.session.ttlMs);
  await awaitChange(context.store, scope, watches, pollMs);
}

/** The term, or undefined when the claim did not succeed; then looking tells why. */
async function claim(
  context: RecipeContext,
  keys: ElectionKeys,
  place: QueuePlace,
  scope: CancelScope,
): Promise<number | undefined> {
  const { createRevision, id, session } = place;
  const { lease } = session;
  const result = await scope.retry(() =>
    place.write({
      compare: [
        { key: keys.leader, target: 'create', operator: '=', operand: 0 },
        { key: place.key, target: 'create', operator: '=', operand: createRevision },
      ],
      success: [
        { kind: 'put', key: keys.leader, value: id, lease },
        { kind: 'put', key: keys.term, value: encodeTerm(id, context.store.clock.wall()), lease },
      ],
    }),
  );
  return result.succeeded ? result.header.revision : undefined;
}

/** A claim may have succeeded without its candidate knowing; then it goes with the candidate. */
export function removeClaim(keys: ElectionKeys, id: string): TxnOperation {
  return {
    kind: 'txn',
    compare: [{ key: keys.leader, target: 'value', operator: '=', operand: id }],
    success: [
      { kind: 'delete', key: keys.leader },
      { kind: 'delete', key: keys.term },
    ],
  };
}
