// Proves that answers through a pipe are told in order and each once, in one turn where the
// application is quick and in two where it takes long, and at once when the pipe ends.
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ToldInTurns } from '../../src/client/told-in-turns.js';
import type { PipeAnswer } from '../../src/wire/pipe.js';

const LONG_MS = 0.1;

/** An application that is busy for a while with each answer. */
class Application {
  readonly told: number[] = [];
  readonly turns: ToldInTurns;
  busyMs = LONG_MS;
  turnsOver = 0;
  /** What it does when it is told. */
  does: (id: number) => void = () => undefined;
  #nowMs = 0;

  constructor() {
    const clock = { monotonic: () => this.#nowMs };
    this.turns = new ToldInTurns(clock, {
      tell: ({ id }) => {
        this.#nowMs += this.busyMs;
        this.told.push(id);
        this.does(id);
      },
      turnOver: () => {
        this.turnsOver += 1;
      },
    });
  }

  /** Answers that arrive in one message; of calls that all were under way unless told otherwise. */
  answers(from: number, count: number, underWay = count): void {
    this.turns.add(idsFrom(from, count).map(answerOf), underWay);
  }
}

function idsFrom(from: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}

function answerOf(id: number): PipeAnswer {
  return { id, code: 0, details: '', response: new Uint8Array(0) };
}

const afterwards = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An application that was just seen to take long. */
async function slowApplication(): Promise<Application> {
  const application = new Application();
  application.answers(0, 16);
  await afterwards();
  return application;
}

describe('ToldInTurns', () => {
  it('tells all at once until it is known that the application takes long', () => {
    const application = new Application();
    application.answers(0, 100);
    assert.deepEqual(application.told, idsFrom(0, 100));
  });

  it('tells all at once when the application is quick', async () => {
    const application = await slowApplication();
    application.busyMs = LONG_MS / 100;
    application.answers(16, 20);
    await afterwards();
    await afterwards();
    application.answers(36, 100);
    assert.deepEqual(application.told, idsFrom(0, 136));
  });

  it('tells in two turns when it takes long, in order', async () => {
    const application = await slowApplication();
    application.answers(16, 101);
    assert.deepEqual(application.told, idsFrom(0, 16 + 51));
    await afterwards();
    assert.deepEqual(application.told, idsFrom(0, 16 + 101));
    await afterwards();
    assert.deepEqual(application.told, idsFrom(0, 16 + 101));
  });

  it('tells at once what is only part of what is under way', async () => {
    const application = await slowApplication();
    application.answers(16, 50, 100);
    assert.deepEqual(application.told, idsFrom(0, 66));
  });

  it('tells those first that came first', async () => {
    const application = await slowApplication();
    application.answers(16, 100);
    application.answers(116, 5, 105);
    assert.deepEqual(application.told, idsFrom(0, 66));
    await afterwards();
    await afterwards();
    await afterwards();
    assert.deepEqual(application.told, idsFrom(0, 121));
  });

  it('tells a few at once, however long the application takes', async () => {
    const application = new Application();
    application.busyMs = 10;
    application.answers(0, 16);
    await afterwards();
    application.answers(16, 2);
    assert.deepEqual(application.told, idsFrom(0, 18));
  });

  it('tells a crowd that came behind a few in as many turns as a crowd', async () => {
    const application = await slowApplication();
    application.answers(16, 16);
    application.answers(32, 1000, 1008);
    assert.deepEqual(application.told, idsFrom(0, 24));
    await afterwards();
    await afterwards();
    assert.deepEqual(application.told, idsFrom(0, 1032));
  });

  it('goes on with the others when one of those who are told throws', async () => {
    const application = await slowApplication();
    application.does = (id) => {
      if (id === 17) throw new Error('as an application may');
    };
    assert.throws(() => application.answers(16, 4), /as an application may/);
    assert.deepEqual(application.told, idsFrom(0, 18));
    await afterwards();
    assert.deepEqual(application.told, idsFrom(0, 20));
    application.answers(20, 4);
    assert.deepEqual(application.told, idsFrom(0, 24));
  });

  it('says when a turn is over, but not of one that is told at once', async () => {
    const application = await slowApplication();
    assert.equal(application.turnsOver, 0);
    application.answers(16, 100);
    assert.equal(application.turnsOver, 0);
    await afterwards();
    assert.equal(application.turnsOver, 1);
    await afterwards();
    assert.equal(application.turnsOver, 1);
  });

  it('tells at the end what is left, and nothing after that', async () => {
    const application = await slowApplication();
    application.answers(16, 100);
    application.turns.finish();
    assert.deepEqual(application.told, idsFrom(0, 116));
    await afterwards();
    application.turns.finish();
    assert.deepEqual(application.told, idsFrom(0, 116));
  });

  it('keeps nothing of what was told', async () => {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const application = await slowApplication();
    const kept: WeakRef<PipeAnswer>[] = [];
    const add = (from: number, count: number): void => {
      const answers = idsFrom(from, count).map(answerOf);
      for (const answer of answers) kept.push(new WeakRef(answer));
      application.turns.add(answers, count);
    };
    for (const from of [0, 100]) {
      add(from, 100);
      await afterwards();
      await afterwards();
      collect();
      assert.equal(kept.filter((answer) => answer.deref() !== undefined).length, 0);
      application.busyMs = 0;
    }
  });

  it('tells each once when who is told brings it to an end', async () => {
    const application = await slowApplication();
    application.does = (id) => {
      if (id === 20) application.turns.finish();
    };
    application.answers(16, 100);
    await afterwards();
    assert.deepEqual(application.told, idsFrom(0, 116));
  });
});
