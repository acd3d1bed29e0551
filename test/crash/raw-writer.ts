// A client that is not ours: plain gRPC calls on the generated messages, one after the other, with
// no retry of its own. It shows that the promises hold on the wire, whoever speaks there.
import { create } from '@bufbuild/protobuf';
import {
  PutRequestSchema,
  type PutResponse,
  RangeRequestSchema,
  type RangeResponse,
} from '../../src/wire/gen/etcdserverpb/kv_pb.js';
import { toBytes, toText } from '../../src/store/index.js';
import { RawClient } from '../differential/raw-client.js';
import type { Read, Write } from './history.js';
import type { Shared } from './writer.js';

const KEY_COUNT = 12;
const PAUSE_MS = 5;

export class RawWriter {
  readonly writes: Write[] = [];
  readonly reads: Read[] = [];
  readonly #client: RawClient;
  readonly #shared: Shared;
  #sequence = 0;

  constructor(endpoint: string, shared: Shared) {
    this.#client = new RawClient(endpoint);
    this.#shared = shared;
  }

  /** Until the run is stopping. */
  async run(): Promise<void> {
    while (!this.#shared.stopping) {
      const key = `k/${this.#sequence % KEY_COUNT}`;
      const isDone = (await this.#put(key)) && (await this.#read(key));
      // Nobody answers while the member is down.
      if (!isDone) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    this.#client.close();
  }

  async #put(key: string): Promise<boolean> {
    const value = `raw:${this.#sequence++}`;
    const request = create(PutRequestSchema, { key: toBytes(key), value: toBytes(value) });
    const answer = await this.#client.call('put', request);
    const isDone = answer.kind === 'message';
    const revision = isDone ? Number((answer.message as PutResponse).header?.revision) : undefined;
    this.writes.push({ value, puts: [key], deletes: [], revision });
    this.#learn(revision ?? 0);
    return isDone;
  }

  async #read(key: string): Promise<boolean> {
    const atLeast = this.#shared.revision;
    const request = create(RangeRequestSchema, { key: toBytes(key) });
    const answer = await this.#client.call('range', request);
    if (answer.kind !== 'message') return false;
    const { kvs, header } = answer.message as RangeResponse;
    const value = kvs[0] === undefined ? '' : toText(kvs[0].value);
    this.reads.push({ key, value, revision: Number(header?.revision), atLeast });
    this.#learn(Number(header?.revision));
    return true;
  }

  #learn(revision: number): void {
    this.#shared.revision = Math.max(this.#shared.revision, revision);
  }
}
