import { type KeyValue, type RevisionBatch, toText } from '../../store/index.js';
import { fieldsOf } from './fields-of.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { shareName } from './share-name.js';
import { Tenures } from './tenures.js';

/** `<name>/@semaphore/…`: limit and epoch, and those who wait and hold, by lease and nonce. */
const KEY = /^(.+)\/@semaphore\/(limit|epoch|line|held)(?:\/([0-9a-f]+)-[0-9a-f]{16})?$/s;

interface Semaphore {
  limit: number | undefined;
  isFifo: boolean;
  readonly line: Set<string>;
  /** Weights, by key. */
  readonly held: Map<string, { readonly weight: number; readonly fence: number }>;
}

/** What one revision did to a semaphore. */
interface Step {
  readonly first: string | undefined;
  readonly granted: KeyValue[];
  movesEpoch: boolean;
}

/**
 * `K6`: at every revision that grants permits of a semaphore, the weights of all holders are within
 * the limit of that revision; a grant is one to a revision, moves the epoch, is made once and under
 * the lease of its holder, and in a first-come order overtakes nobody.
 */
export function checkSemaphores({ history, writers }: RecipeFacts, report: Report): Tenures {
  const tenures = new Tenures();
  const semaphores = new Map<string, Semaphore>();
  for (const batch of history.revisions) {
    const steps = new Map<string, Step>();
    for (const { type, kv } of batch.events) {
      const [key, name, part, lease] = KEY.exec(keyText(kv.key)) ?? [];
      if (key === undefined || name === undefined) continue;
      const semaphore = semaphores.get(name) ?? newSemaphore();
      semaphores.set(name, semaphore);
      const [first] = semaphore.line;
      const step = steps.get(name) ?? { first, granted: [], movesEpoch: false };
      steps.set(name, step);
      if (part === 'limit') setLimit(semaphore, type === 'put' ? kv : undefined);
      else if (part === 'epoch') step.movesEpoch ||= type === 'put';
      else if (part === 'line') {
        if (type === 'put') semaphore.line.add(key);
        else semaphore.line.delete(key);
      } else if (type === 'put') {
        checkEntry(kv, lease, report);
        step.granted.push(kv);
        const { weight } = fieldsOf(kv);
        const fence = kv.createRevision;
        semaphore.held.set(key, { weight: weightOf(weight), fence });
        const terms = { fence, owner: key, lease: kv.lease, from: batch.revision };
        tenures.begin(shareName(name, fence), terms);
      } else {
        const fence = semaphore.held.get(key)?.fence ?? 0;
        semaphore.held.delete(key);
        tenures.end(shareName(name, fence), batch.revision, writers[batch.revision]);
      }
    }
    for (const [name, step] of steps) {
      const semaphore = semaphores.get(name);
      if (semaphore !== undefined) checkGrants(name, semaphore, step, batch, report);
    }
  }
  return tenures;
}

function newSemaphore(): Semaphore {
  return { limit: undefined, isFifo: true, line: new Set(), held: new Map() };
}

function setLimit(semaphore: Semaphore, kv: KeyValue | undefined): void {
  const { limit, order } = kv === undefined ? {} : fieldsOf(kv);
  semaphore.limit = typeof limit === 'number' ? limit : undefined;
  semaphore.isFifo = order !== 'firstFit';
}

/** A holder that does not say how much it holds, holds one. */
function weightOf(weight: unknown): number {
  return typeof weight === 'number' && weight > 1 ? weight : 1;
}

function checkEntry(kv: KeyValue, lease: string | undefined, report: Report): void {
  const fail = (why: string): void => {
    report.add('K6', `permit ${toText(kv.key)}, revision ${kv.modRevision}: ${why}`);
  };
  if (kv.version > 1) fail('granted again while it was held');
  if (kv.lease.toString(16) !== lease) fail(`attached to lease ${kv.lease.toString(16)}`);
}

function checkGrants(
  name: string,
  { limit, isFifo, held }: Semaphore,
  { first, granted, movesEpoch }: Step,
  { revision }: RevisionBatch,
  report: Report,
): void {
  const [permit] = granted;
  if (permit === undefined) return;
  const fail = (why: string): void => {
    report.add('K6', `semaphore ${name}: revision ${revision} grants permits, ${why}`);
  };
  const weight = [...held.values()].reduce((sum, one) => sum + one.weight, 0);
  if (limit === undefined) fail('and it has no limit');
  else if (weight > limit) fail(`and ${weight} of ${limit} are held`);
  if (granted.length > 1) fail('to several at once');
  if (!movesEpoch) fail('and leaves the epoch as it was');
  const place = toText(permit.key).replace('/@semaphore/held/', '/@semaphore/line/');
  if (isFifo && first !== undefined && first !== place) fail(`past ${first}`);
}
