import {
  type Compare,
  prefix,
  toText,
  type TxnOperation,
  type TxnResult,
} from '../../store/index.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { giveBack } from '../base/give-back.js';
import { type QueuePlace, rangeOf } from '../base/queue-place.js';
import { HeldRead, HeldWrite, type ReadWriteSteps } from './held-read-write.js';
import { LockHold } from './lock-hold.js';
import type { OwnedHold } from './owner-book.js';
import type { ReadWriteKeys } from './read-write-layout.js';
import { type ReadWriteStatus, readWriteStatusOf } from './read-write-status.js';

/**
 * The handles of a read/write lock, and the changes from one kind to the other. Both keep the entry
 * and its place in the queue and only make or remove the mark of a writer. The mark of a writer
 * goes only after its signal was aborted, and is named by its revision: the entry stays the same
 * for a later writer.
 */
export class ReadWriteHolds {
  readonly #context: RecipeContext;
  readonly #keys: ReadWriteKeys;
  /** How often the entries were written that were written more than once. */
  readonly #versions = new WeakMap<QueuePlace, number>();

  constructor(context: RecipeContext, keys: ReadWriteKeys) {
    this.#context = context;
    this.#keys = keys;
  }

  reader(owned: OwnedHold<LockHold>): HeldRead {
    return new HeldRead(owned.hold, this.#steps(owned, undefined));
  }

  /** @param markRevision - That of the mark, when it did not come with the entry. */
  writer(
    owned: OwnedHold<LockHold>,
    markRevision: number = owned.hold.terms.place.createRevision,
  ): HeldWrite {
    const key = this.#markOf(owned.hold.terms.place);
    const mark = { key, target: 'create', operator: '=', operand: markRevision } as const;
    return new HeldWrite(owned.hold, this.#steps(owned, mark), mark);
  }

  /** The lock as it is now. */
  async list(scope: CancelScope): Promise<ReadWriteStatus> {
    const { store } = this.#context;
    const { all } = this.#keys;
    const read = await scope.retry(() => store.range(prefix(all), { signal: scope.signal }));
    const entries = new Map(read.kvs.map((kv) => [toText(kv.key).slice(all.length), kv]));
    return readWriteStatusOf({ revision: read.header.revision, entries });
  }

  /** What one handle can do; after it has become another one, that one is in charge. */
  #steps(owned: OwnedHold<LockHold>, mark: Compare | undefined): ReadWriteSteps {
    let isOver = false;
    const passOn = <T>(handle: T): T => {
      isOver = true;
      return handle;
    };
    return {
      giveBack: async () => {
        if (!isOver) await owned.giveBack();
      },
      downgrade: async () => passOn(await this.#downgrade(owned, mark)),
      tryUpgrade: async () => {
        const writer = await this.#tryUpgrade(owned);
        return writer === undefined ? undefined : passOn(writer);
      },
    };
  }

  /** @param mark - That the mark is the one that goes, and not that of a later writer. */
  async #downgrade(owned: OwnedHold<LockHold>, mark: Compare | undefined): Promise<HeldRead> {
    const { hold } = owned;
    const { place } = hold.terms;
    hold.ownership.assert();
    hold.ownership.end();
    const outcome = await giveBack(this.#context.store, place.session, {
      compare: [mine(place)],
      success: [
        {
          kind: 'txn',
          compare: mark === undefined ? [] : [mark],
          success: [{ kind: 'delete', key: this.#markOf(place) }],
        },
      ],
    });
    if (outcome === 'gone') throw hold.ownership.lostError(await hold.ownership.askWhyGone());
    const next = this.#next(owned, `read lock "${hold.terms.name}"`);
    // The session may have ended before the answer came, and with it everything.
    next.hold.ownership.assert();
    return this.reader(next);
  }

  async #tryUpgrade(owned: OwnedHold<LockHold>): Promise<HeldWrite | undefined> {
    const { hold } = owned;
    const { place, name } = hold.terms;
    hold.ownership.assert();
    const markRevision = await this.#mark(place).catch((error: unknown) => {
      // What ended the hold says more than what ended the question.
      hold.ownership.assert();
      throw error;
    });
    hold.ownership.assert();
    if (markRevision === undefined) return undefined;
    hold.ownership.end();
    return this.writer(this.#next(owned, `write lock "${name}"`), markRevision);
  }

  /**
   * Makes the mark if the entry is alone in the queue; answers with the revision of the mark. An
   * answer is the end of it: the entry is written as it is when the mark is made, and when one that
   * had to be sent again was refused, so that what is still on its way finds another version.
   */
  async #mark(place: QueuePlace): Promise<number | undefined> {
    const { store, closed } = this.#context;
    const { session } = place;
    const key = this.#markOf(place);
    const alone: Compare = { ...mine(place), ...prefix(this.#keys.queue) };
    const failure: readonly TxnOperation[] = [
      { kind: 'range', key: place.key, keysOnly: true },
      { kind: 'range', key, keysOnly: true },
    ];
    const touch = { kind: 'put', key: place.key, ignoreValue: true, ignoreLease: true } as const;
    const mark = { kind: 'put', key, lease: session.lease } as const;
    using scope = new CancelScope(store, {}, session.ended, closed);
    let isUnsure = false;
    const send = (compare: readonly Compare[], success: readonly TxnOperation[]) =>
      scope.retry((failures) => {
        isUnsure ||= failures > 0;
        const own = [mine(place), this.#unwritten(place)];
        return session.attach(store.txn({ compare: [...own, ...compare], success, failure }));
      });
    for (;;) {
      const asked = await send([alone], [mark, touch]);
      if (asked.succeeded) return this.#wrote(place, asked).header.revision;
      const { isKnown, marked } = this.#read(place, asked);
      // After a lost answer somebody may have come, and the mark is there all the same.
      if (marked !== undefined) return marked;
      if (!isKnown) continue;
      if (!isUnsure) return undefined;
      const settled = await send([], [touch]);
      if (!settled.succeeded) return this.#read(place, settled).marked;
      this.#wrote(place, settled);
      return undefined;
    }
  }

  /** That the entry was not written since it was seen last. */
  #unwritten(place: QueuePlace): Compare {
    const operand = this.#versions.get(place) ?? 1;
    return { key: place.key, target: 'version', operator: '=', operand };
  }

  #wrote(place: QueuePlace, result: TxnResult): TxnResult {
    this.#versions.set(place, (this.#versions.get(place) ?? 1) + 1);
    return result;
  }

  /** What a refusal tells: whether the entry is as it was known, and the revision of the mark. */
  #read(place: QueuePlace, { responses }: TxnResult): { isKnown: boolean; marked?: number } {
    const [entry, mark] = responses.map((response) => rangeOf(response)?.[0]);
    const marked = mark === undefined ? {} : { marked: mark.createRevision };
    if (entry?.createRevision !== place.createRevision) return { isKnown: true, ...marked };
    const isKnown = entry.version === (this.#versions.get(place) ?? 1);
    this.#versions.set(place, entry.version);
    return { isKnown, ...marked };
  }

  /** The hold goes on under another name. */
  #next(owned: OwnedHold<LockHold>, what: string): OwnedHold<LockHold> {
    const hold = new LockHold(this.#context, { ...owned.hold.terms, what });
    owned.replace(hold);
    return { ...owned, hold };
  }

  #markOf(place: QueuePlace): string {
    return this.#keys.writers + place.id;
  }
}

function mine(place: QueuePlace): Compare {
  const { key, createRevision } = place;
  return { key, target: 'create', operator: '=', operand: createRevision };
}
