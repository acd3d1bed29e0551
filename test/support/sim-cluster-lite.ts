// A few members in one process, on one virtual clock, with a network between them that a test can
// cut, slow down, and make lose, double and hold frames. It knows nothing of what the frames say.
import {
  DEFAULT_SETTINGS,
  type Kernel,
  type KernelOptions,
  type MemberRecord,
  openKernel,
  type ReplicaSettings,
} from '../../src/kernel/index.js';
import type { Backend } from '../../src/ports/backend.js';
import type { Lane, Network, PeerAddress } from '../../src/ports/network.js';
import type { Severity, TraceFields } from '../../src/ports/trace.js';
import { SimBackend } from '../../src/simulation/sim-backend.js';
import { SimClock } from '../../src/simulation/sim-clock.js';
import { SimDisk } from '../../src/simulation/sim-disk.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { isStoreError } from '../../src/store/index.js';

export const CLUSTER_ID = 0xc0n;

/** Small limits, and no catching up behind marks unless a test says so. */
export const CLUSTER_SETTINGS: ReplicaSettings = {
  ...DEFAULT_SETTINGS,
  backendBatchRows: 50,
  walSegmentBytes: 64 * 1024,
};

export const ELECTION_MS = CLUSTER_SETTINGS.heartbeatMs * CLUSTER_SETTINGS.electionTicks;

export interface LiteOptions {
  readonly seed?: number;
  readonly size?: number;
  readonly settings?: ReplicaSettings;
  /** Milliseconds that a frame is under way; by default one. */
  readonly latencyMs?: () => number;
  /** Founders without a vote. */
  readonly learners?: readonly bigint[];
}

/** A frame on its way. */
export interface Sent {
  readonly from: bigint;
  readonly to: bigint;
  readonly frame: Uint8Array;
  readonly lane: Lane;
}

/** One member's place: what it keeps over a restart, and the kernel that runs there now. */
export class LiteMember {
  readonly id: bigint;
  readonly name: string;
  disk: SimDisk;
  backend: SimBackend;
  kernel: Kernel | undefined;
  receive: ((frame: Uint8Array) => void) | undefined;
  /** Tells this start that the process of a peer has ended. */
  tellGone: ((peer: bigint) => void) | undefined;
  peers: readonly PeerAddress[] = [];
  /** Who has sent something to this start: it is answered, known or not. */
  readonly callers = new Set<bigint>();
  starts = 0;
  failure: Error | undefined;
  readonly events: { readonly name: string; readonly fields: TraceFields | undefined }[] = [];

  constructor(id: bigint, random: SimRandom) {
    this.id = id;
    this.name = `m${id}`;
    this.disk = new SimDisk(random.split(`disk ${id}`));
    this.backend = new SimBackend(random.split(`backend ${id}`));
  }

  get record(): MemberRecord {
    const peerUrls = [`http://${this.name}:2380`];
    const clientUrls = [`http://${this.name}:2379`];
    return { id: this.id, name: this.name, peerUrls, clientUrls, isLearner: false };
  }

  get running(): Kernel {
    if (this.kernel === undefined) throw new Error(`${this.name} does not run`);
    return this.kernel;
  }
}

export class ClusterLite {
  readonly clock = new SimClock();
  readonly random: SimRandom;
  readonly members = new Map<bigint, LiteMember>();
  readonly sent: Sent[] = [];
  /** Whether a frame gets lost; the default loses nothing. */
  loses: (sent: Sent) => boolean = () => false;
  /** How often a frame arrives. */
  copies: (sent: Sent) => number = () => 1;
  /** Whether frames are remembered in `sent`. */
  records = false;
  readonly #cut = new Set<string>();
  readonly #founders: readonly MemberRecord[];
  readonly #settings: ReplicaSettings;
  readonly #latencyMs: () => number;

