import { isBesideConfig, SIDE_ENDINGS } from '../base/names.js';

/**
 * Where recipes keep what they know about a configuration: beside its prefix and not under it.
 * Every instance watches all that is under the prefix, and would otherwise be woken by every report
 * of every other one.
 */

/** The prefix of the reports on a configuration, such as `app@status/` for `app/`. */
export function statusPrefix(configPrefix: string): string {
  return `${configPrefix.slice(0, -1)}${SIDE_ENDINGS.status}/`;
}

/** The prefix of what is known of a rollout, such as `app@rollout/` for `app/`. */
export function rolloutPrefix(configPrefix: string): string {
  return `${configPrefix.slice(0, -1)}${SIDE_ENDINGS.rollout}/`;
}

/**
 * Where a key lies that is no setting but belongs to a configuration which is nested in the prefix:
 * the prefix of all of its kind, after the outer one, such as `web@status/`; undefined for a
 * setting.
 * @param name - The key's text after the outer prefix.
 */
export function sidePrefixOf(name: string): string | undefined {
  if (!name.includes('@')) return undefined;
  const folders = name.split('/').slice(0, -1);
  const at = folders.findIndex(isBesideConfig);
  return at < 0 ? undefined : `${folders.slice(0, at + 1).join('/')}/`;
}
