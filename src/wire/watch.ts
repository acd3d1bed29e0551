import {
  EMPTY_BYTES,
  type KeyValue,
  OPEN_END,
  type ResponseHeader,
  type StoreEvent,
  type WatchRequest,
} from '../store/index.js';
import { EventCache } from './event-cache.js';
import { EMPTY_HEADER, readHeader, writeHeader } from './header.js';
import { readKeyValue, writeKeyValue } from './key-value.js';
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/**
 * The watch stream between protobuf and store types. An event is encoded once for all watchers that
 * see it at about the same time, and responses are put together from such bytes.
 */
export type WatchStreamRequest =
  | WatchCreate
  | { readonly kind: 'cancel'; readonly watchId: number }
  | { readonly kind: 'progress' }
  /** A request of no kind that is known; etcd ignores it. */
  | { readonly kind: 'none' };

export interface WatchCreate {
  readonly kind: 'create';
  readonly request: WatchRequest;
  /** 0: the server picks one. */
  readonly watchId: number;
  /** The client can put split responses together. */
  readonly fragment: boolean;
}

/** One message of the stream; what is absent is false, zero or empty. */
export interface WatchResponse {
  readonly header: ResponseHeader;
  readonly watchId: number;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compactRevision?: number;
  readonly cancelReason?: string;
  /** More of the same revision follows. */
  readonly fragment?: boolean;
  readonly events?: readonly StoreEvent[];
}

const EVENTS_FIELD = 11;

const writer = new WireWriter();
const eventWriter = new WireWriter();
const cache = new EventCache();

/**
 * An event as it stands in a response, its tag and length included. The bytes may be shared: do not
 * change them. Their length is what the event adds to a response.
 */
export function encodeEvent(event: StoreEvent): Uint8Array {
  const known = cache.get(event);
  if (known !== undefined) return known;
  eventWriter.reset();
  if (event.prevKv !== undefined) writeKeyValue(eventWriter, 3, event.prevKv);
  writeKeyValue(eventWriter, 2, event.kv);
  eventWriter.int64(1, event.type === 'delete' ? 1 : 0);
  eventWriter.wrap(EVENTS_FIELD, 0);
  const bytes = eventWriter.finishOwned();
  cache.set(event, bytes);
  return bytes;
}

export function encodeWatchResponse(response: WatchResponse): Buffer {
  writer.reset();
  const events = response.events ?? [];
  for (let i = events.length - 1; i >= 0; i--) writer.raw(encodeEvent(events[i] as StoreEvent));
  writer.bool(7, response.fragment);
  writer.bytes(6, response.cancelReason);
  writer.int64(5, response.compactRevision ?? 0);
  writer.bool(4, response.canceled);
  writer.bool(3, response.created);
  writer.int64(2, response.watchId);
  writeHeader(writer, 1, response.header);
  return writer.finish();
}

/** @throws WireError */
export function decodeWatchResponse(bytes: Uint8Array): Required<WatchResponse> {
  const reader = new WireReader(bytes);
  let header = EMPTY_HEADER;
  let watchId = 0;
  let created = false;
  let canceled = false;
  let compactRevision = 0;
  let cancelReason = '';
  let fragment = false;
  const events: StoreEvent[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader, header);
    else if (field === 2) watchId = reader.int64(watchId);
    else if (field === 3) created = reader.bool(created);
    else if (field === 4) canceled = reader.bool(canceled);
    else if (field === 5) compactRevision = reader.int64(compactRevision);
    else if (field === 6) cancelReason = reader.text(cancelReason);
    else if (field === 7) fragment = reader.bool(fragment);
    else if (field === EVENTS_FIELD) reader.collect(readEvent, events);
    else reader.skip();
  }
  return {
    header,
    watchId,
    created,
    canceled,
    compactRevision,
    cancelReason,
    fragment,
    events,
  };
}

const NO_PAIR: KeyValue = {
  key: EMPTY_BYTES,
  value: EMPTY_BYTES,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: 0n,
};

function readEvent(reader: WireReader): StoreEvent {
  let typeNumber = 0;
  let kv = NO_PAIR;
  let prevKv: KeyValue | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) typeNumber = reader.int64(typeNumber);
    else if (field === 2) kv = reader.message(readKeyValue, kv);
    else if (field === 3) prevKv = reader.message<KeyValue | undefined>(readKeyValue, prevKv);
    else reader.skip();
  }
  const type = typeNumber === 1 ? 'delete' : 'put';
  return prevKv === undefined ? { type, kv } : { type, kv, prevKv };
}

export function encodeWatchRequest(request: WatchStreamRequest): Buffer {
  writer.reset();
  if (request.kind === 'create') writeCreate(request);
  else if (request.kind === 'cancel') {
    writer.int64(1, request.watchId);
    writer.wrap(2, 0);
  } else if (request.kind === 'progress') writer.wrap(3, 0);
  return writer.finish();
}

function writeCreate(create: WatchCreate): void {
  const { request } = create;
  writer.bool(8, create.fragment);
  writer.int64(7, create.watchId);
  writer.bool(6, request.prevKv);
  const filters = [...(request.noPut ? [0] : []), ...(request.noDelete ? [1] : [])];
  if (filters.length > 0) writer.bytesAlways(5, Uint8Array.from(filters));
  writer.bool(4, request.progressNotify);
  writer.int64(3, request.startRevision ?? 0);
  writer.bytes(2, request.rangeEnd);
  writer.bytes(1, request.key);
  writer.wrap(1, 0);
}

/** @throws WireError */
export function decodeWatchRequest(bytes: Uint8Array): WatchStreamRequest {
  const reader = new WireReader(bytes);
  let request: WatchStreamRequest = { kind: 'none' };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) request = reader.message<WatchStreamRequest>(readCreate, request);
    else if (field === 2) request = reader.message<WatchStreamRequest>(readCancel, request);
    else if (field === 3) request = reader.message<WatchStreamRequest>(readProgress, request);
    else reader.skip();
  }
  return request;
}

/** An empty key stands for the lowest one, as etcd takes it. Unknown filters are ignored. */
function readCreate(reader: WireReader): WatchCreate {
  let key: Uint8Array = OPEN_END;
  let rangeEnd: Uint8Array = EMPTY_BYTES;
  let startRevision = 0;
  let progressNotify = false;
  let prevKv = false;
  let watchId = 0;
  let fragment = false;
  const filters: number[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.bytes(key);
    else if (field === 2) rangeEnd = reader.bytes(rangeEnd);
    else if (field === 3) startRevision = reader.int64(startRevision);
    else if (field === 4) progressNotify = reader.bool(progressNotify);
    else if (field === 5) reader.integers(filters);
    else if (field === 6) prevKv = reader.bool(prevKv);
    else if (field === 7) watchId = reader.int64(watchId);
    else if (field === 8) fragment = reader.bool(fragment);
    else reader.skip();
  }
  const noPut = filters.includes(0);
  const noDelete = filters.includes(1);
  if (key.length === 0) key = OPEN_END;
  const request = { key, rangeEnd, startRevision, noPut, noDelete, prevKv, progressNotify };
  return { kind: 'create', request, watchId, fragment };
}

function readCancel(reader: WireReader): WatchStreamRequest {
  let watchId = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) watchId = reader.int64(watchId);
    else reader.skip();
  }
  return { kind: 'cancel', watchId };
}

function readProgress(reader: WireReader): WatchStreamRequest {
  while (reader.next() !== 0) reader.skip();
  return { kind: 'progress' };
}
