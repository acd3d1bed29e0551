/**
 * A cluster of real processes on this machine, ours or etcd's, that a test can do anything to:
 * kill, stop and continue, terminate, start again, and cut or spoil each link. Members know each
 * other, and clients know them, by the addresses of proxies; each member listens on ports of its
 * own, fresh at each start, so that nothing else on the machine can be in its way for long. A proxy
 * finds out which member connects from /proc, so links are ordered pairs: the one of i and j
 * carries what i dials to j.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askMember, type MemberReport } from '../../src/client/index.js';
import { freePorts } from '../server/support/free-ports.js';
import { until } from '../server/support/until.js';
import { scratchFolder } from './scratch-folder.js';
import { ServerProcess } from './server-process.js';
import { socketOwner } from './socket-owner.js';
import { type Identify, TcpProxy, type WireRule } from './tcp-proxy.js';

const OURS = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const UP_WITHIN_MS = 60_000;
const START_TRIES = 3;
/** Long, for a machine with much else to do: who does not live refuses at once. */
const STATUS_WITHIN_MS = 5000;
const SETTLED_WITHIN_MS = 40_000;

export interface ClusterOptions {
  readonly program: 'tidelock' | 'etcd';
  /** 3 when absent. */
  readonly size?: number;
  /** 50 and 500 when absent. */
  readonly heartbeatMs?: number;
  readonly electionTimeoutMs?: number;
  /** More flags for every member. */
  readonly flags?: readonly string[];
  /** The folder that the data folders are made in; in memory where the machine has such. */
  readonly parent?: string;
}

/** One member, dead or alive. */
export class ClusterMember {
  readonly name: string;
  readonly dataDir: string;
  /** In front of its clients' address, and of its peers'. */
  readonly clientProxy: TcpProxy;
  readonly peerProxy: TcpProxy;
  readonly process = new ServerProcess();
  readonly #options: ClusterOptions;
  readonly #initialCluster: () => string;
  /** When and why it did not answer last. */
  silence = '';
  #paused = false;
  #id: bigint | undefined;

  constructor(
    index: number,
    folder: string,
    proxies: { readonly client: TcpProxy; readonly peer: TcpProxy },
    options: ClusterOptions,
    initialCluster: () => string,
  ) {
    this.name = `m${index + 1}`;
    this.dataDir = join(folder, this.name);
    this.clientProxy = proxies.client;
    this.peerProxy = proxies.peer;
    this.#options = options;
    this.#initialCluster = initialCluster;
  }

  /** Where clients connect, through the proxy. */
  get endpoint(): string {
    return this.clientProxy.url;
  }

  /** Whether the process is there and not stopped. */
  get awake(): boolean {
    return this.process.running && !this.#paused;
  }

  /** Its id, known since it first answered. */
  get id(): bigint {
    if (this.#id === undefined) throw new Error(`${this.name} never answered`);
    return this.#id;
  }

  /**
   * Starts it and waits until it answers; a leader is not waited for. Ports that somebody else took
   * in the meantime are left to them and others tried.
   * @param env its environment, for a test that spoils that
   */
  async start(env: NodeJS.ProcessEnv = process.env): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const [client = 0, peer = 0] = await freePorts(2);
      const { program } = this.#options;
      const args = this.#flags(client, peer);
      if (program === 'etcd') this.process.launch('etcd', args, env);
      else this.process.launch(process.execPath, [OURS, 'serve', ...args], env);
      this.clientProxy.targetPort = client;
      this.peerProxy.targetPort = peer;
      if (await this.#comesUp(`http://127.0.0.1:${client}`)) return;
      const taken = /address already in use|EADDRINUSE|is in use/.test(
        this.process.log.slice(-2000),
      );
      if (!taken || attempt >= START_TRIES) {
        throw new Error(`${this.name} did not come up: ${this.process.log.slice(-4000)}`);
      }
    }
  }

  /** What it says of itself; undefined when it does not answer. */
  async report(): Promise<MemberReport | undefined> {
    if (!this.awake) return undefined;
    return await askMember(this.endpoint, { timeoutMs: STATUS_WITHIN_MS }).catch(
      (error: unknown) => {
        this.silence = `${new Date().toISOString()} ${String(error)}`;
        return undefined;
      },
    );
  }

  /** SIGKILL; its data stays. */
  async kill(): Promise<void> {
    this.#paused = false;
    await this.process.end('SIGKILL');
  }

  /** SIGTERM; resolves with the exit code. */
  async terminate(): Promise<number | null> {
    return await this.process.end('SIGTERM');
  }

  /** SIGSTOP: it does nothing until `resume`, and its connections stay. */
  pause(): void {
    this.process.signal('SIGSTOP');
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.process.signal('SIGCONT');
  }

