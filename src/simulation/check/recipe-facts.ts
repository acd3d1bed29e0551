import type { Births } from './births.js';
import type { History } from './history.js';
import type { KvModel } from './model.js';
import type { RecordedKeys } from './recorded-keys.js';
import type { Timeline } from './timeline.js';
import type { Writer } from './unclaimed.js';

/** What the checks of recipes are made against. */
export interface RecipeFacts {
  readonly history: History;
  readonly timeline: Timeline;
  readonly births: Births;
  /** The state after the last revision, with every version. */
  readonly model: KvModel;
  /** The keys of the events of each revision. */
  readonly keys: RecordedKeys;
  readonly writers: readonly (Writer | undefined)[];
}
