// One differential run: a seed, two new servers, a number of requests; it ends at the first answer
// that differs and is not a known difference.
import { isDeepStrictEqual } from 'node:util';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { KNOWN_DIFFERENCES } from './known-differences.js';
import { forgiveTime, normalise, revisionOf } from './normalise.js';
import { plainOf, type PlainFields, showPlain } from './plain.js';
import type { Answer } from './raw-client.js';
import { ServerPair } from './server-pair.js';
import { type Step, StepMaker } from './step-maker.js';

/**
 * How many of the last requests are tried alone after a difference, to find a shorter way to it.
 */
const SHORTER_TRIES = [1, 3, 10, 30, 100];

interface Difference {
  readonly at: number;
  readonly step: Step;
  readonly ours: PlainFields;
  readonly etcd: PlainFields;
}

export interface RunCounts {
  readonly requests: Record<string, number>;
  /** Answers that were errors, by text. */
  readonly errors: Record<string, number>;
  readonly knownDifferences: Record<string, number>;
}

/** @throws Error that tells the seed, the request, both answers and a short way there */
export async function runDifferential(
  seed: number,
  count: number,
  counts: RunCounts,
): Promise<void> {
  const maker = new StepMaker(new SimRandom(seed));
  const steps: Step[] = [];
  const pair = await ServerPair.start();
  let difference: Difference | undefined;
  try {
    while (steps.length < count && difference === undefined) {
      const step = maker.next();
      steps.push(step);
      difference = await compare(pair, step, steps.length - 1, counts, (answer) => {
        follow(maker, step, answer);
      });
    }
  } finally {
    await pair.stop();
  }
  if (difference !== undefined) throw new Error(await report(seed, steps, difference));
}

async function compare(
  pair: ServerPair,
  step: Step,
  at: number,
  counts: RunCounts | undefined,
  learn: (answer: Answer) => void = () => undefined,
): Promise<Difference | undefined> {
  const answers = await pair.ask(step);
  learn(answers.etcd);
  const ours = normalise(step, answers.ours, pair.ours);
  const etcd = normalise(step, answers.etcd, pair.etcd);
  if (step.method === 'leaseTimeToLive') forgiveTime(ours, etcd);
  if (counts !== undefined) {
    add(counts.requests, step.method);
    if (answers.etcd.kind === 'status') add(counts.errors, answers.etcd.details);
  }
  const before = pair.etcd.lastAnswer;
  pair.etcd.lastAnswer = etcd;
  if (isDeepStrictEqual(ours, etcd)) return undefined;
  const known = KNOWN_DIFFERENCES.find((one) => one.matches(step, ours, etcd, before));
  if (known === undefined) return { at, step, ours, etcd };
  if (counts !== undefined) add(counts.knownDifferences, known.name);
  return undefined;
}

/** Tells the maker what etcd said, for the requests to come. */
function follow(maker: StepMaker, step: Step, answer: Answer): void {
  const revision = revisionOf(answer);
  if (revision === undefined) return;
  maker.view.revision = Math.max(maker.view.revision, revision);
  if (step.method !== 'compact') return;
  const { revision: compacted } = step.request as typeof step.request & { revision: bigint };
  maker.view.compactRevision = Math.max(maker.view.compactRevision, Number(compacted));
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

async function report(seed: number, steps: readonly Step[], found: Difference): Promise<string> {
  const lines = [
    `request ${found.at} of TIDELOCK_SEED=${seed} is answered differently`,
    `  ${showStep(found.step)}`,
    `  ours: ${showPlain(found.ours)}`,
    `  etcd: ${showPlain(found.etcd)}`,
  ];
  for (const length of SHORTER_TRIES) {
    if (length >= steps.length) break;
    const shorter = steps.slice(-length);
    if (await differs(shorter)) {
      return [...lines, `on new servers, this alone differs too:`, ...shorter.map(showStep)].join(
        '\n',
      );
    }
  }
  const before = steps.slice(-11, -1).map(showStep);
  return [...lines, 'the requests before it:', ...before].join('\n');
}

async function differs(steps: readonly Step[]): Promise<boolean> {
  const pair = await ServerPair.start();
  try {
    for (const [at, step] of steps.entries()) {
      const difference = await compare(pair, step, at, undefined);
      if (difference !== undefined) return true;
    }
    return false;
  } finally {
    await pair.stop();
  }
}

function showStep(step: Step): string {
  const picked = step.pickedLease === undefined ? '' : ` of picked lease ${step.pickedLease}`;
  return `${step.method}${picked} ${showPlain(plainOf(step.request))}`;
}
