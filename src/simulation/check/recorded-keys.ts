import type { RevisionBatch } from '../../store/index.js';
import { keyText } from './key-text.js';

/** The keys of the events of each revision as text, made once for all who need them. */
export type RecordedKeys = readonly (readonly string[])[];

export function recordedKeys(revisions: readonly RevisionBatch[]): RecordedKeys {
  return revisions.map(({ events }) => events.map(({ kv }) => keyText(kv.key)));
}
