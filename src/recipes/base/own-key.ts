import {
  type BytesInput,
  type Compare,
  equalBytes,
  type KeyValue,
  toBytes,
  type TxnOperation,
  type TxnOperationResult,
} from '../../store/index.js';
import type { CancelScope } from './cancel-scope.js';
import type { RecipeContext } from './context.js';
import { rangeOf } from './queue-place.js';
import type { Session } from './session.js';
import { takeBack } from './take-back.js';

/** What goes with the creation of a key. */
export interface CreateTerms {
  /** What must hold besides the absence of the key. */
  readonly compare?: readonly Compare[];
  /** Done only together with the creation. */
  readonly also?: readonly TxnOperation[];
  /**
   * Makes what `compare` names another thing, so that a try which comes after the undoing of the
   * creation does nothing; it may be sent more than once.
   */
  readonly settle?: TxnOperation;
  /** Read in any case; within the creation after it. */
  readonly reads?: readonly TxnOperation[];
}

/** What became of a creation. */
export interface Creation {
  readonly isMine: boolean;
  readonly revision: number;
  /** What stands under the key, when it is somebody else's. */
  readonly other: KeyValue | undefined;
  /** The answers to what was read besides. */
  readonly found: readonly TxnOperationResult[];
}

/**
 * One key that this attempt writes and recognises by its value, which must have a nonce in it. The
 * key is created at most once however often that has to be tried. Whoever creates it must take care
 * of its end: by deleting it where its create revision is the known one, or by `drop`.
 */
export class OwnKey {
  readonly key: string;
  readonly session: Session;
  readonly #context: RecipeContext;
  readonly #value: BytesInput;
  readonly #alsoUndo: readonly TxnOperation[];
  #createRevision = 0;
  #settle: readonly TxnOperation[] = [];
  #lastWrite: Promise<unknown> = Promise.resolve();
  #hasWritten = false;
  #isUnsure = false;

  /** @param alsoUndo - Done when the creation is undone behind the caller's back. */
  constructor(
    context: RecipeContext,
    session: Session,
    key: string,
    value: BytesInput,
    alsoUndo: readonly TxnOperation[] = [],
  ) {
    this.#context = context;
    this.session = session;
    this.key = key;
    this.#value = value;
    this.#alsoUndo = alsoUndo;
  }

  /** 0 before it was created. */
  get createRevision(): number {
    return this.#createRevision;
  }

  /** Creates the key if nothing is in the way, with the lease of the session. */
  async create(scope: CancelScope, terms: CreateTerms = {}): Promise<Creation> {
    const { compare = [], also = [], reads = [], settle } = terms;
    this.#settle = settle === undefined ? [] : [settle];
    const { key, session } = this;
    const result = await scope.retry((failures) => {
      this.#hasWritten = true;
      this.#isUnsure ||= failures > 0;
      const call = this.#context.store.txn({
        compare: [{ key, target: 'create', operator: '=', operand: 0 }, ...compare],
        success: [
          { kind: 'put', key, value: this.#value, lease: session.lease },
          ...also,
          ...reads,
        ],
        failure: [{ kind: 'range', key }, ...reads],
      });
      const write = session.attach(call);
      this.#lastWrite = write;
      return write;
    });
    const { revision } = result.header;
    const there = result.succeeded ? undefined : rangeOf(result.responses[0])?.[0];
    const isMine =
      result.succeeded || (there !== undefined && equalBytes(there.value, toBytes(this.#value)));
    if (isMine) this.#createRevision = there?.createRevision ?? revision;
    // The try that went unanswered may come later, when nothing is in its way any more.
    else if (this.#isUnsure) this.drop();
    const found = reads.length === 0 ? [] : result.responses.slice(-reads.length);
    return { isMine, revision, other: isMine ? undefined : there, found };
  }

  /** Removes the key behind the caller's back, if it is this one. */
  drop(): void {
    if (!this.#hasWritten) return;
    const { key, session } = this;
    const settle = this.#isUnsure || this.#createRevision === 0 ? this.#settle : [];
    takeBack(this.#context, {
      session,
      lastWrite: this.#lastWrite,
      isUnsure: this.#isUnsure,
      undo: {
        compare: [{ key, target: 'value', operator: '=', operand: this.#value }],
        success: [{ kind: 'delete', key }, ...this.#alsoUndo, ...settle],
        failure: settle,
      },
    });
  }

  /** To be called after the key was removed in order: a late write may bring it back to life. */
  sweep(): void {
    if (this.#isUnsure) this.drop();
  }
}
