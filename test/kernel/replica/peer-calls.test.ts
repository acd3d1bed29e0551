// Proves that a call from one member to another is answered once or given up in time, that its
// handler runs once however often the frame comes, and that nothing waits for ever.
import assert from 'node:assert/strict';
import { readAnswer, readCall } from '../../../src/kernel/codec/peer-body.js';
import { PeerCalls } from '../../../src/kernel/replica/peer-calls.js';
import { SimClock } from '../../../src/simulation/sim-clock.js';
import { LIMITS, StoreError } from '../../../src/store/index.js';
import { rejectsWith } from '../../contract/store-harness.js';

class Pair {
  readonly clock = new SimClock();
  readonly calls: Uint8Array[] = [];
  readonly answers: Uint8Array[] = [];
  readonly caller = this.#side(11n);
  readonly callee = this.#side(22n);
  ran = 0;

  constructor() {
    this.callee.handle('echo', (from, body) => {
      this.ran++;
      return Promise.resolve(Uint8Array.of(Number(from), ...body));
    });
    this.callee.handle('refuse', () => Promise.reject(new StoreError('NotLeader')));
    this.callee.handle('break', () => Promise.reject(new Error('broken')));
  }

  #side(startNonce: bigint): PeerCalls {
    return new PeerCalls({
      clock: this.clock,
      startNonce,
      sendCall: (_to, body) => this.calls.push(body),
      sendAnswer: (_to, body) => this.answers.push(body),
    });
  }

  /** Carries all calls over, each `copies` times, and all answers back. */
  async carry(copies = 1): Promise<void> {
    for (const body of this.calls.splice(0)) {
      for (let at = 0; at < copies; at++) this.callee.receive(1n, 11n, readCall(body));
    }
    await this.clock.advance(0);
    for (const body of this.answers.splice(0)) this.caller.answered(2n, readAnswer(body));
  }
}

describe('calls between members', () => {
  it('are answered', async () => {
    const pair = new Pair();
    const answer = pair.caller.call(2n, 'echo', Uint8Array.of(7), 100);
    await pair.carry();
    assert.deepEqual(await answer, Uint8Array.of(1, 7));
    assert.equal(pair.clock.timerCount, 0);
  });

  it('bring the error of the handler back', async () => {
    const pair = new Pair();
    const refused = pair.caller.call(2n, 'refuse', new Uint8Array(0), 100);
    const broken = pair.caller.call(2n, 'break', new Uint8Array(0), 100);
    const unknown = pair.caller.call(2n, 'nothing', new Uint8Array(0), 100);
    await pair.carry();
    await rejectsWith(refused, 'NotLeader');
    await rejectsWith(broken, 'Unknown');
    await rejectsWith(unknown, 'Unimplemented');
  });

  it('run once, however often they come', async () => {
    const pair = new Pair();
    const answer = pair.caller.call(2n, 'echo', new Uint8Array(0), 100);
    await pair.carry(3);
    await answer;
    assert.equal(pair.ran, 1);
    pair.callee.receive(1n, 12n, { id: 1, name: 'echo', body: new Uint8Array(0) });
    assert.equal(pair.ran, 2);
    for (let id = 2; id < LIMITS.peerCallMemory + 100; id++) {
      pair.callee.receive(1n, 12n, { id, name: 'echo', body: new Uint8Array(0) });
    }
    const before = pair.ran;
    pair.callee.receive(1n, 12n, { id: 1, name: 'echo', body: new Uint8Array(0) });
    assert.equal(pair.ran, before);
  });

  it('are given up in time, and an answer that comes later is dropped', async () => {
    const pair = new Pair();
    const answer = pair.caller.call(2n, 'echo', new Uint8Array(0), 100);
    answer.catch(() => undefined);
    await pair.clock.advance(100);
    await rejectsWith(answer, 'Timeout');
    await pair.carry();
  });

  it('take no answer from another member, or to another start', async () => {
    const pair = new Pair();
    const answer = pair.caller.call(2n, 'echo', new Uint8Array(0), 100);
    answer.catch(() => undefined);
    const body = new Uint8Array(0);
    pair.caller.answered(3n, { id: 1, startNonce: 11n, ok: true, body });
    pair.caller.answered(2n, { id: 1, startNonce: 10n, ok: true, body });
    await pair.clock.advance(100);
    await rejectsWith(answer, 'Timeout');
  });

  it('end with the member', async () => {
    const pair = new Pair();
    const answer = pair.caller.call(2n, 'echo', new Uint8Array(0), 100);
    pair.caller.close(new StoreError('Stopped'));
    await rejectsWith(answer, 'Stopped');
    await rejectsWith(pair.caller.call(2n, 'echo', new Uint8Array(0), 100), 'Stopped');
    assert.equal(pair.clock.timerCount, 0);
  });

  it('are bounded in number', async () => {
    const pair = new Pair();
    const calls = Array.from({ length: LIMITS.peerCalls }, () =>
      pair.caller.call(2n, 'echo', new Uint8Array(0), 100),
    );
    for (const call of calls) call.catch(() => undefined);
    await rejectsWith(pair.caller.call(2n, 'echo', new Uint8Array(0), 100), 'TooManyRequests');
    await pair.clock.advance(100);
  });
});
