import { type KeyValue, toText } from '../../store/index.js';
import { type JsonValue, parseObject } from '../base/note.js';
import { checkGroup } from '../base/names.js';
import { CoordinationError } from '../errors.js';
import { checkMax } from './reboot-policy.js';

/** The programs that kept reboot slots in an etcd before. */
export type ForeignSource = 'locksmith' | 'airlock';

/** A group of slots as another program left it. */
export interface ForeignSemaphore {
  readonly source: ForeignSource;
  readonly key: string;
  readonly group: string;
  readonly max: number;
  /** Ids of the machines that hold a slot. */
  readonly holders: readonly string[];
}

/** Locksmith wrote to etcd's second interface; its keys have a slash in front once they moved. */
const LOCKSMITH = 'coreos.com/updateengine/rebootlock/';
const LOCKSMITH_GROUP = /^\/?coreos\.com\/updateengine\/rebootlock\/groups\/([^/]+)\/semaphore$/;
const LOCKSMITH_DEFAULT = /^\/?coreos\.com\/updateengine\/rebootlock\/semaphore$/;
const AIRLOCK = 'com.coreos.airlock/groups/';
const AIRLOCK_GROUP = /^com\.coreos\.airlock\/groups\/([^/]+)\/v1\/semaphore$/;

/** The group of locksmith's that has no name. */
const DEFAULT_GROUP = 'default';

/**
 * The prefixes under which a program's semaphores lie.
 *
 * @example
 * for (const start of foreignPrefixes('locksmith')) {
 *   const { kvs } = await store.range(prefix(start));
 *   for (const kv of kvs) console.log(toText(kv.key));
 * }
 */
export function foreignPrefixes(source: ForeignSource): readonly string[] {
  return source === 'locksmith' ? [LOCKSMITH, `/${LOCKSMITH}`] : [AIRLOCK];
}

/**
 * Reads the semaphore that a pair is; undefined for a pair that is none.
 * @throws CoordinationError `InvalidArgument`, which names the key, for a semaphore that makes no
 * sense, or whose group has a name that no group of ours can have
 *
 * @example
 * const { kvs } = await store.range(prefix('com.coreos.airlock/groups/'));
 * for (const kv of kvs) {
 *   const semaphore = readForeignSemaphore('airlock', kv);
 *   if (semaphore !== undefined) console.log(semaphore.group, semaphore.holders);
 * }
 */
export function readForeignSemaphore(
  source: ForeignSource,
  kv: KeyValue,
): ForeignSemaphore | undefined {
  const key = toText(kv.key);
  const group = groupOf(source, key);
  if (group === undefined) return undefined;
  const document = parseObject(toText(kv.value));
  const field = source === 'locksmith' ? 'max' : 'total_slots';
  try {
    const max = checkMax(document[field]);
    if (typeof max !== 'number') throw invalid(key, `${field} is no number`);
    return { source, key, group: checkGroup(group), max, holders: holdersOf(key, document) };
  } catch (error) {
    if (!(error instanceof CoordinationError)) throw error;
    throw error.message.startsWith(key) ? error : invalid(key, error.message);
  }
}

function groupOf(source: ForeignSource, key: string): string | undefined {
  if (source === 'locksmith' && LOCKSMITH_DEFAULT.test(key)) return DEFAULT_GROUP;
  const escaped = (source === 'locksmith' ? LOCKSMITH_GROUP : AIRLOCK_GROUP).exec(key)?.[1];
  if (escaped === undefined) return undefined;
  try {
    return decodeURIComponent(escaped);
  } catch {
    throw invalid(key, `"${escaped}" is not escaped as in URLs`);
  }
}

function holdersOf(
  key: string,
  { holders }: { readonly [field: string]: JsonValue | undefined },
): readonly string[] {
  // Go writes an empty list as null.
  if (holders === null || holders === undefined) return [];
  const isList = Array.isArray(holders) && holders.every((id) => typeof id === 'string');
  if (!isList) throw invalid(key, 'holders is not a list of texts');
  return holders as readonly string[];
}

function invalid(key: string, why: string): CoordinationError {
  return new CoordinationError('InvalidArgument', `${key}: ${why}`);
}
