import { NodeClock } from '../host/node-clock.js';
import { NodeRandom } from '../host/node-random.js';
import { LIMITS } from '../store/index.js';
import { CLUSTER_METHODS as CLUSTER } from '../wire/cluster.js';
import type { Member } from '../wire/gen/etcdserverpb/cluster_pb.js';
import {
  AlarmRequest_AlarmAction as Action,
  type AlarmResponse,
  AlarmType,
} from '../wire/gen/etcdserverpb/maintenance_pb.js';
import { MAINTENANCE_METHODS as MAINTENANCE } from '../wire/maintenance.js';
import { Connections } from './connections.js';
import { parseEndpoints } from './endpoint.js';
import { Lifetime } from './lifetime.js';
import type { ConnectOptions } from './options.js';
import { settingsOf } from './settings.js';
import { openSnapshot, type RemoteSnapshot } from './remote-snapshot.js';
import { LOCAL_READ, ONCE, READ, UnaryCalls, WRITE } from './unary.js';

/** A member as the cluster knows it. */
export interface ClusterMember {
  readonly id: bigint;
  /** Empty until the member has started for the first time. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  /** Whether it has no vote. */
  readonly isLearner: boolean;
}

/** The members after a call. */
export interface ClusterMembers {
  readonly clusterId: bigint;
  readonly members: readonly ClusterMember[];
}

/** A member in trouble, which holds back the whole cluster until an operator clears it. */
export interface ClusterAlarm {
  readonly memberId: bigint;
  /** No room: writes are refused. Corrupt: its data differs from the others', nobody is served. */
  readonly alarm: 'NOSPACE' | 'CORRUPT';
}

/**
 * What an operator does to a cluster, over connections of its own. Changes of the members are made
 * through any member, and are not sent again when it is unknown what came of them: ask for the
 * members then. Where a Store is for what the cluster keeps, this is for the cluster itself.
 *
 * @example
 * await using admin = new ClusterAdmin('http://127.0.0.1:2379');
 * const { members } = await admin.members();
 */
export class ClusterAdmin implements AsyncDisposable {
  readonly #connections: Connections;
  readonly #lifetime = new Lifetime();
  readonly #calls: UnaryCalls;
  readonly #signal: AbortSignal | undefined;

