// Proves what a client's pipe does with calls, by itself: when it opens and closes, what it sends
// and how much of it at once, and what it says of the fate of a call however the stream ends, once.
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { connectivityState } from '@grpc/grpc-js';
import { parseEndpoints } from '../../src/client/endpoint.js';
import { Link } from '../../src/client/link.js';
import { makeCall } from '../../src/client/one-call.js';
import { SimClock } from '../../src/simulation/sim-clock.js';
import { LIMITS } from '../../src/store/index.js';
import { KV_METHODS } from '../../src/wire/kv-methods.js';
import { type FakePipe, FakeServer, pipesOf } from './fake-server.js';
import { Told } from './told.js';

const PUT = 2;
const NONE = new Uint8Array(0);
const UNSENT = { code: 'Unavailable', fate: 'nothing' };
const UNKNOWN = { code: 'Unavailable', fate: 'unknown' };

function ok(id: number, ...response: readonly number[]) {
  return { id, response: Uint8Array.from(response), code: 0, details: '' };
}

async function until(holds: () => boolean): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error('it does not come to that');
    await new Promise(setImmediate);
  }
}

describe('a pipe', () => {
  let server: FakeServer;
  let clock: SimClock;
  let link: Link;
  let next: () => Promise<FakePipe>;

  beforeEach(async () => {
    server = await FakeServer.start();
    next = pipesOf(server);
    clock = new SimClock();
    const [endpoint] = parseEndpoints(server.endpoint);
    assert.ok(endpoint !== undefined);
    link = new Link(endpoint, undefined, clock);
    assert.equal((await link.look()).kind, 'good');
  });

  afterEach(() => {
    link.close();
    server.stop();
  });

  async function asked(): Promise<FakePipe> {
    link.pipe.want();
    link.pipe.want();
    return next();
  }

  async function opened(callsMax?: number): Promise<FakePipe> {
    const pipe = await asked();
    pipe.open(callsMax);
    await until(() => link.pipe.isOpen);
    return pipe;
  }

  function send(value: number, then?: () => void): Told & { readonly id: number } {
    const told = new Told(then);
    const id = link.pipe.send(PUT, Uint8Array.of(value), value % 2 === 0, told);
    return Object.assign(told, { id });
  }

  /** Sends and waits until the server has it. */
  async function sent(pipe: FakePipe, value: number): Promise<Told & { readonly id: number }> {
    const told = send(value);
    assert.equal((await pipe.call()).id, told.id);
    return told;
  }

  async function endedWell(pipe: FakePipe): Promise<void> {
    await pipe.ended;
    await link.look();
    assert.equal(pipe.isCanceled, false);
  }

  async function heard(...all: readonly Told[]): Promise<unknown[]> {
    await until(() => all.every(({ said }) => said !== undefined));
    return all.map(({ said }) => said);
  }

  /** Whether the server is asked for a pipe now, if calls come often. */
  async function asksAgain(): Promise<boolean> {
    const before = server.calls.length;
    link.pipe.want();
    link.pipe.want();
    await link.look();
    return server.calls.length > before;
  }

  it('opens when calls come often, and only then', async () => {
    for (let at = 0; at < 3; at++) {
      link.pipe.want();
      await clock.advance(LIMITS.pipeIdleMs);
    }
    await link.look();
    assert.deepEqual(server.calls, []);
    await clock.advance(LIMITS.pipeIdleMs);
    link.pipe.want();
    await clock.advance(LIMITS.pipeIdleMs - 1);
    link.pipe.want();
    const pipe = await next();
    assert.equal(link.pipe.isOpen, false, 'the server has not said anything');
    pipe.open();
    await until(() => link.pipe.isOpen);
  });

  it('sends what is called at the same moment in one message, and takes answers in any order', async () => {
    const pipe = await opened();
    const [one, two, three] = [send(1), send(2), send(3)];
    assert.deepEqual(await pipe.call(), {
      id: one.id,
      method: PUT,
      request: Uint8Array.of(1),
      needsLeader: false,
    });
    assert.equal((await pipe.call()).needsLeader, true);
    assert.deepEqual(pipe.sizes, [3]);
    pipe.answer(ok(three.id, 33), ok(one.id));
    assert.deepEqual(await heard(one, three), [[], [33]]);
    assert.equal(two.said, undefined);
    pipe.answer(ok(two.id, 22));
    assert.deepEqual(await heard(two), [[22]]);
  });

  it('judges what a server says of a call as of one that came by itself', async () => {
    const pipe = await opened();
    const statuses: readonly (readonly [number, string, unknown])[] = [
      [14, 'etcdserver: no leader', { code: 'NoLeader', fate: 'nothing' }],
      [9, 'etcdserver: rpc not supported for learner', { code: 'NotForLearner', fate: 'nothing' }],
      [14, 'etcdserver: request timed out', { code: 'Timeout', fate: 'unknown' }],
      [14, 'etcdserver: server stopped', UNKNOWN],
      [1, 'etcdserver: request canceled', UNKNOWN],
      [5, 'etcdserver: requested lease not found', { code: 'LeaseNotFound', fate: 'answered' }],
      [12, 'unknown method 2 in a pipe', { code: 'Unimplemented', fate: 'answered' }],
    ];
    for (const [code, details, expected] of statuses) {
      const told = send(1);
      pipe.answer({ id: told.id, response: NONE, code, details });
      assert.deepEqual(await heard(told), [expected], details);
    }
  });

  it('has no more calls under way than the server said', async () => {
    const pipe = await opened(3);
    const calls = [1, 2, 3, 4, 5].map((value) => send(value));
    for (let at = 0; at < 3; at++) await pipe.call();
    await link.look();
    assert.equal(pipe.waiting, 0);
    // Nobody waits for its answer, but the server still works at it.
    link.pipe.giveUp(calls[0]?.id ?? 0);
    await link.look();
    assert.equal(pipe.waiting, 0);
    pipe.answer(ok(calls[0]?.id ?? 0));
    assert.equal((await pipe.call()).id, calls[3]?.id);
    await link.look();
    assert.equal(pipe.waiting, 0);
    assert.deepEqual(pipe.sizes, [3, 1]);
  });

  it('does not let a message grow for ever, and gets everything through', async () => {
    const pipe = await opened(1000);
    const request = new Uint8Array(LIMITS.pipeRequestBytes / 4);
    const ids = Array.from({ length: 400 }, () => link.pipe.send(PUT, request, false, new Told()));
    for (const id of ids) assert.equal((await pipe.call()).id, id);
    assert.deepEqual(new Set(pipe.sizes), new Set([4]));
  });

  it('does not send what was given up before, and tells nobody of a late answer', async () => {
    const pipe = await opened();
    const [one, two, three] = [send(1), send(2), send(3)];
    link.pipe.giveUp(two.id);
    link.pipe.giveUp(two.id);
    assert.deepEqual(two.said, UNKNOWN);
    assert.deepEqual([(await pipe.call()).id, (await pipe.call()).id], [one.id, three.id]);
    link.pipe.giveUp(one.id);
    pipe.answer(ok(one.id), ok(two.id), ok(99), ok(three.id), ok(three.id, 9));
    assert.deepEqual(await heard(one, three), [UNKNOWN, []]);
    const four = await sent(pipe, 4);
    pipe.answer(ok(four.id));
    await heard(four);
  });

  it('keeps nothing of what was given up before it was sent', async () => {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const pipe = await opened(1);
    await sent(pipe, 1);
    const waiting = send(2);
    const requests: WeakRef<Uint8Array>[] = [];
    for (let at = 0; at < 100; at++) {
      const request = new Uint8Array(1000);
      requests.push(new WeakRef(request));
      link.pipe.giveUp(link.pipe.send(PUT, request, false, new Told()));
    }
    await new Promise(setImmediate);
    collect();
    const kept = requests.filter((request) => request.deref() !== undefined).length;
    assert.ok(kept <= 2, `${kept} of ${requests.length}`);
    pipe.answer(ok(1));
    assert.equal((await pipe.call()).id, waiting.id);
  });

  it('knows when it breaks which calls were not sent', async () => {
    const pipe = await opened(2);
    const calls = [1, 2, 3, 4].map((value) => send(value));
    await pipe.call();
    pipe.break();
    assert.deepEqual(await heard(...calls), [UNKNOWN, UNKNOWN, UNSENT, UNSENT]);
    assert.equal(link.pipe.isOpen, false);
    assert.equal(await asksAgain(), false);
    await clock.advance(LIMITS.pipeIdleMs);
    assert.equal(await asksAgain(), true);
  });

  it('knows of nothing when the connection is lost', async () => {
    const pipe = await opened();
    const call = await sent(pipe, 1);
    server.stop();
    const unsent = send(2);
    assert.deepEqual((await heard(call))[0], UNKNOWN);
    await heard(unsent);
  });

  it('takes it for broken when the server ends it without a word, or says what is none', async () => {
    for (const end of [
      (pipe: FakePipe) => pipe.end(),
      (pipe: FakePipe) => pipe.sayBytes(0x0a, 5),
      (pipe: FakePipe) => pipe.break(8, 'more than 2 calls of a pipe without an answer'),
    ]) {
      await clock.advance(LIMITS.pipeIdleMs);
      const pipe = await opened(1);
      const call = await sent(pipe, 1);
      const unsent = send(2);
      end(pipe);
      const [{ fate }, second] = (await heard(call, unsent)) as [typeof UNKNOWN, typeof UNSENT];
      assert.deepEqual([fate, second.fate], ['unknown', 'nothing']);
      assert.equal(await asksAgain(), false);
    }
  });

  it('hears which call was the last that a server took', async () => {
    const pipe = await opened();
    const calls = [1, 2, 3].map((value) => send(value));
    await pipe.call();
    pipe.close(calls[1]?.id ?? 0);
    assert.deepEqual(await heard(calls[2] as Told), [UNSENT]);
    assert.equal(link.pipe.isOpen, false);
    await clock.advance(LIMITS.pipeIdleMs);
    assert.equal(await asksAgain(), false, 'the old one is still there');
    pipe.answer(ok(calls[0]?.id ?? 0, 7));
    assert.deepEqual(await heard(calls[0] as Told), [[7]]);
    pipe.open();
    await link.look();
    assert.equal(link.pipe.isOpen, false, 'a server that stops does not begin again');
    pipe.break(13, 'Received RST_STREAM with code 2');
    assert.deepEqual(await heard(calls[1] as Told), [UNKNOWN]);
    await clock.advance(LIMITS.pipeIdleMs);
    await opened();
  });

  it('fails what is called at the moment when the server stops', async () => {
    const pipe = await opened();
    pipe.close(0);
    const calls: Told[] = [];
    while (link.pipe.isOpen) {
      if (calls.length < 1000) calls.push(send(1));
      await new Promise(setImmediate);
    }
    for (const said of await heard(...calls)) assert.deepEqual(said, UNSENT);
  });

  it('does not ask again for a while where there is none', async () => {
    for (const refuse of [
      (pipe: FakePipe) => pipe.break(12, 'unknown service tidelock.pipe.v1.Pipe'),
      (pipe: FakePipe) => pipe.break(13, 'what a proxy says'),
      (pipe: FakePipe) => pipe.end(),
    ]) {
      refuse(await asked());
      await link.look();
      await clock.advance(LIMITS.pipeRefusedMs - 1);
      assert.equal(await asksAgain(), false);
      await clock.advance(1);
      assert.equal(link.pipe.isOpen, false);
    }
    await opened();
  });

  it('asks soon again where it could not be asked', async () => {
    (await asked()).break(14, 'no connection');
    await link.look();
    await clock.advance(LIMITS.pipeIdleMs);
    await opened();
  });

  it('gives up one that does not open in time', async () => {
    const pipe = await asked();
    await clock.advance(LIMITS.pipeOpenMs);
    await pipe.canceled;
    pipe.open();
    await link.look();
    assert.equal(link.pipe.isOpen, false);
    await clock.advance(LIMITS.pipeRefusedMs - 1);
    assert.equal(await asksAgain(), false);
    await clock.advance(1);
    const another = await asked();
    another.open(0);
    await link.look();
    assert.equal(link.pipe.isOpen, false, 'no calls may be made on it');
    await clock.advance(LIMITS.pipeOpenMs);
    await another.canceled;
  });

  it('closes after a while without calls, and opens again', async () => {
    const pipe = await opened();
    await clock.advance(LIMITS.pipeIdleMs / 2);
    const call = await sent(pipe, 1);
    await clock.advance(LIMITS.pipeIdleMs * 5);
    assert.ok(link.pipe.isOpen, 'somebody waits');
    pipe.answer(ok(call.id));
    await heard(call);
    await clock.advance(LIMITS.pipeIdleMs);
    assert.equal(link.pipe.isOpen, false);
    await endedWell(pipe);
    pipe.end();
    await opened();
    await clock.advance(LIMITS.pipeIdleMs * 5);
    assert.equal(link.pipe.isOpen, false);
  });

  it('does not wait for ever until the server ends what was closed', async () => {
    const pipe = await opened();
    await clock.advance(LIMITS.pipeIdleMs);
    await endedWell(pipe);
    await clock.advance(LIMITS.pipeOpenMs);
    await pipe.canceled;
  });

  it('does not stay open for calls that everybody gave up', async () => {
    const pipe = await opened();
    const call = await sent(pipe, 1);
    link.pipe.giveUp(call.id);
    await clock.advance(LIMITS.pipeIdleMs);
    assert.equal(link.pipe.isOpen, false);
    await pipe.canceled;
  });

  it('bears callers that give others up, or call again, while they are told', async () => {
    const pipe = await opened(1);
    const first = await sent(pipe, 1);
    const again = new Told();
    const call = { path: KV_METHODS.put.path, request: Buffer.of(), needsLeader: false };
    const second = send(2, () => {
      link.pipe.giveUp(third.id);
      makeCall(link, { ...call, alone: false }, again);
    });
    const third = send(3);
    pipe.close(first.id);
    assert.deepEqual(await heard(second, third), [UNSENT, UNKNOWN]);
    // By itself, since the pipe takes no more; the server has no handler for it.
    assert.deepEqual(await heard(again), [{ code: 'Unimplemented', fate: 'answered' }]);
    pipe.answer(ok(first.id));
    await heard(first);
  });

  it('leaves a connection that is about to end, with what is under way on it', async () => {
    const pipe = await opened();
    const call = await sent(pipe, 1);
    server.endConnections(5000);
    await until(() => !link.pipe.isOpen);
    await endedWell(pipe);
    pipe.answer(ok(call.id, 5));
    assert.deepEqual(await heard(call), [[5]]);
    pipe.end();
    const { READY } = connectivityState;
    await until(() => link.client.getChannel().getConnectivityState(true) === READY);
    await clock.advance(LIMITS.pipeIdleMs);
    await opened();
  });

  it('asks anew on a new connection, where another server may be', async () => {
    (await asked()).break(12, 'unknown service tidelock.pipe.v1.Pipe');
    await link.look();
    server.stop();
    const channel = link.client.getChannel();
    await until(() => channel.getConnectivityState(false) !== connectivityState.READY);
    await server.listen();
    await until(() => channel.getConnectivityState(true) === connectivityState.READY);
    await clock.advance(LIMITS.pipeIdleMs);
    await opened();
  });

  it('takes no more when it is closed, and gives those their answers that were sent', async () => {
    const pipe = await opened(1);
    const call = await sent(pipe, 1);
    const unsent = send(2);
    link.close();
    assert.deepEqual(unsent.said, UNSENT);
    assert.equal(link.pipe.isOpen, false);
    link.pipe.want();
    link.pipe.want();
    await endedWell(pipe);
    pipe.answer(ok(call.id, 4));
    assert.deepEqual(await heard(call), [[4]]);
  });

  it('is over at once when it is closed and nobody waits', async () => {
    const pipe = await opened();
    link.close();
    await pipe.canceled;
  });
});
