import type { Compare, KeyValue, TxnOperation } from '../../store/index.js';
import { equalBytes, toBytes } from '../../store/index.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { rangeOf } from '../base/queue-place.js';
import type { Session } from '../base/session.js';
import {
  decodeMark,
  encodeMark,
  type MarkKind,
  readBook,
  type RolloutBook,
  type RolloutKeys,
  type RolloutMark,
} from './rollout-marks.js';

/** How an attempt ends; `withdrawn`: as if it had never begun. */
type AttemptOutcome = 'done' | 'failed' | 'withdrawn';

/** An attempt that is noted in the store. */
export interface BegunAttempt {
  readonly mark: RolloutMark;
  /** The revision of the note, by which it is told from every other one. */
  readonly revision: number;
  /** For how long its end is to be noted although the rollout is over. */
  readonly patienceMs: number;
}

/** What a decision to begin rests on, at one revision. */
export interface RolloutLook {
  readonly revision: number;
  readonly book: RolloutBook;
  /** Names the keys that the configuration has; empty when it has none. */
  readonly stateId: string;
}

/**
 * Reads and writes the notes of one instance. Each write names what it expects to find, so that one
 * that was lost on the way and arrives late changes nothing.
 */
export class RolloutDesk {
  readonly keys: RolloutKeys;
  readonly #context: RecipeContext;
  /** Whether a note that an attempt begins may still arrive. */
  #isUnsure = false;

  constructor(context: RecipeContext, keys: RolloutKeys) {
    this.#context = context;
    this.keys = keys;
  }

  /** The notes of all and the state of the configuration, at one revision. */
  async look(scope: CancelScope): Promise<RolloutLook> {
    const { store } = this.#context;
    const success = this.keys.reading();
    const result = await scope.retry(() => store.txn({ success }, { signal: scope.signal }));
    return {
      revision: result.header.revision,
      book: readBook(this.keys, result.responses),
      stateId: this.keys.stateOf(result.responses),
    };
  }

