// Proves the fast checker right by a slow one: small random histories, half of them spoiled, are
// judged by both, and the verdicts must be the same. The slow one searches for an order of the
// calls and knows nothing of positions, matchings or sweeps; its store is written here once more.
import assert from 'node:assert/strict';
import { checkHistory } from '../../../src/simulation/check/check-history.js';
import type { Call, History, Operation, Outcome } from '../../../src/simulation/check/history.js';
import { search, type SearchModel } from '../../../src/simulation/check/search.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import {
  type KeyValue,
  type RevisionBatch,
  type StoreEvent,
  toBytes,
  toText,
} from '../../../src/store/index.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 1);
const HISTORIES = 10_000;
const KEYS = ['a', 'b'];

/** A store that never changes: each step makes another one. */
interface Tiny {
  readonly revision: number;
  readonly pairs: readonly KeyValue[];
}

const EMPTY: Tiny = { revision: 1, pairs: [] };

interface Step {
  readonly after: Tiny;
  readonly events: readonly StoreEvent[];
  readonly outcome: Outcome;
}

const header = (revision: number) => ({ clusterId: 1n, memberId: 1n, revision, raftTerm: 1 });
const NOTHING = { value: new Uint8Array(), createRevision: 0, version: 0, lease: 0n };

function pairOf(tiny: Tiny, key: string): KeyValue | undefined {
  return tiny.pairs.find((kv) => toText(kv.key) === key);
}

function putInto(tiny: Tiny, key: string, value: string): { after: Tiny; event: StoreEvent } {
  const before = pairOf(tiny, key);
  const revision = tiny.revision + 1;
  const kv: KeyValue = {
    key: toBytes(key),
    value: toBytes(value),
    createRevision: before?.createRevision ?? revision,
    modRevision: revision,
    version: (before?.version ?? 0) + 1,
    lease: 0n,
  };
  const pairs = [...tiny.pairs.filter((one) => one !== before), kv];
  pairs.sort((a, b) => (toText(a.key) < toText(b.key) ? -1 : 1));
  return { after: { revision, pairs }, event: { type: 'put', kv } };
}

/** Does a call, whose keys and values are text and whose transactions are of one kind. */
function step(tiny: Tiny, call: Call): Step {
  if (call.kind === 'put') {
    const { after, event } = putInto(
      tiny,
      call.request.key as string,
      call.request.value as string,
    );
    const prevKv = pairOf(tiny, call.request.key as string);
    const result = { header: header(after.revision), ...(prevKv === undefined ? {} : { prevKv }) };
    return {
      after,
      events: [event],
      outcome: { kind: 'answered', answer: { kind: 'put', result } },
    };
  }
  if (call.kind === 'delete') return deleteFrom(tiny, call.request.key as string);
  if (call.kind === 'txn') return runCas(tiny, call);
  if (call.kind !== 'range') throw new Error(call.kind);
  const { key, rangeEnd } = call.request;
  const kvs =
    rangeEnd === undefined ? tiny.pairs.filter((kv) => toText(kv.key) === key) : tiny.pairs;
  const result = { header: header(tiny.revision), kvs, more: false, count: kvs.length };
  return {
    after: tiny,
    events: [],
    outcome: { kind: 'answered', answer: { kind: 'range', result } },
  };
}

function deleteFrom(tiny: Tiny, key: string): Step {
  const before = pairOf(tiny, key);
  const revision = before === undefined ? tiny.revision : tiny.revision + 1;
  const after = { revision, pairs: tiny.pairs.filter((kv) => kv !== before) };
  const kv: KeyValue = { ...NOTHING, key: toBytes(key), modRevision: revision };
  const gone = before === undefined ? [] : [before];
  const result = { header: header(revision), deleted: gone.length, prevKvs: gone };
  return {
    after,
    events: before === undefined ? [] : [{ type: 'delete', kv }],
    outcome: { kind: 'answered', answer: { kind: 'delete', result } },
  };
}

/** `if version(key) = n then put else get`. */
function runCas(tiny: Tiny, { request }: Extract<Call, { kind: 'txn' }>): Step {
  const compare = request.compare?.[0];
  const put = request.success?.[0];
  if (compare?.target !== 'version' || put?.kind !== 'put') throw new Error('another transaction');
  const before = pairOf(tiny, compare.key as string);
  if ((before?.version ?? 0) !== compare.operand) {
    const kvs = before === undefined ? [] : [before];
    const { revision } = tiny;
    const response = { kind: 'range', revision, kvs, more: false, count: kvs.length } as const;
    const result = { header: header(revision), succeeded: false, responses: [response] };
    return {
      after: tiny,
      events: [],
      outcome: { kind: 'answered', answer: { kind: 'txn', result } },
    };
  }
  const { after, event } = putInto(tiny, put.key as string, put.value as string);
  const response = { kind: 'put', revision: after.revision } as const;
  const result = { header: header(after.revision), succeeded: true, responses: [response] };
  return { after, events: [event], outcome: { kind: 'answered', answer: { kind: 'txn', result } } };
}

