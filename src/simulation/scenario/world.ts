import type { ReplicaSettings } from '../../kernel/index.js';
import { HistoryRecorder } from '../clients/history-recorder.js';
import { SimStore, type SimStoreOptions } from '../clients/sim-store.js';
import { SimCluster } from '../cluster/sim-cluster.js';
import type { SimMember } from '../cluster/sim-member.js';
import { Coverage } from '../coverage.js';
import { Findings } from '../findings.js';
import { SimDice } from '../sim-dice.js';
import { SimMachine } from '../sim-machine.js';
import { SimNetwork } from '../sim-network.js';
import { SimProcess } from '../sim-process.js';
import type { Simulation } from '../simulation.js';
import type { SimClient } from './sim-client.js';

/** What a world is made of. */
export interface WorldOptions {
  readonly sim: Simulation;
  readonly memberCount: number;
  readonly settings?: Partial<ReplicaSettings>;
  /** Calls that all clients together make in a second. */
  readonly callsPerSecond: number;
}

/** Pause between two pieces of a state in which it still counts as under way. */
const PIECE_GAP_MS = 100;

/** How one client differs from the others. */
export type ClientTraits = Partial<
  Pick<
    SimStoreOptions,
    'timeoutMs' | 'pingMs' | 'windowMessages' | 'readMs' | 'isLoyal' | 'isRestless'
  >
>;

/**
 * Everything that a scenario plays with: the cluster, the wires, the clients, what they did, and
 * what was found. It says when the load must end and when faults must; it does neither by itself.
 *
 * @example
 * const sim = new Simulation({ seed: 42 });
 * const world = new World({ sim, memberCount: 3, callsPerSecond: 0 });
 * await sim.run(world.cluster.start(), 10_000);
 * const { store } = world.addClient();
 * await sim.run(store.put({ key: 'greeting', value: 'hello' }), 10_000);
 */
export class World {
  readonly sim: Simulation;
  readonly network: SimNetwork;
  readonly cluster: SimCluster;
  readonly history: HistoryRecorder;
  readonly findings: Findings;
  readonly coverage = new Coverage();
  readonly callsPerSecond: number;
  readonly #clients: SimClient[] = [];
  readonly #faultSpans: { readonly fromMs: number; readonly toMs: number }[] = [];
  readonly #faultNames = new Set<string>();
  #faultCount = 0;
  #compactions = 0;
  #wakeHealers: (() => void)[] = [];
  /** No new fault, and those that are there end. */
  isHealing = false;
  /** From when on everything worked again. */
  healedMs: number | undefined;
  /** No new call. */
  isEnding = false;

  constructor(options: WorldOptions) {
    const { sim, memberCount, settings } = options;
    const nowMs = (): number => sim.nowMs;
    const dice = new SimDice(sim.random.split('supervisor'));
    this.sim = sim;
    this.callsPerSecond = options.callsPerSecond;
    this.network = new SimNetwork(sim);
    this.history = new HistoryRecorder(nowMs);
    this.findings = new Findings(nowMs);
    this.cluster = new SimCluster({
      sim,
      network: this.network,
      history: this.history,
      findings: this.findings,
      memberCount,
      restartDelayMs: () => 200 + dice.below(1000),
      ...(settings === undefined ? {} : { settings }),
    });
  }

  get clients(): readonly SimClient[] {
    return this.#clients;
  }

  /** Faults so far. */
  get faultCount(): number {
    return this.#faultCount;
  }

  /** Whether nothing but this fault has happened to the cluster so far. */
  isOnlyFault(name: string): boolean {
    return this.#faultNames.size === 1 && this.#faultNames.has(name);
  }

  /** An election may take up to twice as long. */
  get electionMs(): number {
    const { heartbeatMs, electionTicks } = this.cluster.settings;
    return heartbeatMs * electionTicks;
  }

  /** The highest revision that anybody reached: what a client may take for about now. */
  get revisionMax(): number {
    return Math.max(this.history.nextRevision - 1, this.cluster.judge.revisionMax);
  }

