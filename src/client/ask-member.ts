import { NodeClock } from '../host/node-clock.js';
import { NodeRandom } from '../host/node-random.js';
import type { Clock } from '../ports/clock.js';
import { isStoreError, LIMITS, type Role, StoreError } from '../store/index.js';
import { AlarmType } from '../wire/gen/etcdserverpb/maintenance_pb.js';
import { MAINTENANCE_METHODS } from '../wire/maintenance.js';
import { Connections } from './connections.js';
import { Deadline } from './deadline.js';
import { parseEndpoints } from './endpoint.js';
import { Lifetime } from './lifetime.js';
import { roleOf } from './member-status.js';
import type { ConnectOptions } from './options.js';
import { settingsOf } from './settings.js';
import { ONCE, UnaryCalls } from './unary.js';

/** What one member says of itself. */
export interface MemberReport {
  /** The version of etcd's interface that it serves. */
  readonly version: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The member that leads, as this one sees it; 0n for none. */
  readonly leaderId: bigint;
  readonly role: Role;
  readonly revision: number;
  readonly raftTerm: number;
  readonly raftIndex: number;
  readonly sizeBytes: number;
  readonly sizeInUseBytes: number;
  /** Alarms raised in the cluster, as `NOSPACE` or `CORRUPT`. */
  readonly alarms: readonly string[];
  /** What is wrong, in the member's words. */
  readonly errors: readonly string[];
}

/**
 * Asks the one member behind an endpoint about itself, over a connection of its own. Where a Store
 * is the cluster, this is a single member: what a person looks at when one of several behaves
 * badly.
 *
 * @example
 * const { role, revision } = await askMember('http://127.0.0.1:2379');
 *
 * @throws StoreError `InvalidArgument` for what is not one endpoint, `Unavailable`, `Canceled`
 */
export async function askMember(
  endpoint: string,
  options: ConnectOptions = {},
): Promise<MemberReport> {
  const endpoints = parseEndpoints(endpoint);
  if (endpoints.length > 1) {
    throw new StoreError('InvalidArgument', `"${endpoint}" is more than one endpoint`);
  }
  const clock = options.clock ?? new NodeClock();
  const random = options.random ?? new NodeRandom();
  const lifetime = new Lifetime();
  const { tls } = options;
  const connections = new Connections({ endpoints, tls, clock, random, lifetime });
  const settings = settingsOf(options);
  const calls = new UnaryCalls({ connections, lifetime, clock, random, settings });
  const timeoutMs = options.timeoutMs ?? LIMITS.clientConnectMs;
  using deadline = new Deadline(clock, timeoutMs, options.signal);
  try {
    return await ask(calls, deadline.signal, { clock, timeoutMs });
  } finally {
    lifetime.close();
    connections.close();
  }
}

interface AskTerms {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

async function ask(calls: UnaryCalls, signal: AbortSignal, terms: AskTerms): Promise<MemberReport> {
  const status = await calls.call(MAINTENANCE_METHODS.status, {}, ONCE, signal);
  const errors = status.errors.map((error) => error.trim());
  return {
    version: status.version,
    clusterId: status.header?.clusterId ?? 0n,
    memberId: status.header?.memberId ?? 0n,
    leaderId: status.leader,
    role: roleOf(status),
    revision: Number(status.header?.revision ?? 0n),
    raftTerm: Number(status.raftTerm),
    raftIndex: Number(status.raftIndex),
    sizeBytes: Number(status.dbSize),
    sizeInUseBytes: Number(status.dbSizeInUse),
    alarms: (await askAlarms(calls, signal, terms)) ?? errors.flatMap(alarmIn),
    errors,
  };
}

/**
 * The alarms; undefined when the member does not tell. An etcd without a leader tells its status
 * and is silent about alarms, and just that one is asked how it is.
 */
async function askAlarms(
  calls: UnaryCalls,
  signal: AbortSignal,
  { clock, timeoutMs }: AskTerms,
): Promise<readonly string[] | undefined> {
  using patience = new Deadline(clock, timeoutMs / 2, signal);
  try {
    const { alarms } = await calls.call(MAINTENANCE_METHODS.alarm, {}, ONCE, patience.signal);
    return alarms.map(({ alarm }) => (alarm === AlarmType.NOSPACE ? 'NOSPACE' : 'CORRUPT'));
  } catch (error) {
    if (isStoreError(error) && !signal.aborted) return undefined;
    throw error;
  }
}

/** Alarms are among the errors of a status too. */
function alarmIn(error: string): readonly string[] {
  const name = /alarm:(\w+)/.exec(error)?.[1];
  return name === undefined ? [] : [name];
}