  #flags(clientPort: number, peerPort: number): readonly string[] {
    const { heartbeatMs = 50, electionTimeoutMs = 500, flags = [] } = this.#options;
    return [
      ...['--name', this.name, '--data-dir', this.dataDir, '--log-level', 'info'],
      ...['--listen-client-urls', `http://127.0.0.1:${clientPort}`],
      ...['--advertise-client-urls', this.endpoint],
      ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
      ...['--initial-advertise-peer-urls', this.peerProxy.url],
      ...['--initial-cluster', this.#initialCluster()],
      ...['--heartbeat-interval', `${heartbeatMs}`, '--election-timeout', `${electionTimeoutMs}`],
      ...flags,
    ];
  }

  async #comesUp(url: string): Promise<boolean> {
    const untilMs = performance.now() + UP_WITHIN_MS;
    while (this.process.running && performance.now() < untilMs) {
      try {
        const { memberId } = await askMember(url, { timeoutMs: STATUS_WITHIN_MS });
        this.#id = memberId;
        return true;
      } catch {
        // Not listening yet.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    await this.process.end('SIGKILL');
    return false;
  }
}

export class ClusterProcesses {
  readonly members: readonly ClusterMember[];
  readonly #folder: string;

  private constructor(members: readonly ClusterMember[], folder: string) {
    this.members = members;
    this.#folder = folder;
  }

  /** Resolves when all members answer and agree on a leader. */
  static async start(options: ClusterOptions): Promise<ClusterProcesses> {
    const folder = await mkdtemp(join(options.parent ?? scratchFolder(), 'tidelock-cluster-'));
    const members: ClusterMember[] = [];
    const urls = (): string =>
      members.map(({ name, peerProxy }) => `${name}=${peerProxy.url}`).join();
    const whoDials: Identify = (socket) => {
      const running = members.filter((member) => member.process.pid !== undefined);
      const pids = running.map((member) => member.process.pid ?? 0);
      const owner = socketOwner(socket, pids);
      return running.find((member) => member.process.pid === owner)?.name ?? '';
    };
    for (let index = 0; index < (options.size ?? 3); index++) {
      const proxies = { client: await TcpProxy.start(), peer: await TcpProxy.start(whoDials) };
      members.push(new ClusterMember(index, folder, proxies, options, urls));
    }
    const cluster = new ClusterProcesses(members, folder);
    try {
      await Promise.all(members.map((member) => member.start()));
      await cluster.leader();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Where clients connect, through the proxies. */
  get endpoints(): readonly string[] {
    return this.members.map(({ endpoint }) => endpoint);
  }

  member(index: number): ClusterMember {
    const found = this.members[index];
    if (found === undefined) throw new Error(`there is no member ${index}`);
    return found;
  }

  /** The place of the leader that all awake members, or all of `among`, agree on, once they do. */
  async leader(among?: readonly number[], withinMs = SETTLED_WITHIN_MS): Promise<number> {
    let leader = -1;
    await until(
      'a leader',
      async () => {
        const asked = this.members.filter((one, index) => among?.includes(index) ?? one.awake);
        const reports = await Promise.all(asked.map((member) => member.report()));
        const ids = new Set(reports.map((report) => report?.leaderId ?? 0n));
        const [id = 0n] = ids;
        leader = this.members.findIndex((member) => member.process.running && member.id === id);
        return ids.size === 1 && id !== 0n && leader >= 0;
      },
      withinMs,
    );
    return leader;
  }

  /** Resolves when all members are there, agree on a leader, and none lacks an entry. */
  async settled(withinMs = SETTLED_WITHIN_MS): Promise<void> {
    await this.leader(undefined, withinMs);
    await until(
      'members that are level',
      async () => {
        const reports = await Promise.all(this.members.map((member) => member.report()));
        const [first] = reports;
        return reports.every((one) => one !== undefined && one.revision === first?.revision);
      },
      withinMs,
    );
  }

  /** Sets what happens to connections that `from` dials to `to`, members both. */
  link(from: number, to: number, rule: WireRule): void {
    this.member(to).peerProxy.setRule(this.member(from).name, rule);
  }

  /**
   * Members of different groups reach each other no more, in either direction; what nobody named
   * stays as it is. Clients are not concerned.
   */
  partition(groups: readonly (readonly number[])[], rule: WireRule): void {
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue;
        for (const from of group) for (const to of other) this.link(from, to, rule);
      }
    }
  }

  /** Undoes all that was done to links and to clients' connections. */
  heal(): void {
    for (const { peerProxy, clientProxy } of this.members) {
      peerProxy.clear();
      clientProxy.clear();
    }
  }

  /** The end of what each member logged, for a test that failed. */
  logs(characters = 2000): string {
    return this.members
      .map(({ name, process, silence }) => {
        return `== ${name}; last silent: ${silence}\n${process.log.slice(-characters)}`;
      })
      .join('\n');
  }

  /** Ends everything and removes the data. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    await Promise.all(
      this.members.flatMap(({ clientProxy, peerProxy }) => [
        clientProxy.close(),
        peerProxy.close(),
      ]),
    );
    await rm(this.#folder, { recursive: true, force: true });
  }
}
