// Proves what a pipe does with calls while answers wait for their turn, because the application
// takes long with each: what waits for room is sent when there is some, and what was answered stays
// answered, whoever closes the pipe meanwhile.
import assert from 'node:assert/strict';
import { parseEndpoints } from '../../src/client/endpoint.js';
import { Link } from '../../src/client/link.js';
import { Pipe } from '../../src/client/pipe.js';
import { SimClock } from '../../src/simulation/sim-clock.js';
import { type FakePipe, FakeServer, pipesOf } from './fake-server.js';
import { Told } from './told.js';

const PUT = 2;
const CALLS_MAX = 32;
/** Of the application, with each answer. */
const BUSY_MS = 1;

function ok(id: number) {
  return { id, response: new Uint8Array(0), code: 0, details: '' };
}

async function until(holds: () => boolean): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error('it does not come to that');
    await new Promise(setImmediate);
  }
}

describe('a pipe whose answers are told in turns', () => {
  let server: FakeServer;
  let link: Link;
  let pipe: Pipe;
  let stream: FakePipe;
  let busyMs: number;

  beforeEach(async () => {
    server = await FakeServer.start();
    const next = pipesOf(server);
    const still = new SimClock();
    busyMs = 0;
    const clock = {
      monotonic: () => still.monotonic() + busyMs,
      wall: () => still.wall(),
      timer: (delayMs: number, fire: () => void) => still.timer(delayMs, fire),
    };
    const [endpoint] = parseEndpoints(server.endpoint);
    assert.ok(endpoint !== undefined);
    link = new Link(endpoint, undefined, still);
    assert.equal((await link.look()).kind, 'good');
    pipe = new Pipe({ client: link.client, url: 'fake', clock });
    pipe.want();
    pipe.want();
    stream = await next();
    stream.open(CALLS_MAX);
    await until(() => pipe.isOpen);
  });

  afterEach(() => {
    pipe.close();
    link.close();
    server.stop();
  });

  /** Calls that are made at once. */
  function send(count: number, then: (told: Told) => void = () => undefined): readonly Told[] {
    return Array.from({ length: count }, () => {
      const told: Told = new Told(() => {
        busyMs += BUSY_MS;
        then(told);
      });
      pipe.send(PUT, new Uint8Array(0), false, told);
      return told;
    });
  }

  /** Takes so many calls, and answers them with one message. */
  async function answer(count: number): Promise<void> {
    const ids: number[] = [];
    while (ids.length < count) ids.push((await stream.call()).id);
    stream.answer(...ids.map(ok));
  }

  async function heard(all: readonly Told[]): Promise<void> {
    await until(() => all.every(({ said }) => said !== undefined));
    for (const { said } of all) assert.deepEqual(said, []);
  }

  /** The pipe has seen that the application takes long. */
  async function slowedDown(): Promise<void> {
    const all = send(CALLS_MAX);
    await answer(CALLS_MAX);
    await heard(all);
    await new Promise(setImmediate);
  }

  it('sends what waits for room as soon as the second turn has made some', async () => {
    await slowedDown();
    const first = send(CALLS_MAX);
    const second = send(CALLS_MAX / 2 + 4);
    await answer(CALLS_MAX);
    await heard(first);
    // None of the second ones has an answer, and none is needed for the last of them to be sent.
    await until(() => stream.waiting === second.length);
    await answer(second.length);
    await heard(second);
  });

  it('has told what was answered when it is closed between the turns', async () => {
    await slowedDown();
    let toldCount = 0;
    let wereTold = 0;
    const all = send(CALLS_MAX, () => {
      toldCount += 1;
      if (toldCount > 1) return;
      queueMicrotask(() => {
        wereTold = toldCount;
        pipe.close();
      });
    });
    await answer(CALLS_MAX);
    await heard(all);
    assert.equal(wereTold, CALLS_MAX / 2);
  });

  it('has told what was answered when it is given up between the turns', async () => {
    await slowedDown();
    const ids: number[] = [];
    let isGivenUp = false;
    const first = send(CALLS_MAX, () => {
      if (isGivenUp) return;
      isGivenUp = true;
      queueMicrotask(() => pipe.giveUp(ids[CALLS_MAX - 1] as number));
    });
    const second = send(CALLS_MAX + 4);
    while (ids.length < CALLS_MAX) ids.push((await stream.call()).id);
    stream.answer(...ids.map(ok));
    await heard(first);
    await answer(CALLS_MAX);
    await answer(4);
    await heard(second);
  });

  it('has told what was answered when the server is about to stop between the turns', async () => {
    await slowedDown();
    const all = send(CALLS_MAX);
    const ids: number[] = [];
    while (ids.length < CALLS_MAX) ids.push((await stream.call()).id);
    stream.say({ answers: ids.map(ok), lastCallId: Math.max(...ids) });
    stream.end();
    await heard(all);
    assert.equal(pipe.isOpen, false);
  });

  it('tells two answers at once that come after a crowd', async () => {
    await slowedDown();
    const all = send(2);
    await answer(2);
    await heard(all);
  });
});
