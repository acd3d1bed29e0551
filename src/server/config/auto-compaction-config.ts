import { ConfigError } from './config-error.js';
import { durationMs, type Settings } from './settings.js';

/** How much history is kept without anybody asking. */
export type AutoCompactionConfig =
  | { readonly mode: 'off' }
  | { readonly mode: 'periodic'; readonly periodMs: number }
  | { readonly mode: 'revision'; readonly keptRevisions: number };

/** A bare number means hours in periodic mode and revisions in the other, as in etcd. */
export function parseAutoCompaction(settings: Settings): AutoCompactionConfig {
  const mode = settings.choice('auto-compaction-mode', ['periodic', 'revision']);
  const { source, text } = settings.get('auto-compaction-retention');
  const count = /^\d+$/.test(text) ? Number(text) : undefined;
  if (count === 0) return { mode: 'off' };
  if (mode === 'revision') {
    if (count !== undefined && Number.isSafeInteger(count)) return { mode, keptRevisions: count };
    throw new ConfigError(source, text, 'is not a number of revisions, as the mode asks for');
  }
  const periodMs = count === undefined ? durationMs(text) : count * 3_600_000;
  if (periodMs === 0) return { mode: 'off' };
  if (periodMs !== undefined && periodMs >= 1000) return { mode, periodMs };
  throw new ConfigError(source, text, 'is not a duration of a second or more, such as 30m or 2h');
}
