import type { WaitPlan } from '../base/wait-plan.js';
import type { RolloutFailure } from './rollout-marks.js';

/** What can hold up the rollout on an instance. */
export type RolloutRule =
  /** The gate lets others go first. */
  | 'gate'
  /** More instances have failed than the budget allows. */
  | 'failure-budget'
  /** This instance itself has failed with the value. */
  | 'own-failure';

/**
 * How far the rollout is on this instance.
 *
 * - `idle`: the store has given no value yet.
 * - `queued`: it waits for its turn.
 * - `applying`, `soaking`: the handler is at work; it is done, and the instance must stay healthy.
 * - `applied`: the value of `revision` is in effect here.
 * - `failed`: it is not, because of `message`; a newer value or `clearRollout` goes on.
 * - `stopped`: too many instances have failed; a newer value or `clearRollout` goes on.
 * - `trouble`: the gate or the store could not be asked; it is tried again.
 */
export type RolloutState =
  | { readonly kind: 'idle' | 'closed' }
  | { readonly kind: 'queued' | 'applying' | 'soaking' | 'applied'; readonly revision: number }
  | { readonly kind: 'failed' | 'trouble'; readonly revision: number; readonly message: string }
  | {
      readonly kind: 'stopped';
      readonly revision: number;
      readonly failures: readonly RolloutFailure[];
    };

/** The plan that a state amounts to. */
export function planOf(state: RolloutState): WaitPlan<RolloutRule> {
  const revision = 'revision' in state ? state.revision : 0;
  const plan = { revision, position: 0, rule: undefined, blockers: [] };
  switch (state.kind) {
    case 'idle':
    case 'closed':
      return { ...plan, state: 'free', reason: 'there is nothing to apply' };
    case 'applying':
    case 'soaking':
      return { ...plan, state: 'held', reason: `it is its turn, and it is ${state.kind}` };
    case 'applied':
      return { ...plan, state: 'held', reason: `revision ${revision} is applied` };
    case 'queued':
    case 'trouble': {
      const why = state.kind === 'trouble' ? `: ${state.message}` : '';
      const reason = `revision ${revision} waits for its turn at the gate${why}`;
      return { ...plan, state: 'waiting', rule: 'gate', reason };
    }
    case 'failed': {
      const reason = `revision ${revision} failed here: ${state.message}`;
      return { ...plan, state: 'waiting', rule: 'own-failure', reason };
    }
    case 'stopped': {
      const blockers = state.failures.map(({ instance, sinceMs, message, kind }) => {
        return { key: instance, identity: instance, sinceMs, metadata: { kind, message } };
      });
      const names = state.failures.map(({ instance }) => instance).join(', ');
      const reason = `revision ${revision} is stopped: it failed on ${names}`;
      return { ...plan, state: 'waiting', rule: 'failure-budget', blockers, reason };
    }
  }
}
