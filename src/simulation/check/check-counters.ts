import type { KeyValue } from '../../store/index.js';
import { fieldsOf } from './fields-of.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';

const COUNTER = /^(.+)\/@counter$/s;

/** An addition that counted. */
interface Counted {
  readonly revision: number;
  readonly value: bigint;
}

/**
 * `K10`: each change of a counter is one addition that somebody asked for, and each of those counts
 * once, or never if its user was not told that it had; so the value is the sum of what counted.
 */
export function checkCounters({ history, births }: RecipeFacts, report: Report): void {
  const amounts = new Map<string, number>();
  for (const note of history.recipes ?? []) {
    if (note.kind === 'added') amounts.set(`${note.name} ${note.operation}`, note.amount);
  }
  const counted = countAdditions(history, amounts, report);
  for (const note of history.recipes ?? []) {
    if (note.kind !== 'added' || note.value === undefined) continue;
    const { name, operation, value, atMs } = note;
    const found = counted.get(`${name} ${operation}`);
    const fail = (why: string): void => {
      const message = `client ${note.client} was told that counter ${name} is ${value} after ${operation}, which ${why}`;
      report.add('K10', message, atMs);
    };
    if (found === undefined) fail('never counted');
    else if (found.value !== BigInt(value)) fail(`made it ${found.value}`);
    else if (births.earliestMs(found.revision) > atMs) fail('had not counted yet');
  }
}

function countAdditions(
  history: RecipeFacts['history'],
  amounts: ReadonlyMap<string, number>,
  report: Report,
): ReadonlyMap<string, Counted> {
  const counted = new Map<string, Counted>();
  const values = new Map<string, bigint>();
  for (const { revision, events } of history.revisions) {
    for (const { type, kv } of events) {
      const [, name] = COUNTER.exec(keyText(kv.key)) ?? [];
      if (name === undefined) continue;
      const fail = (why: string): void => {
        report.add('K10', `counter ${name}, revision ${revision}: ${why}`);
      };
      const state = type === 'put' ? stateOf(kv) : undefined;
      if (state === undefined) {
        fail('is no counter any more');
        continue;
      }
      const place = `${name} ${state.operation}`;
      const before = values.get(name) ?? 0n;
      values.set(name, state.value);
      const amount = amounts.get(place);
      if (amount === undefined) fail(`${state.operation} was asked for by nobody`);
      else if (state.value !== before + BigInt(amount)) {
        fail(`${before} became ${state.value} by ${state.operation}, which adds ${amount}`);
      }
      if (counted.has(place)) fail(`${state.operation} counts again`);
      counted.set(place, { revision, value: state.value });
    }
  }
  return counted;
}

/** The value, and what changed it last. */
function stateOf(kv: KeyValue): { readonly value: bigint; readonly operation: string } | undefined {
  const { value, operations } = fieldsOf(kv);
  if (typeof value !== 'string' || !Array.isArray(operations)) return undefined;
  const last: unknown = operations.at(-1);
  const operation: unknown = Array.isArray(last) ? last[0] : undefined;
  if (typeof operation !== 'string') return undefined;
  return { value: BigInt(value), operation };
}
