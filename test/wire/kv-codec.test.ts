// Proves that the hand-written codecs of the KV service speak protobuf: what they write is byte for
// byte what the generated code writes, what that writes they read, and the halves for server and
// client are inverse to each other.
import assert from 'node:assert/strict';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { KeyValue, TxnRequest, TxnResult } from '../../src/store/index.js';
import * as pb from '../../src/wire/gen/etcdserverpb/kv_pb.js';
import { decodeHeaderOnly, encodeHeaderOnly } from '../../src/wire/header-only.js';
import * as kv from '../../src/wire/kv.js';
import * as range from '../../src/wire/range.js';
import * as txn from '../../src/wire/txn.js';
import { assertBytes, header, key, pair, pbHeader, pbPair, reference } from './samples.js';

describe('put codec', () => {
  const request = {
    key,
    value: pair.value,
    lease: 0x7fff_ffff_ffff_ffffn,
    prevKv: true,
    ignoreValue: true,
    ignoreLease: true,
  };

  it('writes and reads requests', () => {
    assertBytes(kv.encodePutRequest(request), pb.PutRequestSchema, request);
    assert.deepEqual(kv.decodePutRequest(reference(pb.PutRequestSchema, request)), request);
    assertBytes(kv.encodePutRequest({ key: 'grün', value: '' }), pb.PutRequestSchema, {
      key: new TextEncoder().encode('grün'),
    });
    const empty = kv.decodePutRequest(new Uint8Array(0));
    assert.deepEqual(empty, {
      key: new Uint8Array(0),
      value: new Uint8Array(0),
      lease: 0n,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    });
  });

  it('writes and reads responses, and tells a missing pair from an empty one', () => {
    const bytes = kv.encodePutResponse({ header, prevKv: pair });
    assertBytes(bytes, pb.PutResponseSchema, { header: pbHeader, prevKv: pbPair });
    assert.deepEqual(kv.decodePutResponse(bytes), { header, prevKv: pair });
    const without = kv.encodePutResponse({ header });
    assertBytes(without, pb.PutResponseSchema, { header: pbHeader });
    assert.deepEqual(kv.decodePutResponse(without), { header });
  });
});

