// Proves that the hand-written codecs of watches and leases speak protobuf, as those of the KV
// service do, and that an event is encoded once however often it is sent.
import assert from 'node:assert/strict';
import { type KeyValue, LIMITS } from '../../src/store/index.js';
import { EventCache } from '../../src/wire/event-cache.js';
import * as pbLease from '../../src/wire/gen/etcdserverpb/lease_pb.js';
import * as pbWatch from '../../src/wire/gen/etcdserverpb/watch_pb.js';
import * as lease from '../../src/wire/lease.js';
import * as watch from '../../src/wire/watch.js';
import { assertBytes, header, key, pair, pbHeader, pbPair } from './samples.js';

describe('watch codec', () => {
  it('writes and reads requests of each kind', () => {
    const request = {
      key,
      rangeEnd: Uint8Array.of(0),
      startRevision: 77,
      noPut: true,
      noDelete: true,
      prevKv: true,
      progressNotify: true,
    };
    const createRequest = { kind: 'create', request, watchId: 3, fragment: true } as const;
    const bytes = watch.encodeWatchRequest(createRequest);
    assertBytes(bytes, pbWatch.WatchRequestSchema, {
      requestUnion: {
        case: 'createRequest',
        value: {
          key,
          rangeEnd: Uint8Array.of(0),
          startRevision: 77n,
          filters: [0, 1],
          prevKv: true,
          progressNotify: true,
          watchId: 3n,
          fragment: true,
        },
      },
    });
    assert.deepEqual(watch.decodeWatchRequest(bytes), createRequest);
    for (const other of [
      { kind: 'cancel', watchId: 0 },
      { kind: 'cancel', watchId: 300 },
      { kind: 'progress' },
    ] as const) {
      assert.deepEqual(watch.decodeWatchRequest(watch.encodeWatchRequest(other)), other);
    }
    assert.deepEqual(watch.decodeWatchRequest(new Uint8Array(0)), { kind: 'none' });
  });

  it('reads unpacked filters, and an empty key as the lowest', () => {
    const decoded = watch.decodeWatchRequest(Uint8Array.of(0x0a, 4, 0x28, 1, 0x28, 7));
    assert.ok(decoded.kind === 'create');
    assert.equal(decoded.request.noDelete, true);
    assert.equal(decoded.request.noPut, false);
    assert.deepEqual(decoded.request.key, Uint8Array.of(0));
  });

  it('writes and reads responses, and encodes each event once', () => {
    const removed: KeyValue = {
      key,
      value: new Uint8Array(0),
      createRevision: 0,
      modRevision: 9,
      version: 0,
      lease: 0n,
    };
    const events = [
      { type: 'put', kv: pair },
      { type: 'delete', kv: removed, prevKv: pair },
    ] as const;
    const response = { header, watchId: 4, fragment: true, events };
    const bytes = watch.encodeWatchResponse(response);
    assertBytes(bytes, pbWatch.WatchResponseSchema, {
      header: pbHeader,
      watchId: 4n,
      fragment: true,
      events: [
        { type: 0, kv: pbPair },
        { type: 1, kv: { key, modRevision: 9n }, prevKv: pbPair },
      ],
    });
    assert.deepEqual(watch.decodeWatchResponse(bytes), {
      header,
      watchId: 4,
      created: false,
      canceled: false,
      compactRevision: 0,
      cancelReason: '',
      fragment: true,
      events,
    });
    assert.equal(watch.encodeEvent(events[0]), watch.encodeEvent(events[0]));
    const refused = watch.encodeWatchResponse({
      header,
      watchId: -1,
      created: true,
      canceled: true,
      compactRevision: 12,
      cancelReason: 'mvcc: watcher range is empty',
    });
    assertBytes(refused, pbWatch.WatchResponseSchema, {
      header: pbHeader,
      watchId: -1n,
      created: true,
      canceled: true,
      compactRevision: 12n,
      cancelReason: 'mvcc: watcher range is empty',
    });
    assert.equal(watch.decodeWatchResponse(refused).watchId, -1);
  });
});

describe('event cache', () => {
  it('gives bytes only for the very object, whatever shares its place', () => {
    const cache = new EventCache();
    const events = Array.from({ length: 5000 }, (_, i) => ({
      event: { type: 'put', kv: { ...pair, modRevision: i % 1500 } } as const,
      bytes: Uint8Array.of(i & 255, i >> 8),
    }));
    let kept = 0;
    for (const { event, bytes } of events) {
      cache.set(event, bytes);
      assert.equal(cache.get(event), bytes);
      assert.equal(cache.get({ ...event }), undefined);
    }
    for (const { event, bytes } of events) {
      const found = cache.get(event);
      if (found === undefined) continue;
      assert.equal(found, bytes);
      kept++;
    }
    assert.ok(kept > 0 && kept <= LIMITS.eventCacheEntries, `${kept}`);
  });

  it('keeps no large event', () => {
    const cache = new EventCache();
    const event = { type: 'put', kv: pair } as const;
    cache.set(event, new Uint8Array(LIMITS.eventCacheEntryBytes + 1));
    assert.equal(cache.get(event), undefined);
  });
});

describe('lease codec', () => {
  it('writes and reads every message', () => {
    const id = 0x7587_8a1c_0ffe_e123n;
    assertBytes(
      lease.encodeLeaseGrantRequest({ ttlSeconds: 60, id }),
      pbLease.LeaseGrantRequestSchema,
      {
        TTL: 60n,
        ID: id,
      },
    );
    assert.deepEqual(
      lease.decodeLeaseGrantRequest(lease.encodeLeaseGrantRequest({ ttlSeconds: -1 })),
      { ttlSeconds: -1, id: 0n },
    );
    const granted = { header, id, ttlSeconds: 60 };
    assertBytes(lease.encodeLeaseGrantResponse(granted), pbLease.LeaseGrantResponseSchema, {
      header: pbHeader,
      ID: id,
      TTL: 60n,
    });
    assert.deepEqual(
      lease.decodeLeaseGrantResponse(lease.encodeLeaseGrantResponse(granted)),
      granted,
    );
    assert.equal(lease.decodeLeaseRevokeRequest(lease.encodeLeaseRevokeRequest(id)), id);
    assert.equal(lease.decodeLeaseKeepAliveRequest(lease.encodeLeaseKeepAliveRequest(-3n)), -3n);
    const left = {
      header,
      id,
      remainingTtlSeconds: -1,
      grantedTtlSeconds: 60,
      keys: [key, new Uint8Array(0)],
    };
    const bytes = lease.encodeLeaseTimeToLiveResponse(left);
    assertBytes(bytes, pbLease.LeaseTimeToLiveResponseSchema, {
      header: pbHeader,
      ID: id,
      TTL: -1n,
      grantedTTL: 60n,
      keys: left.keys,
    });
    assert.deepEqual(lease.decodeLeaseTimeToLiveResponse(bytes), left);
    const ask = { id, keys: true };
    assert.deepEqual(
      lease.decodeLeaseTimeToLiveRequest(lease.encodeLeaseTimeToLiveRequest(ask)),
      ask,
    );
    const list = { header, ids: [id, 1n] };
    assertBytes(lease.encodeLeaseListResponse(list), pbLease.LeaseLeasesResponseSchema, {
      header: pbHeader,
      leases: [{ ID: id }, { ID: 1n }],
    });
    assert.deepEqual(lease.decodeLeaseListResponse(lease.encodeLeaseListResponse(list)), list);
  });
});