  /** A new client on a machine of its own. */
  addClient(traits: ClientTraits = {}): SimClient {
    const number = this.#clients.length;
    const machine = new SimMachine(this.sim, `c${number}`);
    const process = new SimProcess(machine, 1, () => undefined);
    const random = this.sim.random.split(machine.name);
    const store = new SimStore({
      sim: this.sim,
      network: this.network,
      machine,
      process,
      history: this.history,
      client: number,
      random: random.split('store'),
      endpoints: () => this.cluster.members,
      timeoutMs: 3000,
      pingMs: 1000,
      windowMessages: 8,
      readMs: 0,
      ...traits,
    });
    const client: SimClient = {
      number,
      machine,
      process,
      store,
      dice: new SimDice(random.split('dice')),
      pause: (ms) => new Promise((resolve) => void process.clock.timer(ms, resolve)),
    };
    this.#clients.push(client);
    return client;
  }

  /** A fault happens to the cluster, now. */
  noteFault(name: string, detail = ''): void {
    this.#faultCount++;
    this.#faultNames.add(name);
    this.sim.trace.note(name, this.#faultCount);
    this.sim.trace.tell(`** ${name} ${detail}`);
    this.coverage.met(name, this.#states());
  }

  /** From when to when there were faults; one that lasts is not in it yet. */
  get faultSpans(): readonly { readonly fromMs: number; readonly toMs: number }[] {
    return this.#faultSpans;
  }

  /** A fault that began then is over, or what it has left will be at another time. */
  noteSpan(fromMs: number, toMs = this.sim.nowMs): void {
    this.#faultSpans.push({ fromMs, toMs });
  }

  /** Somebody waits until discarded history is gone. */
  async whileCompacting<T>(work: Promise<T>): Promise<T> {
    this.#compactions++;
    try {
      return await work;
    } finally {
      this.#compactions--;
    }
  }

  /** What is under way in the cluster as a whole. */
  #affairs(): readonly string[] {
    const { cluster, sim } = this;
    const states: string[] = [];
    const isFetching = cluster.members.some(
      ({ wire }) => sim.nowMs - wire.pieceAtMs < PIECE_GAP_MS,
    );
    if (isFetching) states.push('snapshot in flight');
    if (cluster.judge.isConfigPending) states.push('conf change pending');
    if (cluster.judge.isHandingOver) states.push('transfer under way');
    if (this.#compactions > 0) states.push('compacting');
    if (cluster.members.some((member) => member.hasLateWatch)) states.push('catching up watch');
    return states;
  }

  /** What a fault can meet: who leads, who is missing, what is under way. */
  #states(): readonly string[] {
    const { cluster } = this;
    const states = [cluster.leader === undefined ? 'no leader' : 'leader', ...this.#affairs()];
    const applied: number[] = [];
    for (const member of cluster.members) {
      if (member.kernel === undefined) states.push(`a member ${member.state}`);
      else if (member.machine.isPaused) states.push('a member paused');
      else {
        const status = member.kernel.status();
        applied.push(status.appliedIndex);
        if (status.isLearner) states.push('a learner');
        if (status.pendingProposals > 0) states.push('proposals');
        if (status.leaseCount > 0) states.push('leases');
      }
    }
    const lag = Math.max(0, ...applied) - Math.min(...applied);
    if (applied.length > 0 && lag > cluster.settings.snapshotEntries)
      states.push('a member behind');
    return [...new Set(states)];
  }

  /** Waits for so much true time, or until faults must end. */
  async hold(ms: number): Promise<void> {
    if (this.isHealing) return;
    await new Promise<void>((resolve) => {
      const timer = this.sim.after(ms, resolve);
      this.#wakeHealers.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Faults end now: those that wait are woken. */
  beginHealing(): void {
    this.isHealing = true;
    for (const wake of this.#wakeHealers) wake();
    this.#wakeHealers = [];
  }

  /** Waits until the condition holds. @returns whether it did within `limitMs` */
  async until(condition: () => boolean, limitMs: number, stepMs = 20): Promise<boolean> {
    const endMs = this.sim.nowMs + limitMs;
    while (!condition()) {
      if (this.sim.nowMs >= endMs) return false;
      await this.sim.pause(stepMs);
    }
    return true;
  }

  /** Members that serve. */
  get serving(): readonly SimMember[] {
    return this.cluster.members.filter((member) => member.kernel !== undefined);
  }
}
