import {
  DEFAULT_SETTINGS,
  type KernelOptions,
  type MemberRecord,
  type ReplicaSettings,
} from '../../kernel/index.js';
import type { HistoryRecorder } from '../clients/history-recorder.js';
import type { Findings } from '../findings.js';
import type { SimNetwork } from '../sim-network.js';
import type { Simulation } from '../simulation.js';
import { ClusterJudge } from './cluster-judge.js';
import { type MemberWorld, SimMember } from './sim-member.js';

/** What a simulated cluster is made from. */
export interface SimClusterOptions {
  readonly sim: Simulation;
  readonly network: SimNetwork;
  readonly history: HistoryRecorder;
  readonly findings: Findings;
  /** Voters at the beginning, 1 to 7. */
  readonly memberCount: number;
  readonly settings?: Partial<ReplicaSettings>;
  /** How long whoever runs a member waits before starting it again; default 200 to 1200 ms. */
  readonly restartDelayMs?: () => number;
}

/** Who speaks to a cluster without being of it. */
export type Outsider =
  | { readonly twinOf: SimMember }
  | {
      readonly clusterId: bigint;
      readonly start: (own: MemberRecord) => KernelOptions['start'];
    };

/** Whose directory lies in a place apart. */
export interface Resident {
  readonly record: MemberRecord;
  /** As that of this cluster when it is not given. */
  readonly clusterId?: bigint;
}

/** Outsiders have numbers from here on. */
const OUTSIDER_FIRST = 0x100;

/** Small limits, so that short runs meet segments, marks, flushes and snapshots. */
const SMALL_SETTINGS: ReplicaSettings = {
  ...DEFAULT_SETTINGS,
  snapshotEntries: 20,
  backendBatchRows: 50,
  walSegmentBytes: 16 * 1024,
};

/**
 * Any number of members on machines and wires of their own, each with a real kernel, and somebody
 * who runs them: a member that stopped for a reason is started again. One that stops without a
 * reason is a finding. The faults come from elsewhere.
 *
 * @example
 * world.cluster.leader?.crash('power');
 * await sim.advance(5000); // somebody else leads by now
 * console.log(world.cluster.leader?.record.name);
 */
export class SimCluster {
  readonly sim: Simulation;
  readonly network: SimNetwork;
  readonly judge: ClusterJudge;
  readonly settings: ReplicaSettings;
  readonly #options: SimClusterOptions;
  readonly #members: SimMember[] = [];
  readonly #removed = new Set<SimMember>();
  readonly #world: MemberWorld;
  #outsiderCount = 0;
  #isSupervised = true;

  constructor(options: SimClusterOptions) {
    const { sim, network, history, findings, memberCount } = options;
    this.sim = sim;
    this.network = network;
    this.#options = options;
    this.settings = { ...SMALL_SETTINGS, ...options.settings };
    const records = Array.from({ length: memberCount }, (_, at) => recordOf(at + 1));
    const voters = records.map(({ id }) => id);
    this.judge = new ClusterJudge(
      { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      findings,
      sim.trace,
    );
    this.#world = {
      sim,
      network,
      judge: this.judge,
      history,
      findings,
      settings: this.settings,
      clusterId: 0xc1n,
      memberAt: (url) => this.#members.find((member) => member.url === url),
      onStopped: (member, error) => this.#onStopped(member, error),
    };
    const start = { kind: 'new', members: records } as const;
    for (const record of records) {
      this.#members.push(new SimMember(this.#world, record, memberCount === 1 ? undefined : start));
    }
  }

  /** Voters at the beginning. */
  get memberCount(): number {
    return this.#options.memberCount;
  }

  /** Every member that was ever there, removed ones too. */
  get everyone(): readonly SimMember[] {
    return this.#members;
  }

  /** The members that belong to the cluster, as far as whoever runs it knows. */
  get members(): readonly SimMember[] {
    return this.#members.filter((member) => !this.#removed.has(member));
  }

  /** The member that leads in the highest term, if one that serves says so. */
  get leader(): SimMember | undefined {
    let found: SimMember | undefined;
    let termMax = -1;
    for (const member of this.#members) {
      const status = member.kernel?.status();
      if (status?.role !== 'leader' || status.raftTerm <= termMax) continue;
      found = member;
      termMax = status.raftTerm;
    }
    return found;
  }

  /** Starts everything that is not running. */
  async start(): Promise<void> {
    await Promise.all(this.members.map((member) => member.start()));
  }

  /** A member that may be added: known here, not started, in nobody's configuration. */
  newMember(): SimMember {
    const record = recordOf(this.#members.length + 1);
    const members = this.members.map((other) => other.record);
    const member = new SimMember(this.#world, record, { kind: 'join', members });
    this.#members.push(member);
    return member;
  }

  /**
   * A process that is no member, excused whatever comes of it: a member of another cluster that has
   * the addresses of this one, or another machine that runs as one of its members.
   */
  outsider(who: Outsider): SimMember {
    const number = ++this.#outsiderCount;
    const isTwin = 'twinOf' in who;
    const record = isTwin ? who.twinOf.record : recordOf(OUTSIDER_FIRST + number);
    const { clusterId } = isTwin ? this.#world : who;
    const start = isTwin ? undefined : who.start(record);
    const traits = { name: `o${number}`, clusterId };
    const outsider = new SimMember(this.#world, record, start, traits);
    outsider.excuseDirectory('an outsider');
    return outsider;
  }

  /**
   * Processes on machines of their own that reach each other and nobody else, whatever is in their
   * directories: what somebody makes of copies of this cluster. They are outsiders to it.
   */
  apart(residents: readonly Resident[]): readonly SimMember[] {
    const places: SimMember[] = [];
    const memberAt = (url: string): SimMember | undefined =>
      places.find((place) => place.url === url);
    const world = { ...this.#world, memberAt, onStopped: () => undefined };
    for (const { record, clusterId = this.#world.clusterId } of residents) {
      const name = `o${++this.#outsiderCount}`;
      const place = new SimMember(world, record, undefined, { name, clusterId });
      place.excuseDirectory('an outsider');
      places.push(place);
    }
    return places;
  }

  /** Whoever runs the cluster knows that this member is out. */
  forget(member: SimMember): void {
    this.#removed.add(member);
  }

  /** Whether members that stopped for a reason are started again. */
  supervise(isSupervised: boolean): void {
    this.#isSupervised = isSupervised;
  }

  #onStopped(member: SimMember, error: Error): void {
    const { findings, sim } = { ...this.#options };
    if (member.excuse === undefined && !this.#removed.has(member)) {
      findings.report('crash-stop', `${member.name} stopped without a reason: ${error.message}`);
      return;
    }
    if (!this.#isSupervised || member.isDirectoryExcused || this.#removed.has(member)) return;
    const delayMs = this.#options.restartDelayMs?.() ?? 500;
    sim.after(delayMs, () => void member.start());
  }
}

function recordOf(number: number): MemberRecord {
  const url = `http://10.0.0.${number}:2380`;
  return {
    id: BigInt(0xa0 + number),
    name: `m${number}`,
    peerUrls: [url],
    clientUrls: [url],
    isLearner: false,
  };
}
