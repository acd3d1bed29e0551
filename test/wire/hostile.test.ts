// Proves that no input can make a decoder do anything but answer or throw WireError (or, for
// requests that parse but mean nothing, StoreError): truncated, oversized, too deep, of wrong
// types, random.
import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { StoreError } from '../../src/store/index.js';
import { RequestOpSchema, TxnRequestSchema } from '../../src/wire/gen/etcdserverpb/kv_pb.js';
import { decodePutRequest, encodePutRequest } from '../../src/wire/kv.js';
import { decodeRangeRequest, encodeRangeRequest } from '../../src/wire/range.js';
import { methodsOf, SERVICE_NAMES } from '../../src/wire/services.js';
import { decodeTxnRequest, encodeTxnRequest } from '../../src/wire/txn.js';
import { decodeWatchRequest } from '../../src/wire/watch.js';
import { WireError } from '../../src/wire/wire-error.js';

const key = Uint8Array.of(1, 2, 3);

/** A small generator of numbers in [0, bound) from a seed (xorshift). */
function dice(seed: number): (bound: number) => number {
  let state = seed | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

describe('hostile protobuf', () => {
  it('refuses every truncation', () => {
    const whole = encodeTxnRequest({
      compare: [{ key, target: 'lease', operator: '=', operand: -1n, rangeEnd: key }],
      success: [
        { kind: 'put', key, value: 'value', lease: 5n },
        { kind: 'txn', failure: [{ kind: 'range', key, revision: 1000 }] },
      ],
    });
    let refused = 0;
    for (let length = 1; length < whole.length; length++) {
      try {
        decodeTxnRequest(whole.subarray(0, length));
      } catch (error) {
        assert.ok(error instanceof WireError, `at ${length}: ${String(error)}`);
        refused++;
      }
    }
    // Only a cut between two fields of the outermost message leaves a message.
    assert.ok(refused >= whole.length - 4, `${refused} of ${whole.length} cuts were refused`);
  });

  it('refuses impossible tags, lengths and integers', () => {
    for (const bytes of [
      [0x00], // field 0
      [0x0e], // wire type 6
      [0x0c], // the end of a group that never began
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], // four gigabytes
      [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], // 65 bits
      [0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], // 11 bytes
      [0x0b, 0x08, 0x01], // a group without end
      [0xff, 0xff, 0xff, 0xff, 0xff, 0x01], // a field number above 2^29
    ]) {
      assert.throws(() => decodePutRequest(Uint8Array.from(bytes)), WireError, String(bytes));
    }
  });

  it('skips what it does not know', () => {
    const known = encodePutRequest({ key, value: 'v', lease: 9n });
    const unknown = [
      ...[0xc0, 0x3e, 0x96, 0x01], // varint
      ...[0xc1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8], // 64 bits
      ...[0xc2, 0x3e, 2, 0xff, 0xff], // bytes
      ...[0xc3, 0x3e, 0x0a, 1, 7, 0xc4, 0x3e], // group
      ...[0xc5, 0x3e, 1, 2, 3, 4], // 32 bits
      ...[0x08, 5], // the key, as a varint
      ...[0x1a, 1, 0], // the lease, as bytes
    ];
    assert.deepEqual(
      decodePutRequest(Uint8Array.from([...known, ...unknown])),
      decodePutRequest(known),
    );
  });

  it('reads integers of 64 bits to the bit', () => {
    for (const lease of [
      1n,
      127n,
      128n,
      2n ** 32n - 1n,
      2n ** 32n,
      2n ** 53n + 1n,
      -1n,
      -(2n ** 63n),
    ]) {
      assert.equal(decodePutRequest(encodePutRequest({ key, lease })).lease, lease);
    }
    for (const revision of [
      1,
      2 ** 31,
      2 ** 32,
      2 ** 32 - 1,
      2 ** 52 + 1,
      Number.MAX_SAFE_INTEGER,
    ]) {
      assert.equal(decodeRangeRequest(encodeRangeRequest({ key, revision })).revision, revision);
    }
    const negative = decodeWatchRequest(
      Uint8Array.of(0x0a, 11, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
    );
    assert.ok(negative.kind === 'create');
    assert.equal(negative.request.startRevision, -1);
  });

  it('bounds the depth of nested transactions', () => {
    const nested = (depth: number): Uint8Array => {
      let message = create(TxnRequestSchema);
      for (let i = 0; i < depth; i++) {
        const operation = create(RequestOpSchema, {
          request: { case: 'requestTxn', value: message },
        });
        message = create(TxnRequestSchema, { success: [operation] });
      }
      return toBinary(TxnRequestSchema, message);
    };
    assert.ok(decodeTxnRequest(nested(16)).success);
    assert.throws(() => decodeTxnRequest(nested(17)), { code: 'TooManyOps' });
    assert.throws(() => decodeTxnRequest(nested(80)), { code: 'TooManyOps' });
  });

  it('survives random bytes in every method', () => {
    const seed = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 2 ** 31);
    const roll = dice(seed);
    const methods = SERVICE_NAMES.flatMap(methodsOf).flatMap((method) => [
      method.requestDeserialize,
      method.responseDeserialize,
    ]);
    assert.equal(methods.length, 106);
    for (let round = 0; round < 200; round++) {
      const bytes = Buffer.from(
        Array.from({ length: roll(40) }, () => roll(256) & ~(roll(2) * 0xe0)),
      );
      for (const decode of methods) {
        try {
          decode(bytes);
        } catch (error) {
          const expected = error instanceof WireError || error instanceof StoreError;
          assert.ok(expected, `seed ${seed}, ${bytes.toString('hex')}: ${String(error)}`);
        }
      }
    }
  });
});

