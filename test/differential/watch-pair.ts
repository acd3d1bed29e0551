// Watches on both servers of a pair, opened and cancelled in lock-step: one stream on each, whose
// responses are kept by watcher, revisions joined however the server cut them into responses.
import { create, fromBinary } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import {
  Watch,
  WatchCancelRequestSchema,
  type WatchCreateRequest,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from '../../src/wire/gen/etcdserverpb/watch_pb.js';
import { plainOf, showPlain } from './plain.js';
import { encode, pathOf, type RawClient } from './raw-client.js';

const ANSWER_WITHIN_MS = 20_000;

/** What one watcher was told, as lines that can be compared. */
export interface WatcherRecord {
  /** The answer to its creation, and its end if it had one. */
  readonly control: string[];
  readonly events: string[];
}

/** The watches of one side. */
export class WatchSide {
  readonly records: WatcherRecord[] = [];
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  /** Records by the id of the watcher; those whose creation failed are not here. */
  readonly #byId = new Map<bigint, WatcherRecord>();
  #created = 0;
  #changed: () => void = () => undefined;

  constructor(client: RawClient) {
    this.#stream = client.stream(pathOf(Watch.method.watch));
    this.#stream.on('data', (bytes: Buffer) => {
      this.#take(fromBinary(WatchResponseSchema, bytes));
      this.#changed();
    });
    // The end of the run cancels the stream.
    this.#stream.on('error', () => undefined);
  }

  /** Resolves when the server has answered. @returns the place in `records` */
  async open(request: WatchCreateRequest): Promise<number> {
    const place = this.records.length;
    this.records.push({ control: [], events: [] });
    this.#send({ case: 'createRequest', value: request });
    await this.until(() => this.#created > place);
    return place;
  }

  /** Resolves when the server has answered; at once if that watcher is gone. */
  async cancel(place: number): Promise<void> {
    for (const [watchId, record] of this.#byId) {
      if (record !== this.records[place]) continue;
      const value = create(WatchCancelRequestSchema, { watchId });
      this.#send({ case: 'cancelRequest', value });
      await this.until(() => !this.#byId.has(watchId));
      return;
    }
  }

  get eventCount(): number {
    return this.records.reduce((sum, { events }) => sum + events.length, 0);
  }

  /** Resolves when `isDone`, or when it took too long. */
  async until(isDone: () => boolean, withinMs = ANSWER_WITHIN_MS): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!isDone() && Date.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.#stream.cancel();
  }

  #send(requestUnion: WatchRequest['requestUnion']): void {
    this.#stream.write(encode(WatchRequestSchema, create(WatchRequestSchema, { requestUnion })));
  }

  #take(response: WatchResponse): void {
    const { created, canceled, watchId, events } = response;
    if (created) {
      const record = this.records[this.#created++];
      record?.control.push(showControl(response));
      if (record !== undefined && !canceled) this.#byId.set(watchId, record);
      return;
    }
    const record = this.#byId.get(watchId);
    if (record === undefined)
      throw new Error(`an answer for watcher ${watchId}, which is not there`);
    for (const event of events) record.events.push(showPlain(plainOf(event)));
    if (canceled) {
      record.control.push(showControl(response));
      this.#byId.delete(watchId);
    }
  }
}

/** The fields of an answer that are no events; the header's revision only where it is settled. */
function showControl(response: WatchResponse): string {
  const { watchId, created, canceled, compactRevision, cancelReason } = response;
  return JSON.stringify({
    watchId: String(watchId),
    created,
    canceled,
    compactRevision: String(compactRevision),
    cancelReason,
    ...(created ? { revision: String(response.header?.revision) } : {}),
  });
}