/** What happens when, before anybody is told. */
interface Planned {
  readonly call: Call;
  readonly invokedMs: number;
  readonly appliedMs: number;
  readonly returnedMs: number;
  readonly isLost: boolean;
  readonly isApplied: boolean;
}

function makeHistory(random: SimRandom): History {
  const count = 4 + random.below(9);
  let nowMs = 0;
  const planned: Planned[] = Array.from({ length: count }, (_, i) => {
    nowMs += random.below(4);
    const appliedMs = nowMs + random.below(8);
    const isLost = random.below(4) === 0;
    return {
      call: makeCall(random, i),
      invokedMs: nowMs,
      appliedMs: isLost ? appliedMs + random.below(20) : appliedMs,
      returnedMs: appliedMs + random.below(8),
      isLost,
      isApplied: !isLost || random.below(2) === 0,
    };
  });
  let tiny = EMPTY;
  const revisions: RevisionBatch[] = [];
  const outcomes = new Map<Planned, Outcome>();
  for (const plan of planned.toSorted((a, b) => a.appliedMs - b.appliedMs)) {
    outcomes.set(plan, { kind: 'unknown' });
    if (!plan.isApplied) continue;
    const done = step(tiny, plan.call);
    tiny = done.after;
    if (done.events.length > 0) revisions.push({ revision: tiny.revision, events: done.events });
    if (!plan.isLost) outcomes.set(plan, done.outcome);
  }
  const operations = planned.map((plan, id): Operation => {
    const { call, invokedMs, returnedMs } = plan;
    const outcome = outcomes.get(plan) as Outcome;
    return { id, client: id, member: `m${id}`, call, invokedMs, returnedMs, outcome };
  });
  return { operations, watches: [], revisions, endMs: 1000 };
}

function makeCall(random: SimRandom, i: number): Call {
  const key = KEYS[random.below(KEYS.length)] as string;
  // Few values, so that writes can be taken for each other.
  const value = `v${random.below(2) === 0 ? i : random.below(2)}`;
  const dice = random.below(10);
  if (dice < 3) return { kind: 'put', request: { key, value, prevKv: true } };
  if (dice < 5) return { kind: 'delete', request: { key, prevKv: true } };
  if (dice < 7) {
    const compare = [{ key, target: 'version', operator: '=', operand: random.below(3) } as const];
    const success = [{ kind: 'put', key, value } as const];
    return { kind: 'txn', request: { compare, success, failure: [{ kind: 'range', key }] } };
  }
  return { kind: 'range', request: dice < 9 ? { key } : { key: 'a', rangeEnd: 'z' } };
}

type Spoil = (history: History, random: SimRandom) => History;

function patched(history: History, id: number, patch: Partial<Operation>): History {
  const operations = history.operations.map((one) => (one.id === id ? { ...one, ...patch } : one));
  return { ...history, operations };
}

function anyOf(history: History, random: SimRandom): Operation {
  return history.operations[random.below(history.operations.length)] as Operation;
}

function moved(one: Operation, by: number): Outcome {
  if (one.outcome.kind !== 'answered') return one.outcome;
  const { answer } = one.outcome;
  const revision = answer.result.header.revision + by;
  const result = { ...answer.result, header: header(revision) };
  return { kind: 'answered', answer: { ...answer, result } as typeof answer };
}

const SPOILS: Readonly<Record<string, Spoil>> = {
  swap(history, random) {
    const one = anyOf(history, random);
    const other = history.operations.find(
      ({ id, call, outcome }) =>
        id !== one.id && call.kind === one.call.kind && outcome.kind === one.outcome.kind,
    );
    if (other === undefined) return history;
    const half = patched(history, one.id, { outcome: other.outcome });
    return patched(half, other.id, { outcome: one.outcome });
  },
  forget: (history, random) =>
    patched(history, anyOf(history, random).id, { outcome: { kind: 'unknown' } }),
  header(history, random) {
    const one = anyOf(history, random);
    return patched(history, one.id, { outcome: moved(one, random.below(2) === 0 ? 1 : -1) });
  },
  later(history, random) {
    const { id, invokedMs, returnedMs } = anyOf(history, random);
    const by = random.below(20);
    return patched(history, id, { invokedMs: invokedMs + by, returnedMs: returnedMs + by });
  },
  sooner(history, random) {
    const { id, invokedMs, returnedMs } = anyOf(history, random);
    return patched(history, id, { returnedMs: Math.max(invokedMs, returnedMs - random.below(12)) });
  },
  without(history, random) {
    const { id } = anyOf(history, random);
    return { ...history, operations: history.operations.filter((one) => one.id !== id) };
  },
  shorter: (history) => ({ ...history, revisions: history.revisions.slice(0, -1) }),
  call(history, random) {
    const one = anyOf(history, random);
    const other = history.operations.find(
      ({ id, call }) => id !== one.id && call.kind === one.call.kind,
    );
    return other === undefined ? history : patched(history, one.id, { call: other.call });
  },
  double(history) {
    const last = history.revisions.findLast(({ events }) => events[0]?.type === 'put');
    const event = last?.events[0];
    if (event === undefined) return history;
    let tiny = EMPTY;
    for (const { events } of history.revisions) tiny = applied(tiny, events);
    const twin = putInto(tiny, toText(event.kv.key), toText(event.kv.value));
    const batch = { revision: tiny.revision + 1, events: [twin.event] };
    return { ...history, revisions: [...history.revisions, batch] };
  },
  stale(history, random) {
    const reads = history.operations.filter(({ call }) => call.kind === 'range');
    const one = reads[random.below(Math.max(1, reads.length))];
    const other = reads[random.below(Math.max(1, reads.length))];
    if (one === undefined || other === undefined) return history;
    return patched(history, one.id, { outcome: other.outcome, call: other.call });
  },
};

