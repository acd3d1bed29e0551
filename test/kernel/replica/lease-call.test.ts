// Proves that questions and answers about leases between members come back as they were written,
// and that nothing else is taken for one.
import assert from 'node:assert/strict';
import { CodecError } from '../../../src/kernel/codec/bytes.js';
import {
  type LeaseQuestion,
  type LeaseReply,
  readLeaseQuestion,
  readLeaseReply,
  writeLeaseQuestion,
  writeLeaseReply,
} from '../../../src/kernel/replica/lease-call.js';
import { LIMITS } from '../../../src/store/index.js';

const QUESTIONS: readonly LeaseQuestion[] = [
  { kind: 'renew', id: 2n ** 63n - 1n },
  { kind: 'timeToLive', id: -3n },
];
const REPLIES: readonly LeaseReply[] = [
  { kind: 'none' },
  { kind: 'ending' },
  { kind: 'lease', grantedTtlSeconds: 5, remainingMs: 4999 },
  {
    kind: 'lease',
    grantedTtlSeconds: LIMITS.leaseTtlMaxSeconds,
    remainingMs: LIMITS.leaseTtlMaxSeconds * 1000,
  },
];

describe('calls about leases', () => {
  it('come back as they were', () => {
    for (const one of QUESTIONS) assert.deepEqual(readLeaseQuestion(writeLeaseQuestion(one)), one);
    for (const one of REPLIES) assert.deepEqual(readLeaseReply(writeLeaseReply(one)), one);
  });

  it('are refused when they are cut, too long or of no kind', () => {
    for (const one of QUESTIONS) refuses(readLeaseQuestion, writeLeaseQuestion(one));
    for (const one of REPLIES) refuses(readLeaseReply, writeLeaseReply(one));
  });
});

function refuses(read: (body: Uint8Array) => unknown, body: Uint8Array): void {
  const odd = [...Array.from(body, (_byte, length) => body.subarray(0, length))];
  odd.push(Uint8Array.of(...body, 0), Uint8Array.of(9, ...body.subarray(1)));
  for (const bytes of odd) assert.throws(() => read(bytes), CodecError);
}
