import {
  type Compare,
  type KeyValue,
  prefix,
  toText,
  type TxnOperation,
  type TxnOperationResult,
} from '../../store/index.js';
import type { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { rangeOf } from '../base/queue-place.js';
import { type QueueKeys, rankOf, priorityOf } from './queue-layout.js';
import { decodeDelayed, encodeReady, idOf } from './queue-record.js';

/** Pairs of one priority that a look takes at once. */
const PAGE_PAIRS = 16;
/** Messages whose time has come that one transaction makes ready. */
const PROMOTED_AT_ONCE = 32;

/** A message that may be claimed: the pair of it under `ready`. */
export interface Candidate {
  readonly id: string;
  readonly priority: number;
  readonly pair: KeyValue;
}

/** A queue at one revision, as far as somebody who wants one message needs to know it. */
export interface QueueLook {
  readonly revision: number;
  /** Consumers in line. */
  readonly inLine: number;
  /** What the head of the line gets. */
  readonly candidate: Candidate | undefined;
  /** What is left when everybody in line has got one: for who does not stand in it. */
  readonly spare: Candidate | undefined;
}

/** What the reads of one look found. */
interface Found {
  readonly revision: number;
  readonly claimed: ReadonlySet<string>;
  /** The first pair that is ready from where the look began, whatever its rank. */
  readonly first: KeyValue | undefined;
  /** The oldest pairs of the rank that was looked at. */
  readonly page: readonly KeyValue[];
  readonly more: boolean;
  /** Pairs that are ready from where the look began and are not of that rank. */
  readonly elsewhere: number;
  readonly isDue: boolean;
  readonly inLine: number;
}

/** Where a look begins. */
interface LookTerms {
  /** The rank of which a page is read, by guess or by knowledge. */
  readonly rank: string;
  /** Ranks before it have nothing to offer. */
  readonly fromRank: string;
  readonly pairs: number;
}

/**
 * Finds the message that is next: of the highest priority that has one which nobody claimed, the
 * one that was sent first. What wakes a consumer is never what it takes. On the way it makes ready
 * what waited for its time. Holds the rank that was found last, which the next look guesses.
 */
export class QueueLooker {
  readonly #context: RecipeContext;
  readonly #keys: QueueKeys;
  /** What other requests of the same handle are about to claim: they need not get in their way. */
  readonly taking = new Set<string>();
  #guess = rankOf(0);

  constructor(context: RecipeContext, keys: QueueKeys) {
    this.#context = context;
    this.#keys = keys;
  }

  /** What `judge` needs to have read, in one transaction with whatever else. */
  reads(): readonly TxnOperation[] {
    return this.#reads(this.#terms());
  }

  /** The look that the answers to `reads` give; it reads on if they do not suffice. */
  async judge(
    scope: CancelScope,
    revision: number,
    answers: readonly TxnOperationResult[],
  ): Promise<QueueLook> {
    return await this.#search(scope, this.#terms(), toFound(revision, answers));
  }

  async look(scope: CancelScope): Promise<QueueLook> {
    const terms = this.#terms();
    return await this.#search(scope, terms, await this.#read(scope, terms));
  }

  #terms(): LookTerms {
    return { rank: this.#guess, fromRank: '', pairs: PAGE_PAIRS };
  }

  async #search(scope: CancelScope, began: LookTerms, answer: Found): Promise<QueueLook> {
    let terms = began;
    let found = answer;
    for (;;) {
      const { revision, inLine, first } = found;
      if (found.isDue) {
        await this.#promoteDue(scope);
        terms = this.#terms();
      } else if (first === undefined) {
        return { revision, inLine, candidate: undefined, spare: undefined };
      } else {
        const rank = this.#rankIn(first);
        const free = found.page.filter((kv) => !found.claimed.has(idOf(kv)));
        if (rank !== terms.rank) {
          terms = { ...terms, rank };
        } else if (free.length > 0) {
          this.#guess = rank;
          const candidateOf = (pair: KeyValue | undefined): Candidate | undefined =>
            pair && { id: idOf(pair), priority: priorityOf(rank), pair };
          const others = free.filter((kv) => !this.taking.has(idOf(kv)));
          const spare = candidateOf(others[inLine]);
          return { revision, inLine, candidate: candidateOf(free[0]), spare };
        } else if (found.more) {
          // Stray keys can look like one message many times over: each page is a larger one.
          terms = { ...terms, pairs: Math.max(terms.pairs, found.claimed.size) + PAGE_PAIRS };
        } else if (found.elsewhere > 0) {
          terms = { rank: rankAfter(rank), fromRank: rankAfter(rank), pairs: PAGE_PAIRS };
        } else {
          return { revision, inLine, candidate: undefined, spare: undefined };
        }
      }
      found = await this.#read(scope, terms);
    }
  }

  async #read(scope: CancelScope, terms: LookTerms): Promise<Found> {
    const { signal } = scope;
    const success = this.#reads(terms);
    const result = await scope.retry(() => this.#context.store.txn({ success }, { signal }));
    return toFound(result.header.revision, result.responses);
  }

  #reads({ rank, fromRank, pairs }: LookTerms): readonly TxnOperation[] {
    const { claim, ready, delayed, delay, line } = this.#keys;
    const all = prefix(ready);
    return [
      { kind: 'range', ...prefix(claim), keysOnly: true },
      {
        kind: 'range',
        ...all,
        key: ready + fromRank,
        sortTarget: 'key',
        sortOrder: 'ascend',
        limit: 1,
        keysOnly: true,
      },
      {
        kind: 'range',
        ...prefix(`${ready}${rank}/`),
        sortTarget: 'create',
        sortOrder: 'ascend',
        limit: pairs,
      },
      { kind: 'range', ...prefix(delayed), countOnly: true },
      { kind: 'range', ...prefix(delay), countOnly: true },
      { kind: 'range', ...prefix(line), countOnly: true },
    ];
  }

  /** Makes ready what has no key of its delay any more; another may do it at the same time. */
  async #promoteDue(scope: CancelScope): Promise<void> {
    const { store } = this.#context;
    const { delayed, delay, ready } = this.#keys;
    const success: readonly TxnOperation[] = [
      { kind: 'range', ...prefix(delayed) },
      { kind: 'range', ...prefix(delay), keysOnly: true },
    ];
    const { signal } = scope;
    const result = await scope.retry(() => store.txn({ success }, { signal }));
    const [waiting = [], delays = []] = result.responses.map(rangeOf);
    const early = new Set(delays.map(idOf));
    const due = waiting
      .filter((kv) => !early.has(idOf(kv)))
      .sort((a, b) => a.createRevision - b.createRevision)
      .slice(0, PROMOTED_AT_ONCE);
    if (due.length === 0) return;
    const compare = due.flatMap((kv): Compare[] => [
      { key: kv.key, target: 'create', operator: '=', operand: kv.createRevision },
      { key: delay + idOf(kv), target: 'create', operator: '=', operand: 0 },
    ]);
    const moves = due.flatMap((kv): TxnOperation[] => {
      const { attempts, priority } = decodeDelayed(kv);
      const key = `${ready}${rankOf(priority)}/${idOf(kv)}`;
      return [
        { kind: 'delete', key: kv.key },
        { kind: 'put', key, value: encodeReady(attempts) },
      ];
    });
    await scope.retry(() => store.txn({ compare, success: moves }));
  }

  #rankIn(kv: KeyValue): string {
    return toText(kv.key).slice(this.#keys.ready.length).split('/')[0] ?? '';
  }
}

function toFound(revision: number, answers: readonly TxnOperationResult[]): Found {
  const [claims, first, page, delayed, delays, line] = answers;
  const count = (answer: TxnOperationResult | undefined): number =>
    answer?.kind === 'range' ? answer.count : 0;
  return {
    revision,
    claimed: new Set((rangeOf(claims) ?? []).map(idOf)),
    first: rangeOf(first)?.[0],
    page: rangeOf(page) ?? [],
    more: page?.kind === 'range' && page.more,
    elsewhere: count(first) - count(page),
    isDue: count(delayed) > count(delays),
    inLine: count(line),
  };
}

/** Where the ranks after this one begin: the character after "0" to "9" and "/" sorts behind it. */
function rankAfter(rank: string): string {
  return `${rank}0`;
}
