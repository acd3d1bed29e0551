import type { RecipeContext } from '../base/context.js';
import { RecipeView, type RecipeViewTerms } from '../base/recipe-view.js';

import { CoordinationError } from '../errors.js';
import type { RawConfig } from './config-decode.js';
import { judge, type JudgeOptions } from './config-judge.js';
import { type ConfigState, isEmptyState, partOf } from './config-source.js';
import type { StandardSchema } from './standard-schema.js';

/** What the view of a configuration is made of. */
export interface ConfigViewTerms<T> {
  readonly prefixes: RecipeViewTerms<T>['prefixes'];
  readonly toRaw: (state: ConfigState) => RawConfig;
  readonly schema: StandardSchema<T>;
  readonly options: JudgeOptions<T> & { readonly default?: T };
}

/**
 * The configuration at each revision as it is there, for those who combine it with other things at
 * one revision. It remembers nothing, so a refused revision is undefined and not the last good
 * value; and it cannot wait, so it errors when schema or check turn out to be asynchronous.
 */
export function configView<T>(
  context: RecipeContext,
  { prefixes, toRaw, schema, options }: ConfigViewTerms<T>,
): RecipeView<T | undefined> {
  return new RecipeView<T | undefined>(context, {
    prefixes,
    derive: (snapshots) => {
      const [{ revision }] = snapshots;
      const parts = snapshots.map((snapshot, at) => partOf(prefixes[at] ?? '', snapshot));
      const state = { revision, parts };
      if (isEmptyState(state) && 'default' in options) return options.default;
      const verdict = judge(toRaw(state), schema, options);
      if (verdict instanceof Promise) {
        const message = 'a configuration at a revision needs a schema and a check that do not wait';
        throw new CoordinationError('InvalidArgument', message);
      }
      return verdict.kind === 'accept' ? verdict.value : undefined;
    },
  });
}
