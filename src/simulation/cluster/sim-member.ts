import {
  type Kernel,
  type KernelOptions,
  type MemberRecord,
  openKernel,
  type ReplicaSettings,
} from '../../kernel/index.js';
import type { Trace } from '../../ports/trace.js';
import type { WatchRequest } from '../../store/index.js';
import type { Call } from '../check/history.js';
import type { Endpoint, WatchLine } from '../clients/endpoint.js';
import type { HistoryRecorder } from '../clients/history-recorder.js';
import { type Reply, serveCall } from '../clients/serve-call.js';
import { WatchSession } from '../clients/watch-session.js';
import type { Findings } from '../findings.js';
import { MemberBackend } from '../member-backend.js';
import { CALM_DISK, type DiskWeather, MemberDisk } from '../member-disk.js';
import { SimBackend } from '../sim-backend.js';
import { SimDisk } from '../sim-disk.js';
import type { UnsyncedFate } from '../sim-disk-inode.js';
import { SimMachine } from '../sim-machine.js';
import type { SimNetwork } from '../sim-network.js';
import { SimProcess } from '../sim-process.js';
import type { Simulation } from '../simulation.js';
import type { ClusterJudge } from './cluster-judge.js';
import type {
  EndKind,
  MemberCopy,
  MemberState,
  OutsiderTraits,
  StartTraits,
} from './member-life.js';
import { MemberWire } from './member-wire.js';
import { recordRevisions } from './record-revisions.js';

/** What all members of a simulated cluster share. */
export interface MemberWorld {
  readonly sim: Simulation;
  readonly network: SimNetwork;
  readonly judge: ClusterJudge;
  readonly history: HistoryRecorder;
  readonly findings: Findings;
  readonly settings: ReplicaSettings;
  readonly clusterId: bigint;
  /** The member that answers at a peer address. */
  readonly memberAt: (url: string) => SimMember | undefined;
  /** Told when a member has stopped by itself, or did not start. */
  readonly onStopped: (member: SimMember, error: Error) => void;
}

/**
 * One member of a simulated cluster over all its lives: a machine, a directory, and now and then a
 * process with a real kernel in it. It is what clients and other members reach; it injects nothing
 * by itself and never repairs anything.
 *
 * @example
 * for (const member of world.cluster.members) console.log(member.record.name, member.state);
 */
export class SimMember implements Endpoint {
  readonly id: bigint;
  readonly name: string;
  readonly url: string;
  readonly machine: SimMachine;
  /** How its medium behaves now; anybody may change it. */
  diskWeather: DiskWeather = CALM_DISK;
  /** Its way to the other members. */
  readonly wire: MemberWire;
  readonly #world: MemberWorld;
  readonly #start: KernelOptions['start'];
  readonly #outsider: OutsiderTraits | undefined;
  #disk: SimDisk;
  #backend: SimBackend;
  #state: MemberState = 'down';
  #life = 0;
  #process: SimProcess | undefined;
  #memberDisk: MemberDisk | undefined;
  #kernel: Kernel | undefined;
  /** It closes in good order: it answers its clients yet, and nobody else may ask it anything. */
  #isClosing = false;
  readonly #sessions = new Map<string, WatchSession>();
  #remains: Promise<void> = Promise.resolve();
  #announceEnd: () => void = () => undefined;
  readonly #excuses: string[] = [];
  #lifeExcuse: string | undefined;
  #directoryExcuse: string | undefined;

  constructor(
    world: MemberWorld,
    record: MemberRecord,
    start: KernelOptions['start'],
    outsider?: OutsiderTraits,
  ) {
    this.#world = world;
    this.#outsider = outsider;
    this.id = record.id;
    this.name = record.name;
    this.url = record.peerUrls[0] ?? record.name;
    this.machine = new SimMachine(world.sim, outsider?.name ?? record.name);
    this.wire = new MemberWire({
      network: world.network,
      machine: this.machine,
      id: this.id,
      isOutsider: outsider !== undefined,
      nowMs: () => world.sim.nowMs,
      heard: (from) => world.judge.heard(this.id, from),
      wireAt: (url) => world.memberAt(url)?.wire,
    });
    this.#start = start;
    this.#disk = new SimDisk(world.sim.random.split(`medium ${this.machine.name}`));
    this.#backend = new SimBackend(world.sim.random.split(`rows ${this.machine.name}`));
  }

  get record(): MemberRecord {
    return {
      id: this.id,
      name: this.name,
      peerUrls: [this.url],
      clientUrls: [this.url],
      isLearner: false,
    };
  }

