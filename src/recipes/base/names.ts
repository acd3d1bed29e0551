import { toBytes, toText } from '../../store/index.js';
import { CoordinationError } from '../errors.js';

/**
 * Segments that the oldest key layouts use between a name and what belongs to it: lock "jobs/q"
 * would stand in the line of lock "jobs", whose keys are those under "jobs/q/". Those of all other
 * recipes begin with a mark. A first segment comes after no name, so it may be any of them.
 */
const RESERVED_SEGMENTS = ['q', 'c'];
const LAYOUT_MARK = '@';
/** What ends the segments beside a configuration, where its reports and rollouts lie. */
export const SIDE_ENDINGS = { status: '@status', rollout: '@rollout' } as const;
/** Text of which each character is one byte. */
const PLAIN_PATTERN = /^[ -~]*$/;
const GROUP_PATTERN = /^[a-zA-Z0-9.-]+$/;

/**
 * The name of a lock, an election and so on, when the keys of no other recipe could begin with it.
 * @throws CoordinationError `InvalidArgument`
 */
export function checkName(recipe: string, name: string): string {
  const refuse = (why: string): CoordinationError =>
    new CoordinationError('InvalidArgument', `${recipe} name ${JSON.stringify(name)} ${why}`);
  if (name === '') throw refuse('is empty');
  if (name.endsWith('/')) throw refuse('ends with "/"');
  if (`${name}/`.startsWith('reboot/')) throw refuse('begins with "reboot/", which groups use');
  if (!isExact(name)) throw refuse('is no text that a key can hold and give back');
  const segments = name.split('/');
  const at = segments.findIndex((segment, place) => place > 0 && isReserved(segment));
  if (at > 0) {
    const outer = segments.slice(0, at).join('/');
    const kept = `has the segment "${segments[at]}", under which "${outer}" keeps its own keys`;
    throw refuse(`${kept}: only the first segment may be "q" or "c", or begin with "@"`);
  }
  const side = segments.find(isBesideConfig);
  if (side !== undefined) {
    const kept = `has the segment "${side}", under which configurations keep reports`;
    throw refuse(`${kept}: end it in another way`);
  }
  return name;
}

/**
 * Whether a text comes back from its bytes; half a surrogate pair or a byte order mark does not.
 */
function isExact(text: string): boolean {
  return PLAIN_PATTERN.test(text) || toText(toBytes(text)) === text;
}

function isReserved(segment: string): boolean {
  return RESERVED_SEGMENTS.includes(segment) || segment.startsWith(LAYOUT_MARK);
}

/** Whether a segment is one under which recipes keep what they know of a configuration. */
export function isBesideConfig(segment: string): boolean {
  return segment.endsWith(SIDE_ENDINGS.status) || segment.endsWith(SIDE_ENDINGS.rollout);
}

/** A configuration prefix, with its slash. @throws CoordinationError `InvalidArgument` */
export function checkPrefix(prefix: string): string {
  if (prefix === '' || prefix === '/') {
    const message = `configuration prefix ${JSON.stringify(prefix)} would take in every key`;
    throw new CoordinationError('InvalidArgument', message);
  }
  return prefix.endsWith('/') ? prefix : `${prefix}/`;
}

/**
 * Whether a group of machines can be called so: letters, digits, "." and "-", as FleetLock has it.
 *
 * @example
 * const fits = ['racks.eu-1', 'racks/eu'].map(isRebootGroupName); // [true, false]
 */
export function isRebootGroupName(name: string): boolean {
  return GROUP_PATTERN.test(name);
}

/** @throws CoordinationError `InvalidArgument` */
export function checkGroup(group: string): string {
  if (isRebootGroupName(group)) return group;
  throw new CoordinationError(
    'InvalidArgument',
    `reboot group ${JSON.stringify(group)} does not match ${GROUP_PATTERN.source}`,
  );
}

/** @throws CoordinationError `InvalidArgument` */
export function checkNode(node: string): string {
  if (node === '') throw new CoordinationError('InvalidArgument', 'the reboot node has no name');
  return checkExact('reboot node', node);
}

/**
 * A text that becomes one segment of a key, such as the id of a message.
 * @throws CoordinationError `InvalidArgument` when it is empty, has a "/", or is not exact
 */
export function checkSegment(what: string, text: string): string {
  if (text !== '' && !text.includes('/')) return checkExact(what, text);
  const message = `${what} ${JSON.stringify(text)} is empty or has a "/"`;
  throw new CoordinationError('InvalidArgument', message);
}

/**
 * Two texts that are not exact can have the same bytes, and would be taken for one another.
 * @throws CoordinationError `InvalidArgument`
 */
export function checkExact(what: string, text: string): string {
  if (isExact(text)) return text;
  const message = `${what} ${JSON.stringify(text)} is no text that a key can hold and give back`;
  throw new CoordinationError('InvalidArgument', message);
}

/** A lease id as it appears in keys: lower-case hexadecimal, as etcd's own recipes write it. */
export function leaseHex(lease: bigint): string {
  return lease.toString(16);
}