  /**
   * Notes that an attempt begins; undefined when the own notes are not those of `book` any more.
   * One that is given up before that is known is taken back.
   */
  async begin(
    scope: CancelScope,
    session: Session,
    book: RolloutBook,
    mark: RolloutMark,
  ): Promise<BegunAttempt | undefined> {
    const key = this.keys.key('trying');
    const compare = (['trying', 'live', 'failed', 'done'] as const).map((kind): Compare => {
      const operand = book.get(kind)?.get(this.keys.instance)?.modRevision ?? 0;
      return { key: this.keys.key(kind), target: 'mod', operator: '=', operand };
    });
    const request = {
      compare,
      success: [
        { kind: 'put', key, value: encodeMark(mark) },
        { kind: 'put', key: this.keys.key('live'), value: '', lease: session.lease },
      ],
      failure: [{ kind: 'range', key }],
    } as const;
    let lastWrite: Promise<unknown> | undefined;
    const begun = scope.retry((failures) => {
      this.#isUnsure ||= failures > 0;
      const write = session.attach(this.#context.store.txn(request));
      lastWrite = write;
      return write;
    });
    const result = await begun.catch(async (error: unknown) => {
      if (lastWrite !== undefined) await this.#takeBack(session, lastWrite, book, mark);
      throw error;
    });
    const patienceMs = session.ttlMs;
    if (result.succeeded) return { mark, revision: result.header.revision, patienceMs };
    // After a lost answer it is the own note that is in the way.
    const found: KeyValue | undefined = rangeOf(result.responses[0])?.[0];
    if (found === undefined || decodeMark(found.value).attempt !== mark.attempt) return undefined;
    return { mark, revision: found.modRevision, patienceMs };
  }

  /**
   * Ends an attempt: with a note of its outcome, or as if it had never begun. That is noted also
   * when `scope` is over, or is meanwhile: otherwise it would look as if its process had died.
   */
  async end(
    scope: CancelScope,
    begun: BegunAttempt,
    outcome: AttemptOutcome,
    message: string,
  ): Promise<void> {
    try {
      return await this.#end(scope, begun, outcome, message);
    } catch (error) {
      if (!scope.signal.aborted) throw error;
    }
    using last = new CancelScope(this.#context.store, { timeoutMs: begun.patienceMs });
    await this.#end(last, begun, outcome, message);
  }

  async #end(
    scope: CancelScope,
    begun: BegunAttempt,
    outcome: AttemptOutcome,
    message: string,
  ): Promise<void> {
    const removed: readonly MarkKind[] =
      outcome === 'done' ? ['trying', 'failed', 'refused'] : ['trying'];
    const success: TxnOperation[] = removed.map((kind) => {
      return { kind: 'delete', key: this.keys.key(kind) };
    });
    success.push(this.#stopLiving(outcome));
    if (outcome !== 'withdrawn') {
      const mark = { ...begun.mark, message, sinceMs: this.#context.store.clock.wall() };
      success.push({ kind: 'put', key: this.keys.key(outcome), value: encodeMark(mark) });
    }
    const operand = begun.revision;
    const key = this.keys.key('trying');
    const compare = [{ key, target: 'mod', operator: '=', operand } as const];
    // When the comparison fails, an earlier try has succeeded, or somebody has taken the note away.
    const result = await scope.retry(() => this.#context.store.txn({ compare, success }));
    // Everything that was sent to begin an attempt expects another note of the last success.
    if (outcome === 'done' && result.succeeded) this.#isUnsure = false;
  }

  /**
   * Unless it ends well, the other notes may be gone after an attempt as they were before it. So
   * when one that it begins may still arrive, the leased key stays as another one, which that note
   * does not expect.
   */
  #stopLiving(outcome: AttemptOutcome): TxnOperation {
    const key = this.keys.key('live');
    if (!this.#isUnsure || outcome === 'done') return { kind: 'delete', key };
    return {
      kind: 'txn',
      compare: [{ key, target: 'create', operator: '!=', operand: 0 }],
      success: [{ kind: 'put', key, ignoreValue: true, ignoreLease: true }],
    };
  }

  /**
   * Takes back what was sent to begin an attempt that nobody will end. What may still arrive finds
   * the leased key changed, or its lease gone.
   */
  async #takeBack(
    session: Session,
    lastWrite: Promise<unknown>,
    book: RolloutBook,
    mark: RolloutMark,
  ): Promise<void> {
    const { store } = this.#context;
    using scope = new CancelScope(store, { timeoutMs: session.ttlMs });
    const [trying, live] = [this.keys.key('trying'), this.keys.key('live')];
    const operand = book.get('live')?.get(this.keys.instance)?.modRevision ?? 0;
    try {
      // Undone before it has ended, it could come after its own undoing.
      const isSure = await scope.race(lastWrite.then(() => true).catch(() => false));
      this.#isUnsure ||= !isSure;
      const block: TxnOperation = {
        kind: 'txn',
        compare: [{ key: live, target: 'mod', operator: '=', operand }],
        success: [{ kind: 'put', key: live, value: '', lease: session.lease }],
      };
      await scope.retry(() =>
        store.txn({
          compare: [{ key: trying, target: 'value', operator: '=', operand: encodeMark(mark) }],
          success: [{ kind: 'delete', key: trying }, this.#stopLiving('withdrawn')],
          failure: this.#isUnsure ? [block] : [],
        }),
      );
    } catch {
      // Out of reach for a TTL, or without a session: what is left then looks like a crash.
    }
  }

  /** Notes that the instance does not accept a state; once, however often that is said. */
  async refuse(scope: CancelScope, mark: RolloutMark): Promise<void> {
    const put = { key: this.keys.key('refused'), value: encodeMark(mark) };
    const { kvs } = await scope.retry(() => this.#context.store.range({ key: put.key }));
    if (kvs[0] !== undefined && equalBytes(kvs[0].value, toBytes(put.value))) return;
    await scope.retry(() => this.#context.store.put(put));
  }
}
