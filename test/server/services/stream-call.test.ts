// Proves that a stream takes no more than it may hold, counted in bytes and not only in messages,
// and says once, and only then, that there is room again.
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { Metadata } from '@grpc/grpc-js';
import { RpcCounters } from '../../../src/server/metrics/rpc-counters.js';
import { StreamCall } from '../../../src/server/services/stream-call.js';
import { LIMITS } from '../../../src/store/index.js';

/** A call as grpc-js has it: counts messages only, and passes one on when told to. */
class HeldCall extends Writable {
  readonly metadata = new Metadata();
  readonly cancelled = false;
  readonly #held: (() => void)[] = [];

  constructor() {
    super({ objectMode: true, highWaterMark: 16 });
  }

  override _write(_bytes: Uint8Array, _encoding: string, passedOn: () => void): void {
    this.#held.push(passedOn);
  }

  async passOn(): Promise<void> {
    this.#held.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a streaming call', () => {
  let held: HeldCall;
  let call: StreamCall;
  let rooms: number;

  beforeEach(() => {
    held = new HeldCall();
    call = new StreamCall(new RpcCounters('s', 'm', 'bidi_stream'), held);
    rooms = 0;
    call.onRoom = () => {
      rooms++;
    };
  });

  it('has no room beyond its bytes, until they are passed on', async () => {
    const half = new Uint8Array(LIMITS.streamUnsentBytes / 2);
    assert.equal(call.write(half), true);
    assert.equal(call.write(half), true);
    assert.equal(call.write(half), false);
    assert.equal(call.write(new Uint8Array(1)), false, 'a small one finds no room either');
    await held.passOn();
    assert.equal(rooms, 1);
    await held.passOn();
    await held.passOn();
    assert.equal(rooms, 1);
    assert.equal(call.write(half), true);
  });

  it('holds one message that is larger than all it may hold', async () => {
    assert.equal(call.write(new Uint8Array(LIMITS.streamUnsentBytes + 1)), false);
    await held.passOn();
    assert.equal(rooms, 1);
  });

  it('has no room beyond sixteen small messages', async () => {
    const small = new Uint8Array(10);
    for (let at = 1; at < 16; at++) assert.equal(call.write(small), true);
    assert.equal(call.write(small), false);
    for (let at = 0; at < 15; at++) await held.passOn();
    assert.equal(rooms, 0);
    await held.passOn();
    assert.equal(rooms, 1);
  });

  it('lets a sender wait for room, and go when the call ends', async () => {
    const large = new Uint8Array(LIMITS.streamUnsentBytes + 1);
    let sent = 0;
    const first = call.send(large).then(() => sent++);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(sent, 0);
    await held.passOn();
    await first;
    const second = call.send(large);
    held.emit('cancelled');
    await second;
    assert.equal(call.ended, true);
    await held.passOn();
    assert.equal(rooms, 1, 'nothing is said after the end');
  });
});
