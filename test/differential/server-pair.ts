// The two servers of a differential run, both new and empty, asked in lock-step: the same request
// goes to both, and the next one waits until both have answered.
import type { Message } from '@bufbuild/protobuf';
import { startEtcd } from '../support/etcd-process.js';
import { startMember } from '../support/member-process.js';
import { scratchFolder } from '../support/scratch-folder.js';
import type { PlainFields } from './plain.js';
import { type Answer, RawClient } from './raw-client.js';
import type { Step } from './step-maker.js';

/** One of the two, with what it picked for itself. */
export class Side {
  readonly client: RawClient;
  /** Lease ids that the server picked, in the order of the grants. */
  readonly pickedLeases = new Map<number, bigint>();
  clusterId: bigint | undefined;
  memberId: bigint | undefined;
  /** The answer before the one that is looked at, normalised. */
  lastAnswer: PlainFields | undefined;

  constructor(endpoint: string) {
    this.client = new RawClient(endpoint);
  }

  async ask(step: Step): Promise<Answer> {
    const picked = step.pickedLease;
    const isGrant = step.method === 'leaseGrant';
    let request = step.request;
    if (picked !== undefined && !isGrant) {
      request = { ...request, ID: this.pickedLeases.get(picked) ?? 0n } as Message;
    }
    const answer = await this.client.call(step.method, request);
    if (picked !== undefined && isGrant && answer.kind === 'message') {
      this.pickedLeases.set(picked, (answer.message as Message & { ID: bigint }).ID);
    }
    return answer;
  }
}

export class ServerPair {
  readonly ours: Side;
  readonly etcd: Side;
  readonly #stop: () => Promise<void>;

  private constructor(ours: Side, etcd: Side, stop: () => Promise<void>) {
    this.ours = ours;
    this.etcd = etcd;
    this.#stop = stop;
  }

  static async start(): Promise<ServerPair> {
    const folder = scratchFolder();
    const started = await Promise.allSettled([startMember([], folder), startEtcd(folder)]);
    const stop = async (): Promise<void> => {
      for (const server of started) if (server.status === 'fulfilled') await server.value.stop();
    };
    const [member, etcd] = started;
    if (member.status === 'rejected' || etcd.status === 'rejected') {
      await stop();
      throw member.status === 'rejected' ? member.reason : (etcd as PromiseRejectedResult).reason;
    }
    return new ServerPair(new Side(member.value.endpoint), new Side(etcd.value.endpoint), stop);
  }

  async ask(step: Step): Promise<{ readonly ours: Answer; readonly etcd: Answer }> {
    const [ours, etcd] = await Promise.all([this.ours.ask(step), this.etcd.ask(step)]);
    return { ours, etcd };
  }

  async stop(): Promise<void> {
    this.ours.client.close();
    this.etcd.client.close();
    await this.#stop();
  }
}