describe('range codec', () => {
  it('writes and reads requests', () => {
    const request = {
      key,
      rangeEnd: Uint8Array.of(0),
      limit: 10,
      revision: 2 ** 33,
      sortOrder: 'descend',
      sortTarget: 'value',
      serializable: true,
      keysOnly: true,
      countOnly: true,
      minModRevision: 1,
      maxModRevision: 2,
      minCreateRevision: 3,
      maxCreateRevision: 4,
    } as const;
    const message = {
      ...request,
      limit: 10n,
      revision: 2n ** 33n,
      sortOrder: 2,
      sortTarget: 4,
      minModRevision: 1n,
      maxModRevision: 2n,
      minCreateRevision: 3n,
      maxCreateRevision: 4n,
    } as const;
    const bytes = range.encodeRangeRequest(request);
    assertBytes(bytes, pb.RangeRequestSchema, message);
    assert.deepEqual(range.decodeRangeRequest(bytes), request);
  });

  it('takes a limit below zero for none, and keeps such a revision for a txn to refuse', () => {
    const bytes = reference(pb.RangeRequestSchema, { key, limit: -1n, revision: -5n });
    const request = range.decodeRangeRequest(bytes);
    assert.equal(request.limit, 0);
    assert.equal(request.revision, -5);
    assert.equal(request.minModRevision, undefined);
  });

  it('refuses undefined sort values, after the key', () => {
    const withKey = reference(pb.RangeRequestSchema, { key, sortTarget: 9 as 0 });
    assert.throws(() => range.decodeRangeRequest(withKey), { code: 'InvalidSortOption' });
    const order = reference(pb.RangeRequestSchema, { key, sortOrder: 3 as 0 });
    assert.throws(() => range.decodeRangeRequest(order), { code: 'InvalidSortOption' });
    const withoutKey = reference(pb.RangeRequestSchema, { sortTarget: 9 as 0 });
    assert.throws(() => range.decodeRangeRequest(withoutKey), { code: 'EmptyKey' });
    const invalid = { key, sortTarget: 'size' as 'key' };
    assert.throws(() => range.encodeRangeRequest(invalid), { code: 'InvalidSortOption' });
  });

  it('writes and reads responses', () => {
    const second = {
      ...pair,
      key: new Uint8Array(40).fill(1),
      value: new Uint8Array(0),
      lease: 0n,
    };
    const result = { header, kvs: [pair, second], more: true, count: 12 };
    const bytes = range.encodeRangeResponse(result);
    assertBytes(bytes, pb.RangeResponseSchema, {
      header: pbHeader,
      kvs: [pbPair, { ...pbPair, key: second.key, value: second.value, lease: 0n }],
      more: true,
      count: 12n,
    });
    assert.deepEqual(range.decodeRangeResponse(bytes), result);
  });

  it('grows beyond its scratch space and shrinks again', () => {
    const kvs = Array.from({ length: 100 }, () => pair);
    const result = { header, kvs, more: false, count: 100 };
    const bytes = range.encodeRangeResponse(result);
    assert.ok(bytes.length > 300_000);
    assert.deepEqual(range.decodeRangeResponse(bytes), result);
    const small = range.encodeRangeResponse({ header, kvs: [], more: false, count: 0 });
    assertBytes(small, pb.RangeResponseSchema, { header: pbHeader });
  });

  it('grows wherever the scratch space happens to end', () => {
    for (let length = 65_400; length < 65_560; length++) {
      const text = 'x'.repeat(length);
      const asText = kv.encodePutRequest({ key: 'k', value: text, lease: -1n });
      const asBytes = kv.encodePutRequest({ key: 'k', value: Buffer.from(text), lease: -1n });
      assert.ok(asText.equals(asBytes), `${length}`);
      assert.equal(kv.decodePutRequest(asText).value?.length, length);
    }
  });

  it('copies what is short, and the key of a put whatever its length', () => {
    const result = range.decodeRangeResponse(
      range.encodeRangeResponse({ header, kvs: [pair], more: false, count: 1 }),
    );
    const read = result.kvs[0] as KeyValue;
    assert.equal(read.key.buffer.byteLength, key.length);
    assert.notEqual(read.value.buffer.byteLength, pair.value.length);
    const longKey = new Uint8Array(200).fill(3);
    const request = kv.decodePutRequest(kv.encodePutRequest({ key: longKey, value: longKey }));
    assert.deepEqual(request.key, longKey);
    assert.equal((request.key as Uint8Array).buffer.byteLength, longKey.length);
  });
});

describe('delete and compact codecs', () => {
  it('write and read both ways', () => {
    const request = { key, rangeEnd: Uint8Array.of(1), prevKv: true };
    const bytes = kv.encodeDeleteRequest(request);
    assertBytes(bytes, pb.DeleteRangeRequestSchema, request);
    assert.deepEqual(kv.decodeDeleteRequest(bytes), request);
    const result = { header, deleted: 2, prevKvs: [pair, pair] };
    const answer = kv.encodeDeleteResponse(result);
    assertBytes(answer, pb.DeleteRangeResponseSchema, {
      header: pbHeader,
      deleted: 2n,
      prevKvs: [pbPair, pbPair],
    });
    assert.deepEqual(kv.decodeDeleteResponse(answer), result);
    const compact = kv.encodeCompactRequest({ revision: 300, physical: true });
    assertBytes(compact, pb.CompactionRequestSchema, { revision: 300n, physical: true });
    assert.deepEqual(kv.decodeCompactRequest(compact), { revision: 300, physical: true });
    assert.deepEqual(decodeHeaderOnly(encodeHeaderOnly({ header })), { header });
  });
});