  /** Whether somebody watches what this member has to read from history. */
  get hasLateWatch(): boolean {
    for (const session of this.#sessions.values()) if (session.isLate) return true;
    return false;
  }

  get state(): MemberState {
    return this.#state;
  }

  /** The process that runs, for those who want to end it at a certain call. */
  get process(): SimProcess | undefined {
    return this.#process;
  }

  /** The kernel, while it serves. */
  get kernel(): Kernel | undefined {
    return this.#state === 'up' && !this.#isClosing ? this.#kernel : undefined;
  }

  /** Whom it turns to: the members that it knows, or was told of at its start. */
  async contacts(): Promise<readonly bigint[]> {
    const known = (await this.kernel?.members(false)) ?? [];
    const told = this.#start !== undefined && 'members' in this.#start ? this.#start.members : [];
    return (known.length > 0 ? known : told).map(({ id }) => id);
  }

  get disk(): SimDisk {
    return this.#disk;
  }

  get backend(): SimBackend {
    return this.#backend;
  }

  /** Why it may stop, or say that something is wrong; undefined when it has no reason to. */
  get excuse(): string | undefined {
    return this.#directoryExcuse ?? this.#lifeExcuse ?? this.#excuses[0];
  }

  /** From now on it may stop for this reason, */
  excuseFor(reason: string): void {
    this.#excuses.push(reason);
  }

  /** and from now on no more. */
  excuseNoMore(reason: string): void {
    const at = this.#excuses.indexOf(reason);
    if (at >= 0) this.#excuses.splice(at, 1);
  }

  /** It may stop for this reason until it serves again. */
  excuseThisLife(reason: string): void {
    this.#lifeExcuse = reason;
  }

  /** Something was done to the directory: the member may stop, and refuse to start, for good. */
  excuseDirectory(reason: string): void {
    this.#directoryExcuse ??= reason;
  }

  get isDirectoryExcused(): boolean {
    return this.#directoryExcuse !== undefined;
  }

  /** Starts a process on what the directory holds, and resolves when it serves or has failed. */
  async start(traits: StartTraits = {}): Promise<void> {
    if (this.#state === 'starting' || this.#state === 'up') return;
    this.#state = 'starting';
    await this.#remains;
    const { sim } = this.#world;
    const life = ++this.#life;
    const process = new SimProcess(this.machine, life, () => this.#die('power'));
    this.#process = process;
    sim.trace.note('start', life, Number(this.id & 0xffffn));
    sim.trace.tell(`${process.name} starts`);
    const ended = new Promise<void>((resolve) => {
      this.#announceEnd = resolve;
    });
    // A process that ends while it opens its files never says so.
    await Promise.race([this.#open(process, life, traits), ended]);
  }

  async #open(process: SimProcess, life: number, traits: StartTraits): Promise<void> {
    const { sim, judge, settings } = this.#world;
    const { clusterId } = this.#outsider ?? this.#world;
    const weather = (): DiskWeather => this.diskWeather;
    const disk = new MemberDisk(sim, this.#disk, process, weather);
    this.#memberDisk = disk;
    try {
      const kernel = await openKernel({
        disk,
        backend: new MemberBackend(sim, this.#backend, process, weather),
        clock: process.clock,
        random: sim.random.split(process.name),
        trace: this.#trace(process),
        settings,
        clusterId,
        member: this.record,
        network: this.wire.open(process),
        // Nobody answers for what an outsider believes.
        ...(this.#outsider === undefined
          ? { probe: judge.probe(this.id, process.name, () => process.isAlive) }
          : {}),
        ...(this.#start === undefined ? {} : { start: this.#start }),
        ...traits,
      });
      if (process.isAlive) this.#serve(process, kernel, life);
    } catch (error) {
      if (process.isAlive) this.#stopByItself(process, error as Error);
    }
  }

  #serve(process: SimProcess, kernel: Kernel, life: number): void {
    this.#kernel = kernel;
    this.#isClosing = false;
    this.#state = 'up';
    this.#lifeExcuse = undefined;
    this.#world.sim.trace.tell(`${process.name} serves`);
    if (this.#outsider === undefined) {
      if (life > 1) this.#world.history.addRestart(this.name);
      recordRevisions(kernel, this.#world.history, process);
    }
    void kernel.failed.then((error) => {
      if (process.isAlive) this.#stopByItself(process, error);
    });
  }

  #stopByItself(process: SimProcess, error: Error): void {
    this.#world.sim.trace.note('stopped', process.callCount);
    this.#world.sim.trace.tell(`${process.name} stopped: ${error.message}`);
    this.#die('kill');
    this.#state = 'stopped';
    this.#world.onStopped(this, error);
  }

  /** Ends the process at once, whatever it is doing. */
  crash(kind: EndKind): void {
    if (this.#process?.isAlive !== true) return;
    this.#world.sim.trace.tell(`${this.#process.name} ends (${kind})`);
    this.#process.end();
    this.#die(kind);
  }

  #die(kind: EndKind): void {
    const process = this.#process;
    const memberDisk = this.#memberDisk;
    process?.end();
    this.#world.sim.trace.note('end', process?.callCount);
    this.#state = 'down';
    this.#kernel = undefined;
    this.wire.close();
    if (kind === 'kill') this.wire.ended();
    this.#sessions.clear();
    const fate: UnsyncedFate = kind === 'power' ? 'chance' : 'kept';
    this.#announceEnd();
    this.#remains = (async () => {
      await memberDisk?.end();
      this.#disk = this.#disk.crash(fate);
      this.#backend.crash();
    })();
  }

  /** Resolves when what the last process left under way is settled. */
  settled(): Promise<void> {
    return this.#remains;
  }

  /** The orderly way to end: hands leadership over, then closes. */
  async stop(): Promise<void> {
    const kernel = this.kernel;
    const process = this.#process;
    if (kernel === undefined || process === undefined) return;
    await kernel.stepAside().catch(() => undefined);
    if (!process.isAlive) return;
    this.#isClosing = true;
    await kernel.close();
    if (process.isAlive) this.crash('kill');
  }

  /** A copy of the directory as it is on the medium, synced bytes only. */
  async copy(): Promise<MemberCopy> {
    await this.#remains;
    const { random } = this.#world.sim;
    return {
      disk: this.#disk.crash('lost', random.split(`copy ${this.name} ${this.#life}`)),
      backend: this.#backend.copy(),
    };
  }

  /** Puts a directory in the place of the present one; nothing may be running. */
  async replaceDirectory(copy: MemberCopy | undefined): Promise<void> {
    await this.#remains;
    const { random } = this.#world.sim;
    const name = `${this.name} ${this.#life}`;
    this.#disk = copy?.disk ?? new SimDisk(random.split(`medium ${name}`));
    this.#backend = copy?.backend ?? new SimBackend(random.split(`rows ${name}`));
  }

  #trace(process: SimProcess): Trace {
    const { sim, findings } = this.#world;
    return {
      event: (severity, name, fields) => {
        if (!process.isAlive) return;
        sim.trace.note(name);
        if (sim.trace.isTold && severity !== 'debug') {
          const words = Object.entries(fields ?? {}).map(([key, value]) => `${key}=${value}`);
          sim.trace.tell(`${process.name} ${severity}: ${name} ${words.join(' ')}`);
        }
        if (severity === 'error' && this.excuse === undefined) {
          findings.report('trace', `${process.name}: ${name} ${String(fields?.['reason'] ?? '')}`);
        }
      },
    };
  }

  call(call: Call, reply: (reply: Reply | undefined) => void): void {
    const kernel = this.#kernel;
    const process = this.#process;
    if (kernel === undefined || process === undefined) {
      reply(undefined);
      return;
    }
    serveCall(kernel, call).then(
      (answer) => {
        if (process.enter()) reply(answer);
      },
      (error: unknown) => {
        if (!process.isAlive) return;
        this.#world.findings.report('P8', `${process.name}: ${call.kind} broke: ${String(error)}`);
        reply(undefined);
      },
    );
  }

  openWatch(request: WatchRequest, line: WatchLine): void {
    const kernel = this.#kernel;
    const process = this.#process;
    if (kernel === undefined || process === undefined) {
      line.reset();
      return;
    }
    const session = new WatchSession(line.windowMessages, (message) => {
      if (process.enter()) line.send(message);
    });
    this.#sessions.set(line.key, session);
    session.open(kernel, request);
  }

  touchWatch(line: WatchLine, number: number, wantsSign: boolean): void {
    const session = this.#sessions.get(line.key);
    if (session === undefined) {
      line.reset();
      return;
    }
    session.acknowledge(number);
    if (wantsSign) session.ping();
  }

  closeWatch(key: string): void {
    this.#sessions.get(key)?.close();
    this.#sessions.delete(key);
  }
}
