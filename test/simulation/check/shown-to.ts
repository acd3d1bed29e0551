// What a watch is to be shown of a history, written as plainly as can be.
import type { RevisionBatch, StoreEvent, WatchRequest } from '../../../src/store/index.js';
import { inRange, toKeyText } from '../../../src/simulation/model/model-keys.js';

export function shownTo(request: WatchRequest, history: readonly RevisionBatch[]): RevisionBatch[] {
  return history
    .filter(({ revision }) => revision >= (request.startRevision ?? 0))
    .map(({ revision, events }) => ({
      revision,
      events: events
        .filter((event) => isShown(event, request))
        .map((event) => seen(event, request)),
    }))
    .filter(({ events }) => events.length > 0);
}

function isShown({ type, kv }: StoreEvent, request: WatchRequest): boolean {
  if (type === 'put' ? request.noPut === true : request.noDelete === true) return false;
  return inRange(toKeyText(kv.key), request);
}

function seen(event: StoreEvent, request: WatchRequest): StoreEvent {
  const { prevKv, ...rest } = event;
  return request.prevKv === true && prevKv !== undefined ? { ...rest, prevKv } : rest;
}
