import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askMember } from '../../src/client/index.js';
import { freePort } from './free-port.js';
import { localUrl, type ServerKind, type ServerPlace } from './server-command.js';
import { ServerProcess } from './server-process.js';

/**
 * Three members under measurement on this machine, ours or etcd's, each a process with a data
 * directory of its own on the same disk. They know each other and have no data when they are made.
 */

const MEMBERS = 3;
const AGREE_WITHIN_MS = 60_000;
const ANSWER_MS = 2000;
const POLL_MS = 20;

export class ServerCluster {
  readonly members: readonly ServerProcess[];
  readonly #folder: string;

  private constructor(members: readonly ServerProcess[], folder: string) {
    this.members = members;
    this.#folder = folder;
  }

  /** Not started yet. @param flags settings of all members that are not to be the defaults */
  static async create(
    kind: ServerKind,
    parent: string,
    flags: readonly string[] = [],
  ): Promise<ServerCluster> {
    const folder = await mkdtemp(join(parent, `${kind}-cluster-`));
    const places: Omit<ServerPlace, 'initialCluster'>[] = [];
    for (let at = 1; at <= MEMBERS; at++) {
      const own = join(folder, `m${at}`);
      await mkdir(own);
      const [port, peerPort] = [await freePort(), await freePort()];
      places.push({ name: `m${at}`, folder: own, port, peerPort, flags });
    }
    const initialCluster = places.map(({ name, peerPort }) => `${name}=${localUrl(peerPort)}`);
    const members = places.map(
      (place) => new ServerProcess(kind, { ...place, initialCluster: initialCluster.join() }),
    );
    return new ServerCluster(members, folder);
  }

  /** Resolves when all members serve and agree on a leader. */
  async start(): Promise<void> {
    for (const member of this.members) member.start();
    await Promise.all(this.members.map((member) => member.ready()));
    await this.leader();
  }

  /** Where clients connect, by commas. */
  get endpoints(): string {
    return this.members.map(({ endpoint }) => endpoint).join();
  }

  /**
   * The leader that all members agree on, once they do.
   * @throws Error when one of them has ended, or they do not agree in time
   */
  async leader(): Promise<ServerProcess> {
    const untilMs = performance.now() + AGREE_WITHIN_MS;
    while (performance.now() < untilMs) {
      for (const member of this.members) member.mustRun();
      const reports = await Promise.all(
        this.members.map(({ endpoint }) =>
          // Not serving yet, or busy: asked again.
          askMember(endpoint, { timeoutMs: ANSWER_MS }).catch(() => undefined),
        ),
      );
      const id = reports[0]?.leaderId ?? 0n;
      const leader = this.members[reports.findIndex((report) => report?.memberId === id)];
      const agreed = reports.every((report) => report?.leaderId === id);
      if (agreed && leader !== undefined) return leader;
      await sleep(POLL_MS);
    }
    throw new Error('the members do not agree on a leader');
  }

  /** Ends the processes, all at once so that none waits for the others, and removes their data. */
  async remove(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Runs `work` on three new members with empty data directories. */
export async function withCluster<T>(
  kind: ServerKind,
  parent: string,
  flags: readonly string[],
  work: (cluster: ServerCluster) => Promise<T>,
): Promise<T> {
  const cluster = await ServerCluster.create(kind, parent, flags);
  try {
    await cluster.start();
    return await work(cluster);
  } finally {
    await cluster.remove();
  }
}
