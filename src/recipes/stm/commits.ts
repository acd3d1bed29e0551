import {
  type Compare,
  toText,
  type TxnOperation,
  type TxnRequest,
  type TxnResult,
} from '../../store/index.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { inDoubt } from '../base/in-doubt.js';
import { leaseHex } from '../base/names.js';
import { rangeOf } from '../base/queue-place.js';
import type { Session } from '../base/session.js';
import { CoordinationError, isTransient } from '../errors.js';
import { markerPrefix } from './stm-layout.js';

/** One try of a transaction that is to be committed. */
export interface Proposal {
  readonly conditions: readonly Compare[];
  readonly writes: readonly TxnOperation[];
  readonly result: unknown;
}

/** A marker key of one session, used by one transaction at a time. */
interface Slot {
  readonly session: Session;
  readonly key: string;
  /** The marker's revision as it must be: 0 before it was ever written. */
  modRevision: number;
}

/**
 * Makes sure that a transaction takes effect once, whatever happens to its answers. Each commit
 * also writes a marker of this client, and compares the marker's revision: so a commit that was
 * sent twice, or that arrives late, succeeds once, and its marker tells afterwards that it did.
 * When one that had to be sent again was overtaken, the marker is written by itself: what was sent
 * before may still arrive, when a key that it saw absent is absent again, and must not succeed
 * then. The markers are few: one for each transaction that runs at the same time, kept by the
 * session.
 */
export class Commits {
  readonly #context: RecipeContext;
  /** Slots that nobody uses, by name. */
  readonly #free = new Map<string, Slot[]>();
  #count = 0;

  constructor(context: RecipeContext) {
    this.#context = context;
  }

  /** The commits of one transaction, for all of its tries. */
  begin(name: string): Commit {
    return new Commit(this.#context, {
      take: (session) => this.#take(name, session),
      give: (slot) => this.#give(name, slot),
    });
  }

  #take(name: string, session: Session): Slot {
    const free = (this.#free.get(name) ?? []).filter((slot) => slot.session === session);
    const slot = free.pop();
    this.#free.set(name, free);
    if (slot !== undefined) return slot;
    this.#count += 1;
    const key = `${markerPrefix(name)}${leaseHex(session.lease)}-${this.#count}`;
    return { session, key, modRevision: 0 };
  }

  #give(name: string, slot: Slot): void {
    if (slot.session.state.kind === 'lost') return;
    this.#free.set(name, [...(this.#free.get(name) ?? []), slot]);
  }
}

/** What the marker says when the last transaction came to nothing; no transaction's number. */
const SETTLED = 'settled';

interface Slots {
  readonly take: (session: Session) => Slot;
  readonly give: (slot: Slot) => void;
}

/** The commits of one transaction. It must be disposed, or its marker is used by nobody else. */
export class Commit implements Disposable {
  readonly #context: RecipeContext;
  readonly #slots: Slots;
  #slot: Slot | undefined;

  constructor(context: RecipeContext, slots: Slots) {
    this.#context = context;
    this.#slots = slots;
  }

  /**
   * Sends a try until it is answered. The answer is its result, or undefined when others were
   * faster; then it has not taken effect and never will.
   * @throws CoordinationError `Unavailable` when the session ended, or the store began to refuse,
   * before it was known; `StoreRefused` when it is certain that nothing took effect
   */
  async send(
    scope: CancelScope,
    proposal: Proposal,
  ): Promise<{ readonly result: unknown } | undefined> {
    const slot = await this.#own(scope);
    const nonce = this.#context.store.random.hex(8);
    const request = toRequest(slot, proposal, nonce);
    using inner = new CancelScope(this.#context.store, {}, scope.ended, slot.session.ended);
    let isRepeated = false;
    // Until there is an answer the outcome is open, also when nobody waits for it any more.
    let isOpen = false;
    const commit = async (): Promise<TxnResult> => {
      isOpen = true;
      try {
        return await this.#context.store.txn(request);
      } catch (error) {
        // The end of the session alone would not tell whether the commit is on its way.
        isOpen = isRepeated || isTransient(error);
        throw error;
      }
    };
    try {
      const outcome = await inner.retry((failures) => {
        isRepeated ||= failures > 0;
        return slot.session.attach(commit());
      });
      const said = note(slot, outcome) ?? (isRepeated ? await this.#settle(inner, slot) : '');
      return outcome.succeeded || said === nonce ? proposal : undefined;
    } catch (error) {
      const isLost = slot.session.ended.isOver && !scope.signal.aborted;
      if (isLost) return this.#abandon(error, isOpen);
      throw isOpen ? inDoubt(error, 'the transaction took effect') : error;
    }
  }

  [Symbol.dispose](): void {
    // A commit that is still on its way shares the marker with the next one: one of them fails.
    if (this.#slot !== undefined) this.#slots.give(this.#slot);
    this.#slot = undefined;
  }

  /**
   * Writes the marker, unless a commit has done so meanwhile: then nothing that was sent before can
   * succeed any more. @returns what the marker says
   */
  async #settle(scope: CancelScope, slot: Slot): Promise<string> {
    const { key, session } = slot;
    const request: TxnRequest = {
      compare: [unchanged(slot)],
      success: [{ kind: 'put', key, value: SETTLED, lease: session.lease }],
      failure: [{ kind: 'range', key }],
    };
    const { store } = this.#context;
    const outcome = await scope.retry(() => session.attach(store.txn(request)));
    return note(slot, outcome) ?? '';
  }

  /** A slot of a session that lives. */
  async #own(scope: CancelScope): Promise<Slot> {
    if (this.#slot?.session.state.kind === 'lost') this.#slot = undefined;
    this.#slot ??= this.#slots.take(await this.#context.sessions.shared(scope));
    return this.#slot;
  }

  /** The marker went with the session: without an open try it is just another conflict. */
  #abandon(cause: unknown, isOpen: boolean): undefined {
    this.#slot = undefined;
    if (!isOpen) return undefined;
    const message = 'the session ended before it was known whether the transaction took effect';
    throw new CoordinationError('Unavailable', message, { cause });
  }
}

function toRequest(slot: Slot, { conditions, writes }: Proposal, nonce: string): TxnRequest {
  const { key, session } = slot;
  return {
    compare: [...conditions, unchanged(slot)],
    success: [...writes, { kind: 'put', key, value: nonce, lease: session.lease }],
    failure: [{ kind: 'range', key }],
  };
}

/** That no commit with this marker was done since. */
function unchanged({ key, modRevision }: Slot): Compare {
  return { key, target: 'mod', operator: '=', operand: modRevision };
}

/**
 * Takes note of the marker's revision as an answer tells it. @returns what the marker says;
 * undefined when it is as it was, and any commit that is under way may still succeed
 */
function note(slot: Slot, { succeeded, header, responses }: TxnResult): string | undefined {
  const marker = succeeded ? undefined : rangeOf(responses[0])?.[0];
  const modRevision = succeeded ? header.revision : (marker?.modRevision ?? 0);
  const isAsItWas = modRevision === slot.modRevision;
  slot.modRevision = modRevision;
  if (isAsItWas) return undefined;
  return marker === undefined ? '' : toText(marker.value);
}
