import { Observable } from 'rxjs';
import {
  isEmptyInterval,
  OPEN_END,
  type RevisionBatch,
  StoreError,
  toBytes,
  toInterval,
  type WatchRequest,
} from '../store/index.js';
import { fromCancelReason } from '../wire/errors.js';
import { WATCH_METHODS } from '../wire/stream-methods.js';
import { encodeWatchRequest, type WatchResponse, type WatchStreamRequest } from '../wire/watch.js';
import type { ClientContext } from './context.js';
import { SharedStream, type StreamUser } from './shared-stream.js';
import { WatchSubscription } from './watch-subscription.js';

/**
 * All watches of one client over one stream. Servers answer requests to open a watch in their
 * order, which is how an id finds its subscription; when the stream is opened again, every
 * subscription is asked for again from where it was.
 */
export class WatchMux implements StreamUser<WatchResponse> {
  readonly #context: ClientContext;
  readonly #stream: SharedStream<WatchStreamRequest, WatchResponse>;
  readonly #subscriptions = new Set<WatchSubscription>();
  /** Asked for on this stream and not answered yet, in the order of asking. */
  #asked: WatchSubscription[] = [];
  #byId = new Map<number, WatchSubscription>();

  constructor(context: ClientContext) {
    this.#context = context;
    this.#stream = new SharedStream(context, WATCH_METHODS.watch, this);
  }

  /** Cold: each subscription is a watch. */
  watch(request: WatchRequest): Observable<RevisionBatch> {
    return new Observable((subscriber) => {
      if (this.#context.lifetime.closed) {
        subscriber.error(new StoreError('Stopped'));
        return undefined;
      }
      try {
        checkRequest(withKey(request));
      } catch (error) {
        subscriber.error(error);
        return undefined;
      }
      const release = this.#context.lifetime.hold();
      const subscription = new WatchSubscription(request, subscriber);
      this.#subscriptions.add(subscription);
      this.#ask(subscription);
      return () => {
        release();
        this.#leave(subscription);
      };
    });
  }

  close(): void {
    this.#stream.close();
    this.#failAll(new StoreError('Stopped'));
  }

  onOpen(): void {
    this.#asked = [];
    this.#byId = new Map();
    for (const subscription of this.#subscriptions) this.#ask(subscription);
  }

  onResponse(response: WatchResponse): void {
    if (response.created === true) this.#created(response);
    else if (response.canceled === true) this.#canceled(response);
    else this.#byId.get(response.watchId)?.receive(response);
  }

  onBroken(): void {
    this.#asked = [];
    this.#byId = new Map();
  }

  onRefused(error: StoreError): void {
    this.#failAll(error);
  }

  wanted(): boolean {
    return this.#subscriptions.size > 0;
  }

  awaitsAnswer(): boolean {
    return this.#asked.length > 0;
  }

  #ask(subscription: WatchSubscription): void {
    if (this.#stream.isOpen) this.#asked.push(subscription);
    this.#stream.send(createOf(withKey(subscription.openRequest())));
  }

  #created(response: WatchResponse): void {
    const subscription = this.#asked.shift();
    if (subscription === undefined) return;
    if (response.canceled === true) {
      this.#end(subscription, response);
    } else if (subscription.closed) {
      this.#stream.send({ kind: 'cancel', watchId: response.watchId });
      if (!this.wanted()) this.#stream.release();
    } else {
      subscription.watchId = response.watchId;
      this.#byId.set(response.watchId, subscription);
      subscription.opened(response.header.revision);
    }
  }

  #canceled(response: WatchResponse): void {
    const subscription = this.#byId.get(response.watchId);
    if (subscription === undefined) return;
    this.#byId.delete(response.watchId);
    this.#end(subscription, response);
  }

  #end(subscription: WatchSubscription, response: WatchResponse): void {
    this.#subscriptions.delete(subscription);
    const { cancelReason = '', compactRevision = 0 } = response;
    subscription.fail(fromCancelReason(cancelReason, compactRevision));
  }

  #leave(subscription: WatchSubscription): void {
    this.#subscriptions.delete(subscription);
    const { watchId } = subscription;
    if (watchId !== undefined && this.#byId.get(watchId) === subscription) {
      this.#byId.delete(watchId);
      this.#stream.send({ kind: 'cancel', watchId });
    }
    if (!this.wanted()) this.#stream.release();
  }

  #failAll(error: StoreError): void {
    const subscriptions = [...this.#subscriptions];
    this.#subscriptions.clear();
    this.#asked = [];
    this.#byId = new Map();
    for (const subscription of subscriptions) subscription.fail(error);
  }
}

function createOf(request: WatchRequest): WatchStreamRequest {
  return { kind: 'create', request, watchId: 0, fragment: true };
}

/**
 * A request that cannot be said would break the stream for everybody, again and again.
 * @throws StoreError `InvalidArgument`, `WatchRangeEmpty`
 */
function checkRequest(request: WatchRequest): void {
  encodeWatchRequest(createOf(request));
  if (isEmptyInterval(toInterval(request))) throw new StoreError('WatchRangeEmpty');
}

/** An empty key stands for the lowest one, as servers take it. */
function withKey(request: WatchRequest): WatchRequest {
  return toBytes(request.key).length === 0 ? { ...request, key: OPEN_END } : request;
}