describe('requests that parse but mean nothing', () => {
  const operation = (init: Parameters<typeof create<typeof RequestOpSchema>>[1]) =>
    create(RequestOpSchema, init);
  const decode = (init: Parameters<typeof create<typeof TxnRequestSchema>>[1]) =>
    decodeTxnRequest(toBinary(TxnRequestSchema, create(TxnRequestSchema, init)));
  const empty = operation({});
  const put = operation({ request: { case: 'requestPut', value: { key } } });
  const keyless = operation({ request: { case: 'requestPut', value: {} } });
  const badSort = operation({
    request: { case: 'requestRange', value: { key, sortOrder: 8 as 0 } },
  });

  it('refuses an operation without a request, and one with an undefined sort', () => {
    assert.throws(() => decode({ success: [empty] }), { code: 'KeyNotFound' });
    assert.throws(() => decode({ failure: [badSort] }), { code: 'InvalidSortOption' });
  });

  it('refuses undefined results and targets of comparisons by name', () => {
    assert.throws(() => decode({ compare: [{ key, result: 7 as 0 }] }), {
      code: 'InvalidArgument',
      message: 'compare result 7 does not exist (0 to 3 do)',
    });
    assert.throws(() => decode({ compare: [{ key, target: -1 as 0 }] }), {
      code: 'InvalidArgument',
      message: 'compare target -1 does not exist (0 to 4 do)',
    });
  });

  it('reports the first fault in etcd order', () => {
    const many = Array.from({ length: 129 }, () => put);
    assert.throws(() => decode({ success: [empty], failure: many }), { code: 'TooManyOps' });
    assert.throws(() => decode({ compare: [{ result: 7 as 0 }], success: [empty] }), {
      code: 'EmptyKey',
    });
    assert.throws(() => decode({ success: [keyless, empty] }), { code: 'EmptyKey' });
    assert.throws(() => decode({ success: [put, badSort, empty] }), { code: 'InvalidSortOption' });
    const valued = operation({
      request: { case: 'requestPut', value: { key, value: key, ignoreValue: true } },
    });
    assert.throws(() => decode({ success: [valued, empty] }), { code: 'ValueProvided' });
    const leased = operation({
      request: { case: 'requestPut', value: { key, lease: 1n, ignoreLease: true } },
    });
    assert.throws(() => decode({ success: [leased, empty] }), { code: 'LeaseProvided' });
    const inner = operation({
      request: { case: 'requestTxn', value: { success: [keyless] } },
    });
    assert.throws(() => decode({ success: [inner, empty] }), { code: 'EmptyKey' });
    const full = operation({
      request: { case: 'requestTxn', value: { success: many.slice(1) } },
    });
    assert.throws(() => decode({ success: [full, empty] }), { code: 'TooManyOps' });
  });
});