function applied(tiny: Tiny, events: readonly StoreEvent[]): Tiny {
  let { pairs } = tiny;
  for (const { type, kv } of events) {
    pairs = pairs.filter((one) => toText(one.key) !== toText(kv.key));
    if (type === 'put')
      pairs = [...pairs, kv].sort((a, b) => (toText(a.key) < toText(b.key) ? -1 : 1));
  }
  return { revision: tiny.revision + 1, pairs };
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return String(part);
    return part instanceof Uint8Array ? toText(part) : part;
  });
}

/** Whether some order of the calls explains every outcome and comes to the recorded revisions. */
function isExplained({ operations, revisions }: History): boolean {
  const states = [EMPTY];
  for (const { events } of revisions) states.push(applied(states.at(-1) as Tiny, events));
  const recorded = revisions.map(({ events }) => text(events));
  const known = new Map<string, readonly number[]>();
  const model: SearchModel<number, Operation> = {
    initial: 0,
    key: String,
    step(at, operation) {
      const place = `${at} ${operation.id}`;
      const before = known.get(place);
      if (before !== undefined) return before;
      const next = tryStep(at, operation);
      known.set(place, next);
      return next;
    },
  };
  const tryStep = (at: number, { call, outcome }: Operation): readonly number[] => {
    const done = step(states[at] as Tiny, call);
    if (outcome.kind !== 'unknown' && text(done.outcome) !== text(outcome)) return [];
    if (done.events.length === 0) return [at];
    return text(done.events) === recorded[at] ? [at + 1] : [];
  };
  const last: Operation = {
    ...(operations[0] as Operation),
    id: -1,
    invokedMs: Number.MAX_SAFE_INTEGER,
    returnedMs: Number.MAX_SAFE_INTEGER,
  };
  const step0 = model.step.bind(model);
  const whole: SearchModel<number, Operation> = {
    ...model,
    // The last look at the store must see every revision that was recorded.
    step: (at, one) => (one.id === -1 ? (at === revisions.length ? [at] : []) : step0(at, one)),
  };
  const timed = [...operations, last].map((operation) => ({
    input: operation,
    invokedMs: operation.invokedMs,
    returnedMs:
      operation.outcome.kind === 'unknown' && operation.id !== -1
        ? Number.POSITIVE_INFINITY
        : operation.returnedMs,
  }));
  const verdict = search(timed, whole, 1_000_000);
  assert.notEqual(verdict, 'undecided');
  return verdict === 'explained';
}

describe('the fast checker and the search', () => {
  it(`agree on ${HISTORIES} small histories, half of them spoiled (TIDELOCK_SEED=${SEED})`, () => {
    const names = Object.keys(SPOILS);
    let broken = 0;
    for (let i = 0; i < HISTORIES; i++) {
      const random = new SimRandom(SEED * HISTORIES + i);
      const good = makeHistory(random);
      const name = i % 2 === 0 ? 'nothing' : (names[random.below(names.length)] as string);
      const history = i % 2 === 0 ? good : (SPOILS[name]?.(good, random) ?? good);
      if (history.operations.length === 0) continue;
      const violations = checkHistory(history);
      const explained = isExplained(history);
      if (!explained) broken++;
      if (i % 2 === 0) assert.ok(explained, `history ${i} of TIDELOCK_SEED=${SEED} is not good`);
      const shown = violations.map(({ property, message }) => `${property} ${message}`).join('; ');
      const where = `TIDELOCK_SEED=${SEED}, history ${i}, spoiled by ${name}`;
      assert.equal(
        violations.length === 0,
        explained,
        `${where}: ${shown || 'nothing found'}\n${text(history)}`,
      );
    }
    assert.ok(broken > HISTORIES / 10, `only ${broken} were broken`);
  });
});
