import type { KeyLayout } from '../base/key-layout.js';

const version = 1;

/**
 * The keys that stand beside a configuration. The settings themselves have the names that their
 * owner gives them, so there is no layout by which a key could be recognised as one.
 *
 * @example
 * for (const { pattern, meaning } of CONFIG_LAYOUT) console.log(pattern, meaning);
 */
export const CONFIG_LAYOUT: readonly KeyLayout[] = [
  {
    recipe: 'config',
    version,
    pattern: '<name>@status/<instance>',
    meaning: 'instance <instance> reports what it runs and refuses of configuration <name>/',
    value: '{revision, stateId, origin, refusal, sinceMs}',
    lease: 'the session of the instance',
  },
  {
    recipe: 'config-rollout',
    version,
    pattern: '<name>@rollout/trying/<instance>',
    meaning: '<instance> has begun to apply the state of <name>/ that the value names',
    value: '{stateId, revision, message, sinceMs, attempt}',
    lease: 'none: it must outlive a process that dies of the value',
  },
  {
    recipe: 'config-rollout',
    version,
    pattern: '<name>@rollout/live/<instance>',
    meaning: 'the instance that is trying lives; without it, it counts as failed',
    value: 'empty',
    lease: 'the session of the instance',
  },
  {
    recipe: 'config-rollout',
    version,
    pattern: '<name>@rollout/failed/<instance>',
    meaning: '<instance> has failed with a state of <name>/',
    value: '{stateId, revision, message, sinceMs, attempt}',
    lease: 'none: it counts until a state works there, or somebody clears it',
  },
  {
    recipe: 'config-rollout',
    version,
    pattern: '<name>@rollout/refused/<instance>',
    meaning: '<instance> does not accept a state of <name>/',
    value: '{stateId, revision, message, sinceMs, attempt}',
    lease: 'none: it counts until a state works there, or somebody clears it',
  },
  {
    recipe: 'config-rollout',
    version,
    pattern: '<name>@rollout/done/<instance>',
    meaning: '<instance> has applied a state of <name>/ and was healthy with it',
    value: '{stateId, revision, message, sinceMs, attempt}',
    lease: 'none: a restart knows by it that it need not wait',
  },
];
