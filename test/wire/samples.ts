// The values that the codec tests share, and the generated code as the judge of what is written.
import assert from 'node:assert/strict';
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { KeyValue, ResponseHeader } from '../../src/store/index.js';

export const header: ResponseHeader = {
  clusterId: 0xcdf8_1818_1818_1818n,
  memberId: 0x8e9e_05c5_2164_694dn,
  revision: 5_000_000_000,
  raftTerm: 7,
};
export const pbHeader = {
  clusterId: header.clusterId,
  memberId: header.memberId,
  revision: BigInt(header.revision),
  raftTerm: 7n,
};
export const key = Uint8Array.of(0x6b, 0xff, 0x00);
export const pair: KeyValue = {
  key,
  value: new Uint8Array(3000).fill(9),
  createRevision: 3,
  modRevision: 2 ** 40 + 1,
  version: 128,
  lease: -2n,
};
export const pbPair = {
  key,
  value: pair.value,
  createRevision: 3n,
  modRevision: 2n ** 40n + 1n,
  version: 128n,
  lease: -2n,
};

/** The bytes that the generated code writes for `init`. */
export function reference<D extends DescMessage>(desc: D, init: MessageInitShape<D>): Uint8Array {
  return toBinary(desc, create(desc, init));
}

/** `bytes` are what the generated code writes, and it reads them. */
export function assertBytes<D extends DescMessage>(
  bytes: Buffer,
  desc: D,
  init: MessageInitShape<D>,
) {
  assert.ok(Buffer.isBuffer(bytes));
  assert.equal(bytes.toString('hex'), Buffer.from(reference(desc, init)).toString('hex'));
  fromBinary(desc, bytes);
}
