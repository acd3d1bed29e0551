/**
 * A cluster of processes on this machine, ours or etcd's, that members can be added to and taken
 * from: each with fresh ports and a folder of its own, nothing between them and their clients. Both
 * programs are given the same flags, so that a test can do the same to both and compare.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askMember, type MemberReport } from '../../../src/client/index.js';
import { scratchFolder } from '../../support/scratch-folder.js';
import { ServerProcess } from '../../support/server-process.js';
import { freePorts } from './free-ports.js';
import { until } from './until.js';

const OURS = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const UP_WITHIN_MS = 40_000;
/** An etcd without a leader takes half of it to say so. */
const STATUS_WITHIN_MS = 2000;

export interface PlainMember {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly dataDir: string;
  readonly process: ServerProcess;
}

export class PlainCluster {
  readonly program: 'tidelock' | 'etcd';
  /** All that were ever placed. */
  readonly members: PlainMember[] = [];
  readonly #folder: string;
  readonly #flags: readonly string[];

  private constructor(program: 'tidelock' | 'etcd', folder: string, flags: readonly string[]) {
    this.program = program;
    this.#folder = folder;
    this.#flags = flags;
  }

  /** Resolves when all agree on a leader and have told their addresses. */
  static async start(
    program: 'tidelock' | 'etcd',
    size: number,
    flags: readonly string[] = [],
  ): Promise<PlainCluster> {
    const folder = await mkdtemp(join(scratchFolder(), `${program}-plain-`));
    const cluster = new PlainCluster(program, folder, flags);
    try {
      for (let at = 0; at < size; at++) await cluster.place();
      const first = [...cluster.members];
      await Promise.all(first.map((member) => cluster.launch(member, first, 'new')));
      await cluster.leader();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Ports and a folder for another member, which is not started. */
  async place(): Promise<PlainMember> {
    const [client = 0, peer = 0] = await freePorts(2);
    const name = `m${this.members.length + 1}`;
    const member = {
      name,
      clientUrl: `http://127.0.0.1:${client}`,
      peerUrl: `http://127.0.0.1:${peer}`,
      dataDir: join(this.#folder, name),
      process: new ServerProcess(),
    };
    this.members.push(member);
    return member;
  }

  /** Starts a member, with these as its initial cluster, and waits until it answers. */
  async launch(
    member: PlainMember,
    initial: readonly PlainMember[] = this.members,
    state: 'new' | 'existing' = 'existing',
  ): Promise<void> {
    const { name, clientUrl, peerUrl, dataDir } = member;
    const args = [
      ...['--name', name, '--data-dir', dataDir, '--initial-cluster-state', state],
      ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', initial.map((one) => `${one.name}=${one.peerUrl}`).join()],
      ...['--heartbeat-interval', '50', '--election-timeout', '500', '--log-level', 'warn'],
      ...this.#flags,
    ];
    if (this.program === 'etcd') member.process.launch('etcd', args);
    else member.process.launch(process.execPath, [OURS, 'serve', ...args]);
    await until(
      `${this.program} ${name}`,
      async () => {
        if (!member.process.running) throw new Error(`${name} ended: ${member.process.log}`);
        return (await this.report(member)) !== undefined;
      },
      UP_WITHIN_MS,
    );
  }

  /** What a member says of itself; undefined when it does not answer. */
  async report({ clientUrl, process }: PlainMember): Promise<MemberReport | undefined> {
    if (!process.running) return undefined;
    return await askMember(clientUrl, { timeoutMs: STATUS_WITHIN_MS }).catch(() => undefined);
  }

  get running(): readonly PlainMember[] {
    return this.members.filter((member) => member.process.running);
  }

  /** The leader that all that run agree on, once they do. */
  async leader(): Promise<PlainMember> {
    let found: PlainMember | undefined;
    await until(
      `a leader of ${this.program}`,
      async () => {
        const { running } = this;
        const reports = await Promise.all(running.map((member) => this.report(member)));
        const [first] = reports;
        // Nobody answered, or the first did not.
        if (first === undefined) return false;
        const agreed = reports.every((report) => report?.leaderId === first.leaderId);
        found = running[reports.findIndex((report) => report?.memberId === first.leaderId)];
        return agreed && found !== undefined;
      },
      UP_WITHIN_MS,
    );
    if (found === undefined) throw new Error('there was a leader, and is none');
    return found;
  }

  async idOf(member: PlainMember): Promise<bigint> {
    let id: bigint | undefined;
    await until(`an answer of ${member.name}`, async () => {
      id = (await this.report(member))?.memberId;
      return id !== undefined;
    });
    return id ?? 0n;
  }

  /** Of all that run, as etcdctl takes them. */
  get endpoints(): string {
    return this.running.map(({ clientUrl }) => clientUrl.replace('http://', '')).join();
  }

  /** Ends everything and removes the data. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.process.end('SIGKILL')));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
