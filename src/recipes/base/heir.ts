import { Observable, tap } from 'rxjs';
import {
  type KeyValue,
  prefix,
  type RevisionBatch,
  type TxnOperation,
  type TxnResult,
} from '../../store/index.js';
import type { Source } from './cancel-scope.js';
import { TIMING } from './timing.js';

/** Who waits, and for what besides the entry just ahead. */
export interface HeirTerms {
  readonly key: string;
  readonly createRevision: number;
  /** Whoever is first waits for every key under this prefix, too. */
  readonly delayPrefix: string | undefined;
}

/**
 * Somebody who waits right behind a holder of the same process. The holder's release then is its
 * turn, and says so itself: the transaction that deletes the holder's entry also reads the heir's
 * entry and what else could be in the way, so that the heir need not ask.
 *
 * That is as good as a look. The holder's entry was the first until the transaction deleted it,
 * which the transaction compares. The heir saw nothing between that entry and its own, and nothing
 * can come between, since create revisions grow. And that its own entry was there at that revision,
 * and no delay, is what was read. Anything else, an answer that is lost, a comparison that fails,
 * and the heir looks as everybody does.
 */
export class Heir {
  readonly #terms: HeirTerms;
  readonly #source: Source;
  #revision: number | undefined;
  /** Whether its own entry may be gone by now. */
  #isDoubtful = false;
  /** Whether the release that tells of the turn is under way. */
  #isAnswerDue = false;
  #told: () => void = () => undefined;

  constructor(source: Source, terms: HeirTerms) {
    this.#source = source;
    this.#terms = terms;
  }

  /** The revision at which its turn had come; undefined when it has to look. */
  get turnRevision(): number | undefined {
    return this.#isDoubtful ? undefined : this.#revision;
  }

  /** What the releasing transaction reads after it has deleted the holder's entry. */
  promise(): readonly TxnOperation[] {
    this.#isAnswerDue = true;
    const { key, delayPrefix } = this.#terms;
    const own: TxnOperation = { kind: 'range', key, keysOnly: true };
    if (delayPrefix === undefined) return [own];
    return [own, { kind: 'range', ...prefix(delayPrefix), limit: 1, keysOnly: true }];
  }

  /** The answer to the release; `skipped` operations of it are the releaser's own. */
  answered({ header, succeeded, responses }: TxnResult, skipped: number): void {
    const found = responses
      .slice(skipped)
      .map((response): readonly KeyValue[] => (response.kind === 'range' ? response.kvs : []));
    const [own, delay] = found;
    const isThere = own?.[0]?.createRevision === this.#terms.createRevision;
    if (succeeded && isThere && (delay?.length ?? 0) === 0) this.#revision = header.revision;
  }

  /** The release has ended, in whatever way. */
  settle(): void {
    this.#isAnswerDue = false;
    this.#told();
  }

  /**
   * Emits when the entry ahead is gone. While the release is under way its answer knows more than
   * the event, but is not waited for long.
   */
  turn(deletion: Observable<RevisionBatch>): Observable<RevisionBatch> {
    return new Observable((subscriber) => {
      const patience = (batch: RevisionBatch): void => {
        if (!this.#isAnswerDue) return subscriber.next(batch);
        const timer = this.#source.clock.timer(TIMING.handOverMs, () => subscriber.next(batch));
        subscriber.add(() => timer.cancel());
      };
      subscriber.add(
        deletion.subscribe({
          next: patience,
          error: (error: unknown) => subscriber.error(error),
        }),
      );
    });
  }

  /** Emits when the release has ended, also when no watch would tell of it. */
  get released(): Observable<RevisionBatch> {
    return new Observable((subscriber) => {
      this.#told = () => subscriber.next({ revision: this.#revision ?? 0, events: [] });
    });
  }

  /** The deletion of its own entry, after which it has to look whatever it was told. */
  own(deletion: Observable<RevisionBatch>): Observable<RevisionBatch> {
    return deletion.pipe(
      tap(() => {
        this.#isDoubtful = true;
      }),
    );
  }
}