  /**
   * Connects when it is first used; `signal` ends every call.
   * @throws StoreError `InvalidArgument` for an endpoint that is none
   */
  constructor(endpoints: string | readonly string[], options: ConnectOptions = {}) {
    const { tls, clock = new NodeClock(), random = new NodeRandom() } = options;
    const lifetime = this.#lifetime;
    this.#signal = options.signal;
    this.#connections = new Connections({
      endpoints: parseEndpoints(endpoints),
      tls,
      clock,
      random,
      lifetime,
    });
    const retryMs = options.retryMs ?? options.timeoutMs ?? LIMITS.clientConnectMs;
    const settings = settingsOf({ ...options, retryMs, writes: 'at-most-once' });
    const connections = this.#connections;
    this.#calls = new UnaryCalls({ connections, lifetime, clock, random, settings });
  }

  /**
   * All members. None that was added before the call is missed, unless `linearizable` is false:
   * then a member tells what it knows, and needs no leader for that.
   */
  async members({ linearizable = true } = {}): Promise<ClusterMembers> {
    const terms = linearizable ? READ : LOCAL_READ;
    const request = { linearizable };
    return membersOf(await this.#calls.call(CLUSTER.memberList, request, terms, this.#signal));
  }

  /**
   * Adds a member, which is started after that. @returns it among all
   * @throws StoreError `BadMemberUrls`, `PeerUrlExists`, `TooManyLearners`, `NotEnoughStarted`,
   * `UnhealthyCluster`; `Timeout`, `Unavailable` when nobody can say what came of it
   */
  async addMember(
    peerUrls: readonly string[],
    { isLearner = false }: { readonly isLearner?: boolean } = {},
  ): Promise<ClusterMembers & { readonly added: ClusterMember }> {
    const request = { peerURLs: [...peerUrls], isLearner };
    const answer = await this.#calls.call(CLUSTER.memberAdd, request, WRITE, this.#signal);
    const { member } = answer;
    const added = member === undefined ? undefined : memberOf(member);
    if (added === undefined) throw new Error('the server added a member and does not say which');
    return { ...membersOf(answer), added };
  }

  /** @throws StoreError `MemberNotFound`, `NotEnoughStarted`, `UnhealthyCluster`, and as above */
  async removeMember(id: bigint): Promise<ClusterMembers> {
    const request = { ID: id };
    return membersOf(await this.#calls.call(CLUSTER.memberRemove, request, WRITE, this.#signal));
  }

  /** @throws StoreError `MemberNotFound`, `PeerUrlExists`, `BadMemberUrls`, and as above */
  async updateMember(id: bigint, peerUrls: readonly string[]): Promise<ClusterMembers> {
    const request = { ID: id, peerURLs: [...peerUrls] };
    return membersOf(await this.#calls.call(CLUSTER.memberUpdate, request, WRITE, this.#signal));
  }

  /** @throws StoreError `MemberNotFound`, `NotLearner`, `LearnerNotReady`, and as above */
  async promoteMember(id: bigint): Promise<ClusterMembers> {
    const request = { ID: id };
    return membersOf(await this.#calls.call(CLUSTER.memberPromote, request, WRITE, this.#signal));
  }

  /**
   * Has the member in use hand leadership to `target`; it must be the leader, so this is for an
   * object with the leader's endpoint alone.
   * @throws StoreError `NotLeader`, `BadLeaderTransferee`, `Timeout`
   */
  async moveLeader(target: bigint): Promise<void> {
    await this.#calls.call(MAINTENANCE.moveLeader, { targetID: target }, ONCE, this.#signal);
  }

  /** The alarms that are raised, as the member in use knows them; needs no leader. */
  async alarms(): Promise<readonly ClusterAlarm[]> {
    const request = { action: Action.GET };
    return alarmsOf(await this.#calls.call(MAINTENANCE.alarm, request, LOCAL_READ, this.#signal));
  }

  /**
   * Clears an alarm, whatever raised it: mend that before, or it is raised again.
   * @returns it, or nothing when it was not raised
   * @throws StoreError `Timeout`, `Unavailable` when nobody can say what came of it
   */
  async disarmAlarm({ memberId, alarm }: ClusterAlarm): Promise<readonly ClusterAlarm[]> {
    const request = { action: Action.DEACTIVATE, memberID: memberId, alarm: AlarmType[alarm] };
    return alarmsOf(await this.#calls.call(MAINTENANCE.alarm, request, WRITE, this.#signal));
  }

  /** The state of the member in use, as a file. */
  async snapshot(): Promise<RemoteSnapshot> {
    return openSnapshot(await this.#connections.acquire(this.#signal), this.#signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.close();
    this.#connections.close();
  }
}

interface MembersAnswer {
  readonly header?: { readonly clusterId: bigint } | undefined;
  readonly members: readonly Member[];
}

function membersOf({ header, members }: MembersAnswer): ClusterMembers {
  return { clusterId: header?.clusterId ?? 0n, members: members.map(memberOf) };
}

function memberOf({ ID, name, peerURLs, clientURLs, isLearner }: Member): ClusterMember {
  return { id: ID, name, peerUrls: peerURLs, clientUrls: clientURLs, isLearner };
}

function alarmsOf({ alarms }: Pick<AlarmResponse, 'alarms'>): readonly ClusterAlarm[] {
  return alarms.map(({ memberID, alarm }) => ({
    memberId: memberID,
    alarm: alarm === AlarmType.NOSPACE ? 'NOSPACE' : 'CORRUPT',
  }));
}