  constructor(options: LiteOptions = {}) {
    this.random = new SimRandom(options.seed ?? 1);
    this.#settings = options.settings ?? CLUSTER_SETTINGS;
    this.#latencyMs = options.latencyMs ?? (() => 1);
    for (let at = 1; at <= (options.size ?? 3); at++) this.place(BigInt(at));
    this.#founders = [...this.members.values()].map(({ record }) => ({
      ...record,
      isLearner: options.learners?.includes(record.id) ?? false,
    }));
  }

  /** Makes room for a member that does not run yet. */
  place(id: bigint): LiteMember {
    const member = new LiteMember(id, this.random);
    this.members.set(id, member);
    return member;
  }

  member(id: bigint): LiteMember {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`there is no member ${id}`);
    return member;
  }

  kernel(id: bigint): Kernel {
    return this.member(id).running;
  }

  get running(): readonly LiteMember[] {
    return [...this.members.values()].filter(({ kernel }) => kernel !== undefined);
  }

  /** Starts every founder. */
  async startAll(): Promise<this> {
    for (const { id } of this.#founders) await this.start(id);
    return this;
  }

  async start(id: bigint, options: Partial<KernelOptions> = {}): Promise<Kernel> {
    const member = this.member(id);
    member.starts++;
    member.failure = undefined;
    member.callers.clear();
    const start = member.starts;
    const opening = openKernel({
      disk: member.disk,
      backend: mortal(member, start),
      clock: this.clock,
      random: this.random.split(`${member.name} start ${start}`),
      trace: {
        event: (_severity: Severity, name: string, fields?: TraceFields) => {
          member.events.push({ name, fields });
        },
      },
      settings: this.#settings,
      clusterId: CLUSTER_ID,
      member: member.record,
      start: { kind: 'new', members: this.#founders },
      network: this.network(member, start),
      ...options,
    });
    const kernel = await this.run(opening);
    member.kernel = kernel;
    void kernel.failed.then((error) => {
      if (member.starts === start) member.failure = error;
    });
    return kernel;
  }

  /** The network as one start of a member has it. */
  network(member: LiteMember, start: number): Network {
    return {
      send: (to, frame, lane) => {
        if (member.starts === start) this.#send({ from: member.id, to, frame, lane });
      },
      onFrame: (receive) => {
        member.receive = receive;
      },
      onGone: (gone) => {
        member.tellGone = gone;
      },
      setPeers: (peers) => {
        member.peers = peers;
      },
    };
  }

  #send(sent: Sent): void {
    if (this.records) this.sent.push(sent);
    const { peers, callers } = this.member(sent.from);
    const knows = callers.has(sent.to) || peers.some(({ id }) => id === sent.to);
    if (!knows || this.#isCut(sent) || this.loses(sent)) return;
    for (let copies = this.copies(sent); copies > 0; copies--) {
      this.clock.timer(this.#latencyMs(), () => {
        if (!this.#isCut(sent)) this.#receive(sent);
      });
    }
  }

  #receive({ from, to, frame }: Sent): void {
    const member = this.members.get(to);
    if (member?.receive === undefined) return;
    member.callers.add(from);
    member.receive(frame);
  }

  #isCut({ from, to }: Sent): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  /** Lets nothing through between `id` and everybody else. */
  isolate(id: bigint): void {
    for (const other of this.members.keys()) if (other !== id) this.cut(id, other);
  }

  cut(a: bigint, b: bigint): void {
    this.#cut.add(`${a}>${b}`);
    this.#cut.add(`${b}>${a}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** The power of one member goes: what was not synced is gone, and so is the process. */
  crash(id: bigint): void {
    const member = this.member(id);
    member.starts++;
    member.receive = undefined;
    member.kernel = undefined;
    member.disk.powerOff();
    member.disk = member.disk.crash();
    const old = member.backend;
    old.crash();
    member.backend = old;
  }

  /** The process of one member ends and its machine goes on; these find that out. */
  kill(id: bigint, ...told: readonly bigint[]): void {
    this.crash(id);
    for (const other of told) this.clock.timer(this.#latencyMs(), () => this.tellGone(other, id));
  }

  /** Somebody is told that a peer's process has ended, rightly or wrongly. */
  tellGone(id: bigint, peer: bigint): void {
    const { kernel, tellGone } = this.member(id);
    if (kernel !== undefined) tellGone?.(peer);
  }

  async stop(id: bigint): Promise<void> {
    const member = this.member(id);
    await this.run(member.running.close());
    member.starts++;
    member.kernel = undefined;
    member.receive = undefined;
    member.disk = member.disk.crash('kept');
    member.backend.crash();
  }

  /** Who leads the latest term, as one of the running members sees it. */
  get leader(): LiteMember | undefined {
    let found: LiteMember | undefined;
    for (const member of this.running) {
      const { role, raftTerm } = member.running.status();
      const best = found?.running.status().raftTerm ?? -1;
      if (role === 'leader' && raftTerm > best) found = member;
    }
    return found;
  }

  /** Waits until somebody leads and everyone that runs, but for `except`, knows it. */
  async elect(...except: readonly bigint[]): Promise<LiteMember> {
    await this.until(() => {
      const leader = this.leader;
      if (leader === undefined || except.includes(leader.id)) return false;
      return this.running.every(
        ({ id, running }) => except.includes(id) || running.status().leader === leader.id,
      );
    });
    return this.leader as LiteMember;
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  async until(holds: () => boolean, limitMs = 30_000): Promise<void> {
    const endMs = this.clock.monotonic() + limitMs;
    while (!holds()) {
      if (this.clock.monotonic() >= endMs) throw new Error(`still not so after ${limitMs} ms`);
      await this.clock.advance(10);
    }
  }

  /** Runs `work` while time passes. */
  async run<T>(work: Promise<T>, limitMs = 60_000): Promise<T> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    settled.catch(() => undefined);
    const endMs = this.clock.monotonic() + limitMs;
    await this.clock.advance(0);
    while (!done) {
      if (this.clock.monotonic() >= endMs) throw new Error(`not done after ${limitMs} ms`);
      await this.clock.advance(1);
    }
    return settled;
  }

  /** The code that `work` is refused with; undefined when it is not. */
  async codeOf(work: Promise<unknown>): Promise<string | undefined> {
    try {
      await this.run(work);
      return undefined;
    } catch (error) {
      if (!isStoreError(error)) throw error;
      return error.code;
    }
  }

  async close(): Promise<void> {
    for (const { id } of this.running) await this.stop(id);
  }
}

/** The backend as one start of a member has it: when the process is gone, so are its calls. */
function mortal(member: LiteMember, start: number): Backend {
  const { backend } = member;
  return new Proxy<Backend>(backend, {
    get: (_target, name) => {
      if (member.starts !== start) {
        return (): Promise<never> => new Promise<never>(() => undefined);
      }
      const value: unknown = Reflect.get(backend, name, backend);
      return typeof value === 'function' ? (value.bind(backend) as unknown) : value;
    },
  });
}
