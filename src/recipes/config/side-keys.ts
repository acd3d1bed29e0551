/**
 * Where recipes keep what they know about a configuration: beside its prefix and not under it.
 * Every instance watches all that is under the prefix, and would otherwise be woken by every report
 * of every other one.
 */
const STATUS = '@status';
const ROLLOUT = '@rollout';

/** The prefix of the reports on a configuration, such as `app@status/` for `app/`. */
export function statusPrefix(configPrefix: string): string {
  return `${configPrefix.slice(0, -1)}${STATUS}/`;
}

/** The prefix of what is known of a rollout, such as `app@rollout/` for `app/`. */
export function rolloutPrefix(configPrefix: string): string {
  return `${configPrefix.slice(0, -1)}${ROLLOUT}/`;
}

/**
 * Whether a key, named by its text after a prefix, is no setting but belongs to a configuration
 * that is nested in that prefix.
 */
export function isSideName(name: string): boolean {
  if (!name.includes('@')) return false;
  const folders = name.split('/').slice(0, -1);
  return folders.some((folder) => folder.endsWith(STATUS) || folder.endsWith(ROLLOUT));
}
