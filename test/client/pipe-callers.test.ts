// Proves that a pipe which has carried more calls than it has ids for goes on with another stream,
// long before an id is too large for a number, and that no call is lost by that.
import assert from 'node:assert/strict';
import { parseEndpoints } from '../../src/client/endpoint.js';
import { Link } from '../../src/client/link.js';
import { Pipe } from '../../src/client/pipe.js';
import { PipeCallers } from '../../src/client/pipe-callers.js';
import { SimClock } from '../../src/simulation/sim-clock.js';
import { LIMITS } from '../../src/store/index.js';
import { type FakePipe, FakeServer, pipesOf } from './fake-server.js';
import { Told } from './told.js';

const PUT = 2;
const NONE = new Uint8Array(0);
/** So many calls before these, and the second one is the last that is counted. */
const CALLS_BEFORE = 2 ** 32 - 2;

function ok(id: number, value: number) {
  return { id, response: Uint8Array.of(value), code: 0, details: '' };
}

async function until(holds: () => boolean): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error('it does not come to that');
    await new Promise(setImmediate);
  }
}

describe('a pipe whose ids run out', () => {
  let server: FakeServer;
  let clock: SimClock;
  let link: Link;
  let pipe: Pipe;
  let next: () => Promise<FakePipe>;

  beforeEach(async () => {
    server = await FakeServer.start();
    next = pipesOf(server);
    clock = new SimClock();
    const [endpoint] = parseEndpoints(server.endpoint);
    assert.ok(endpoint !== undefined);
    link = new Link(endpoint, undefined, clock);
    assert.equal((await link.look()).kind, 'good');
    const callers = new PipeCallers(CALLS_BEFORE);
    pipe = new Pipe({ client: link.client, url: 'fake', clock, callers });
  });

  afterEach(() => {
    pipe.close();
    link.close();
    server.stop();
  });

  async function opened(): Promise<FakePipe> {
    pipe.want();
    pipe.want();
    const stream = await next();
    stream.open(2);
    await until(() => pipe.isOpen);
    return stream;
  }

  it('answers what was sent, takes no more, and begins anew', async () => {
    const stream = await opened();
    const tolds = [0, 1, 2].map(() => new Told());
    const ids = tolds.map((told) => pipe.send(PUT, NONE, false, told)) as [number, number, number];
    assert.ok(ids.every((id) => Number.isSafeInteger(id)));
    assert.deepEqual([(await stream.call()).id, (await stream.call()).id], ids.slice(0, 2));
    await until(() => tolds[2]?.said !== undefined);
    assert.deepEqual(tolds[2]?.said, { code: 'Unavailable', fate: 'nothing' });
    assert.equal(pipe.isOpen, false);
    await stream.ended;
    stream.answer(ok(ids[0], 1), ok(ids[1], 2));
    await until(() => tolds[1]?.said !== undefined);
    assert.deepEqual([tolds[0]?.said, tolds[1]?.said], [[1], [2]]);
    stream.end();
    await link.look();
    await clock.advance(LIMITS.pipeIdleMs);
    const another = await opened();
    const told = new Told();
    const id = pipe.send(PUT, NONE, false, told);
    assert.ok(id < 2 ** 32, `${id}`);
    assert.equal((await another.call()).id, id);
    pipe.giveUp(ids[0]);
    another.answer(ok(id, 3));
    await until(() => told.said !== undefined);
    assert.deepEqual(told.said, [3]);
  });

  it('keeps its ids as long as any of the calls is under way', () => {
    const callers = new PipeCallers(CALLS_BEFORE);
    const ids = [0, 1, 2].map(() => callers.add(new Told()));
    assert.ok(callers.isSpent);
    callers.restart();
    assert.ok(callers.isSpent);
    for (const id of ids) assert.ok(callers.take(id) !== undefined);
    callers.restart();
    assert.equal(callers.isSpent, false);
    assert.ok(callers.add(new Told()) < (ids[0] as number));
  });
});
