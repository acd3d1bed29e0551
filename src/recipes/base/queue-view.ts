import type { KeyValue, TxnOperationResult } from '../../store/index.js';

/**
 * What a place in line is told of its line, and what kinds of lines there are. Types only.
 */

/** A queue as seen from one place in it, at one revision. */
export interface QueueView {
  readonly revision: number;
  /** What must go before this entry's turn comes; undefined when it has come. */
  readonly ahead: KeyValue | undefined;
  /** The answers to what was asked for besides. */
  readonly extra: readonly TxnOperationResult[];
}

/** How a queue differs from a plain one, in which each entry waits for all before it. */
export interface QueueShape {
  /** An entry waits only for those before it that have a key under this prefix. */
  readonly aheadPrefix?: string;
  /** Written with the entry under its lease, with an empty value: the key, for the entry's id. */
  readonly alsoPut?: (id: string) => string;
  /** Whoever is first waits for every key under this prefix, too. */
  readonly delayPrefix?: string;
  /** Where an administrator who breaks an entry leaves a note. */
  readonly brokenKey?: string;
}

/** What came of a try to enter an empty queue. */
export type TryEntry =
  | { readonly revision: number; readonly entered: true }
  | ({ readonly revision: number; readonly entered: false } & InTheWay);

/** What was in the way of an entry that was to be the only one. */
export interface InTheWay {
  /** Who was in the queue; empty when only a delay was in the way. */
  readonly others: readonly KeyValue[];
  /** Whether the delay of one that was lost keeps all of them out. */
  readonly isKeptFree: boolean;
}
