// Proves that commands share entries, that each is answered exactly once, and that what a caller
// does to its bytes after handing them over changes nothing.
import assert from 'node:assert/strict';
import { readEntryPayload } from '../../../src/kernel/codec/entry-payload.js';
import type { Command } from '../../../src/kernel/codec/command.js';
import { Proposals } from '../../../src/kernel/replica/proposals.js';
import { LIMITS, StoreError } from '../../../src/store/index.js';
import { rejectsWith } from '../../contract/store-harness.js';

const ORIGIN = { memberId: 1n, startNonce: 7n };

const put = (key: string): Command => ({ kind: 'put', key, value: 'v' });

describe('proposals', () => {
  it('gathers everything that waits into one payload', async () => {
    let rings = 0;
    const proposals = new Proposals(ORIGIN, 1000, () => rings++);
    const results = ['a', 'b', 'c'].map((key) => proposals.submit(put(key)));
    assert.equal(rings, 3);
    const payloads = proposals.take(1);
    assert.equal(payloads.length, 1);
    const [payload] = payloads;
    assert.ok(payload !== undefined);
    assert.equal(readEntryPayload(payload).length, 3);
    assert.equal(proposals.hasWaiting, false);
    assert.equal(proposals.pendingCount, 3);
    proposals.settle(payload, [
      { kind: 'put', revision: 2 },
      { kind: 'error', error: new StoreError('LeaseNotFound') },
      { kind: 'put', revision: 3 },
    ]);
    assert.deepEqual(await results[0], { kind: 'put', revision: 2 });
    await rejectsWith(results[1] as Promise<unknown>, 'LeaseNotFound');
    assert.deepEqual(await results[2], { kind: 'put', revision: 3 });
    assert.equal(proposals.pendingCount, 0);
  });

  it('takes no more when too many bytes wait, until some were answered', async () => {
    const proposals = new Proposals(ORIGIN, 2 ** 21, () => undefined);
    const value = new Uint8Array(2 ** 20);
    const big: Command = { kind: 'put', key: 'k', value };
    let taken = 0;
    let refused: Promise<unknown> | undefined;
    while (refused === undefined && taken < 1000) {
      const result = proposals.submit(big);
      if (proposals.pendingCount === taken) refused = result;
      else result.catch(() => undefined);
      taken = proposals.pendingCount;
    }
    assert.ok(refused !== undefined);
    await rejectsWith(refused, 'TooManyRequests');
    assert.ok(taken * value.length <= LIMITS.waitingProposalBytes);
    const [payload] = proposals.take(1);
    assert.ok(payload !== undefined);
    proposals.settle(payload, [{ kind: 'put', revision: 2 }]);
    proposals.submit(big).catch(() => undefined);
    assert.equal(proposals.pendingCount, taken);
    const own = proposals.submitOwn({ kind: 'leaseExpire', term: 1, leases: [] });
    own.catch(() => undefined);
    assert.equal(proposals.pendingCount, taken + 1);
    proposals.close(new StoreError('Stopped'));
    assert.equal(proposals.pendingCount, 0);
  });

  it('counts what failed before it came to anything, each once', async () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    const abort = new AbortController();
    const given = proposals.submit(put('a'), { signal: abort.signal });
    const lost = proposals.submit(put('b'));
    abort.abort();
    await rejectsWith(given, 'Canceled');
    assert.equal(proposals.failedCount, 1);
    proposals.refuse(proposals.take(1), new StoreError('NoLeader'));
    await rejectsWith(lost, 'NoLeader');
    assert.equal(proposals.failedCount, 2);
    const applied = proposals.submit(put('c'));
    proposals.settle(proposals.take(1)[0] as Uint8Array, [
      { kind: 'error', error: new StoreError('LeaseNotFound') },
    ]);
    await rejectsWith(applied, 'LeaseNotFound');
    await rejectsWith(
      proposals.submit({ ...put('d'), value: 'v'.repeat(1000) } as Command),
      'RequestTooLarge',
    );
    assert.equal(proposals.failedCount, 2, 'an answer is no failure');
    proposals.close(new StoreError('Stopped'));
    await rejectsWith(proposals.submit(put('e')), 'Stopped');
    assert.equal(proposals.failedCount, 3);
  });

  it('cuts an entry when it holds enough commands', () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    for (let at = 0; at <= LIMITS.entryCommands; at++) {
      proposals.submit(put(`${at}`)).catch(() => undefined);
    }
    const counts = proposals.take(1).map((payload) => readEntryPayload(payload).length);
    assert.deepEqual(counts, [LIMITS.entryCommands, 1]);
  });

  it('cuts an entry when it holds enough bytes', () => {
    const proposals = new Proposals(ORIGIN, LIMITS.requestBytes, () => undefined);
    const value = 'x'.repeat(400_000);
    for (let at = 0; at < 6; at++) {
      proposals.submit({ kind: 'put', key: `${at}`, value }).catch(() => undefined);
    }
    const payloads = proposals.take(1);
    assert.equal(payloads.map((payload) => readEntryPayload(payload).length).length, 2);
    for (const payload of payloads) assert.ok(payload.length < LIMITS.entryBytes + 450_000);
  });

  it('keeps what was handed over, whatever happens to the buffer', () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    const key = new TextEncoder().encode('key');
    proposals.submit({ kind: 'put', key, value: key }).catch(() => undefined);
    key.fill(0);
    const [command] = readEntryPayload(proposals.take(1)[0] as Uint8Array);
    assert.ok(command?.kind === 'put');
    assert.equal(Buffer.from(command.key as Uint8Array).toString(), 'key');
  });

  it('refuses what is too large without harm to what waits', async () => {
    const proposals = new Proposals(ORIGIN, 50, () => undefined);
    proposals.submit(put('small')).catch(() => undefined);
    const large: Command = { kind: 'put', key: 'k', value: 'x'.repeat(51) };
    await rejectsWith(proposals.submit(large), 'RequestTooLarge');
    assert.equal(readEntryPayload(proposals.take(1)[0] as Uint8Array).length, 1);
  });

  it('refuses more than may wait at once', async () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    for (let at = 0; at < LIMITS.waitingProposals; at++) {
      proposals.submit({ kind: 'leaseRevoke', id: 1n }).catch(() => undefined);
    }
    await rejectsWith(proposals.submit(put('one more')), 'TooManyRequests');
  });

  it('lets a caller go when it cancels, and takes the outcome all the same', async () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    const controller = new AbortController();
    const result = proposals.submit(put('a'), { signal: controller.signal });
    controller.abort();
    await rejectsWith(result, 'Canceled');
    const [payload] = proposals.take(1);
    proposals.settle(payload as Uint8Array, [{ kind: 'put', revision: 2 }]);
    assert.equal(proposals.pendingCount, 0);
    await rejectsWith(proposals.submit(put('b'), { signal: controller.signal }), 'Canceled');
  });

  it('answers everything when it closes, in the log or not, and everything after', async () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    const inLog = proposals.submit(put('a'));
    proposals.take(1);
    const waiting = proposals.submit(put('b'));
    proposals.close(new StoreError('Stopped'));
    await rejectsWith(inLog, 'Stopped');
    await rejectsWith(waiting, 'Stopped');
    await rejectsWith(proposals.submit(put('c')), 'Stopped');
  });

  it('go back in their order, before what came later', async () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    const waiting = ['a', 'b', 'c'].map((key) => {
      const answer = proposals.submit(put(key));
      if (key !== 'c') proposals.tick(0, 1000);
      return answer;
    });
    const taken = proposals.take(3, 2);
    assert.equal(taken.length, 2);
    proposals.giveBack(taken);
    const again = proposals.take(4);
    assert.deepEqual(again.slice(0, 2), taken);
    assert.equal(again.length, 3);
    for (const payload of again) proposals.settle(payload, [{ kind: 'put', revision: 2 }]);
    await Promise.all(waiting);
  });

  it('go into the log of a later term only when that of the earlier one is past', async () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    const answer = proposals.submit(put('a'));
    const payloads = proposals.take(3);
    proposals.termReached(3);
    assert.equal(proposals.hasWaiting, false);
    proposals.termReached(4);
    assert.equal(proposals.hasWaiting, true);
    const payload = payloads[0] as Uint8Array;
    assert.throws(
      () => proposals.settle(payload, [{ kind: 'put', revision: 2 }]),
      /was to be proposed again/,
    );
    assert.deepEqual(proposals.take(4), payloads);
    proposals.settle(payload.slice(), [{ kind: 'put', revision: 2 }]);
    assert.deepEqual(await answer, { kind: 'put', revision: 2 });
  });

  it('are settled by who made them alone', () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    const other = new Proposals({ memberId: 1n, startNonce: 8n }, 1000, () => undefined);
    proposals.submit(put('a')).catch(() => undefined);
    proposals.take(1);
    other.submit(put('a')).catch(() => undefined);
    proposals.settle(other.take(1)[0] as Uint8Array, [{ kind: 'put', revision: 2 }]);
    assert.equal(proposals.pendingCount, 1);
    assert.equal(other.pendingCount, 1);
  });

  it('are given up in time, wherever they are, and are settled in vain then', async () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    const inLog = proposals.submit(put('a'));
    const [payload] = proposals.take(1);
    const waits = proposals.submit(put('b'));
    proposals.tick(10, 1000);
    const late = proposals.submit(put('c'));
    proposals.tick(1009, 1000);
    assert.equal(proposals.pendingCount, 3);
    proposals.tick(1010, 1000);
    await rejectsWith(inLog, 'Timeout');
    await rejectsWith(waits, 'Timeout');
    assert.equal(proposals.pendingCount, 1);
    assert.equal(proposals.failedCount, 2);
    proposals.settle(payload as Uint8Array, [{ kind: 'put', revision: 2 }]);
    const [left] = proposals.take(1);
    proposals.settle(left as Uint8Array, [{ kind: 'put', revision: 3 }]);
    assert.deepEqual(await late, { kind: 'put', revision: 3 });
  });

  it('that a state may hold, or not, have an unknown outcome', async () => {
    const proposals = new Proposals(ORIGIN, 1000, () => undefined);
    const early = proposals.submit(put('a'));
    proposals.take(3);
    const later = proposals.submit(put('b'));
    const [payload] = proposals.take(4);
    proposals.skippedTo(3);
    await rejectsWith(early, 'Timeout');
    proposals.settle(payload as Uint8Array, [{ kind: 'put', revision: 3 }]);
    await later;
  });
});