describe('txn codec', () => {
  const request: TxnRequest = {
    compare: [
      { key, target: 'version', operator: '=', operand: 0 },
      { key, target: 'create', operator: '>', operand: -1 },
      { key, target: 'mod', operator: '<', operand: 2 ** 50 },
      { key, target: 'value', operator: '!=', operand: new Uint8Array(0) },
      { key, target: 'lease', operator: '=', operand: -1n, rangeEnd: Uint8Array.of(0) },
    ],
    success: [
      { kind: 'put', key, value: key },
      { kind: 'range', key, limit: 1 },
      { kind: 'txn', success: [{ kind: 'delete', key, prevKv: true }] },
    ],
    failure: [{ kind: 'delete', key }],
  };
  const message: MessageInitShape<typeof pb.TxnRequestSchema> = {
    compare: [
      { key, target: 0, result: 0, targetUnion: { case: 'version', value: 0n } },
      { key, target: 1, result: 1, targetUnion: { case: 'createRevision', value: -1n } },
      { key, target: 2, result: 2, targetUnion: { case: 'modRevision', value: 2n ** 50n } },
      { key, target: 3, result: 3, targetUnion: { case: 'value', value: new Uint8Array(0) } },
      {
        key,
        target: 4,
        result: 0,
        targetUnion: { case: 'lease', value: -1n },
        rangeEnd: Uint8Array.of(0),
      },
    ],
    success: [
      { request: { case: 'requestPut', value: { key, value: key } } },
      { request: { case: 'requestRange', value: { key, limit: 1n } } },
      {
        request: {
          case: 'requestTxn',
          value: {
            success: [{ request: { case: 'requestDeleteRange', value: { key, prevKv: true } } }],
          },
        },
      },
    ],
    failure: [{ request: { case: 'requestDeleteRange', value: { key } } }],
  };

  it('writes requests', () => {
    assertBytes(txn.encodeTxnRequest(request), pb.TxnRequestSchema, message);
  });

  it('reads requests', () => {
    const decoded = txn.decodeTxnRequest(reference(pb.TxnRequestSchema, message));
    assertBytes(txn.encodeTxnRequest(decoded), pb.TxnRequestSchema, message);
    const [, , , value, last] = decoded.compare ?? [];
    assert.deepEqual(value?.operand, new Uint8Array(0));
    assert.deepEqual(last, {
      key,
      rangeEnd: Uint8Array.of(0),
      target: 'lease',
      operator: '=',
      operand: -1n,
    });
    const kinds = decoded.success?.map((operation) => operation.kind);
    assert.deepEqual(kinds, ['put', 'range', 'txn']);
  });

  it('compares against nothing when the operand is of another target', () => {
    const bytes = reference(pb.TxnRequestSchema, {
      compare: [
        { key, target: 2, targetUnion: { case: 'version', value: 5n } },
        { key, target: 3, targetUnion: { case: 'lease', value: 5n } },
        { key, target: 4 },
      ],
    });
    const operands = txn.decodeTxnRequest(bytes).compare?.map((compare) => compare.operand);
    assert.deepEqual(operands, [0, new Uint8Array(0), 0n]);
  });

  it('lets the last member of a oneof win', () => {
    // Compare {value: "x", version: 3} and RequestOp {put, delete}, as no generated code writes
    // them.
    const compare = [0x0a, 5, 0x3a, 1, 0x78, 0x20, 3];
    const operation = [0x12, 8, 0x12, 2, 0x0a, 0, 0x1a, 2, 0x0a, 0];
    const decoded = txn.decodeTxnRequest(Uint8Array.from([...compare, ...operation]));
    assert.equal(decoded.compare?.[0]?.operand, 3);
    assert.equal(decoded.success?.[0]?.kind, 'delete');
  });

  it('writes and reads responses', () => {
    const result: TxnResult = {
      header,
      succeeded: true,
      responses: [
        { kind: 'put', revision: 5, prevKv: pair },
        { kind: 'range', revision: 5, kvs: [pair], more: false, count: 1 },
        { kind: 'delete', revision: 5, deleted: 1, prevKvs: [pair] },
        {
          kind: 'txn',
          revision: 0,
          succeeded: false,
          responses: [{ kind: 'put', revision: 5 }],
        },
      ],
    };
    const small = { revision: 5n };
    const bytes = txn.encodeTxnResponse(result);
    assertBytes(bytes, pb.TxnResponseSchema, {
      header: pbHeader,
      succeeded: true,
      responses: [
        { response: { case: 'responsePut', value: { header: small, prevKv: pbPair } } },
        { response: { case: 'responseRange', value: { header: small, kvs: [pbPair], count: 1n } } },
        {
          response: {
            case: 'responseDeleteRange',
            value: { header: small, deleted: 1n, prevKvs: [pbPair] },
          },
        },
        {
          response: {
            case: 'responseTxn',
            value: {
              header: {},
              responses: [{ response: { case: 'responsePut', value: { header: small } } }],
            },
          },
        },
      ],
    });
    assert.deepEqual(txn.decodeTxnResponse(bytes), result);
  });
});
