// Proves that every example runs to its end, without a failure: against a store, with others around
// that it waits for, in virtual time; those that open a store or a server for themselves do it in
// real time. What cannot run says why, in a list that holds nothing else.
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { inCi } from '../support/in-ci.js';
import { World } from '../support/world.js';
import { collectExamples } from './collect-examples.js';
import { type CompiledExample, compiledExamples } from './compiled-examples.js';
import { Host } from './host.js';
import { madeReader } from './made-reader.js';
import { furnish, invite } from './neighbours.js';
import type { Reader } from './reader.js';

/** Where all tests run the machine is busy; an example itself waits for nobody for that long. */
const EXAMPLE_PATIENCE_MS = inCi ? 15_000 : 5000;
const LEAST_CLAIMS = 8;
const VIRTUAL_PATIENCE_MS = 3_600_000;

/** Examples that are not run, by their page and the beginning of their code, and why. */
const NOT_RUN: readonly (readonly [page: string, code: string, why: string])[] = [
  [
    'src/simulation/scenario/run-seed.ts',
    "const scenario = findScenario('swarm');",
    'a whole seed takes seconds, and test/simulation/run-seed.test.ts plays some',
  ],
];

interface Runnable {
  run(reader: Reader): Promise<unknown>;
}

describe('docs: examples run', function () {
  this.timeout(60_000);
  const found = collectExamples();
  const host = new Host();
  let compiled: readonly CompiledExample[] = [];

  before(async () => {
    compiled = (await compiledExamples()).examples;
  });
  after(() => host.end());

  it('looks at what comments say of results', () => {
    const claiming = compiled.filter(({ needs }) => needs.includes('claims'));
    assert.ok(claiming.length >= LEAST_CLAIMS, `only ${claiming.length} examples claim something`);
  });

  it('has no reason for an example that is gone', () => {
    for (const [page, code, why] of NOT_RUN) {
      const there = found.some((other) => other.page === page && other.code.startsWith(code));
      assert.ok(there, `${page} has no example that begins with "${code}" (${why})`);
    }
  });

  const running = found.filter(
    ({ page, code }) => !NOT_RUN.some(([its, start]) => its === page && code.startsWith(start)),
  );
  for (const page of new Set(running.map((example) => example.page))) {
    const examples = running.filter((example) => example.page === page);
    it(page, async function () {
      this.timeout(2 * EXAMPLE_PATIENCE_MS * examples.length);
      for (const { at } of examples) {
        const example = compiled.find((other) => other.at === at);
        assert.ok(example !== undefined, `${at} was not compiled`);
        await named(at, () => runExample(example, host));
      }
    });
  }
});

async function runExample(example: CompiledExample, host: Host): Promise<void> {
  const runnable = (await import(pathToFileURL(example.module).href)) as Runnable;
  const isReal = Host.isNeededBy(example.code, example.needs);
  const world = new World();
  const reader = world.client('reader');
  await world.run(furnish(world.client('operator')));
  const functions = isReal ? await host.functions() : {};
  const making = madeReader(world, reader, example.needs, functions);
  const things = await (isReal ? inTime(making) : world.run(making));
  await invite(world, example.code);
  try {
    const running = runnable.run(things);
    await (isReal ? inTime(running) : world.run(running, VIRTUAL_PATIENCE_MS));
  } finally {
    await world.close();
    await host.tidy();
  }
}

/** Tells which example it was that failed. */
async function named(at: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new Error(`${at}: ${text}`, { cause: error });
  }
}

/** Real work, which must end within an example's patience. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('it does not end')), EXAMPLE_PATIENCE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
