// Short ways to write down what recipes leave in a store, and what their users say of it.
import type { History, RecipeNote } from '../../../src/simulation/check/history.js';
import type { TxnOperation } from '../../../src/store/index.js';
import { HistoryBuilder } from './history-builder.js';

export const id = (lease: bigint) => `${lease.toString(16)}-${'1'.padStart(16, '0')}`;
export const put = (key: string, value = '{}', lease = 0n): TxnOperation => {
  return { kind: 'put', key, value, lease };
};
export const drop = (key: string): TxnOperation => ({ kind: 'delete', key });

export function txn(h: HistoryBuilder, success: TxnOperation[], client = 1): number {
  h.call({ kind: 'txn', request: { success } }, { client });
  return h.revision;
}

export function withNotes(h: HistoryBuilder, recipes: readonly RecipeNote[]): History {
  return { ...h.build(), recipes };
}

export function builder(leases: readonly bigint[], ttlSeconds = 100): HistoryBuilder {
  const h = new HistoryBuilder();
  for (const lease of leases) h.grant(lease, ttlSeconds);
  return h;
}

type Held = Extract<RecipeNote, { kind: 'held' }>;

export const held = (
  recipe: Held['recipe'],
  name: string,
  client: number,
  [fence, fromMs, untilMs]: readonly [number, number, number],
): RecipeNote => ({ kind: 'held', recipe, name, client, fence, fromMs, untilMs });
