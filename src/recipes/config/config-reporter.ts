import type { Observable } from 'rxjs';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { Ending } from '../base/ending.js';
import type { Session } from '../base/session.js';
import { TIMING } from '../base/timing.js';
import { CoordinationError } from '../errors.js';
import { toText } from '../../store/index.js';
import type { Accepted } from './config-accepted.js';
import { type ConfigReport, encodeReport } from './config-reports.js';
import { stateId } from './config-source.js';
import type { ConfigRejection } from './config-status.js';

/**
 * Keeps one key that says what this instance runs and refuses. The key has the session's lease, is
 * written anew under a new session, and is read now and then: a report that was deleted, or that an
 * older one overtook on the way, is written again. It never holds up the configuration.
 */
export class ConfigReporter {
  readonly #context: RecipeContext;
  readonly #key: string;
  readonly #ended = new Ending();
  #accepted: Accepted<unknown> | undefined;
  #refusal: ConfigReport['refusal'];
  #text = '';
  #lastWrite: Promise<unknown> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(context: RecipeContext, key: string) {
    this.#context = context;
    this.#key = key;
  }

  /** Reports until the configuration completes. */
  follow(
    accepted$: Observable<Accepted<unknown> | undefined>,
    rejected$: Observable<ConfigRejection>,
  ): void {
    accepted$.subscribe({
      next: (accepted) => {
        this.#accepted = accepted;
        this.#refusal = undefined;
        this.#compose();
      },
      complete: () => this.#ended.end(new CoordinationError('Aborted', 'nothing left to report')),
    });
    rejected$.subscribe(({ revision, issues }) => {
      this.#refusal = { revision, issues: issues.map(({ message }) => message) };
      this.#compose();
    });
    void this.#context.track(this.#run()).catch(() => undefined);
  }

  #compose(): void {
    const accepted = this.#accepted;
    this.#text = encodeReport({
      revision: accepted?.revision ?? 0,
      stateId: accepted?.state === undefined ? '' : stateId(accepted.state),
      origin: accepted?.origin,
      refusal: this.#refusal,
      sinceMs: this.#context.store.clock.wall(),
    });
    this.#wake();
  }

  /** Under one session after the other. */
  async #run(): Promise<void> {
    const { store, sessions } = this.#context;
    using scope = new CancelScope(store, {}, this.#ended);
    while (!scope.signal.aborted) {
      const session = await sessions.shared(scope);
      using inner = new CancelScope(store, {}, this.#ended, session.ended);
      try {
        await this.#keep(inner, session);
      } catch {
        // The session ended, or the configuration did; or the store will not have the report, and
        // then it is asked again now and then, for a report must not end what it reports on.
        if (!inner.signal.aborted) await scope.pause(TIMING.viewPollMs);
      }
      if (scope.signal.aborted && !session.signal.aborted) await this.#remove(session);
    }
  }

  async #keep(scope: CancelScope, session: Session): Promise<never> {
    const { store } = this.#context;
    let written = '';
    for (;;) {
      const text = this.#text;
      if (text === written) {
        if (await this.#news(scope, session)) continue;
        const { kvs } = await scope.retry(() => store.range({ key: this.#key }));
        const [kv] = kvs;
        if (kv !== undefined && kv.lease === session.lease && toText(kv.value) === text) continue;
      }
      const put = { key: this.#key, value: text, lease: session.lease };
      await scope.retry(() => {
        const write = session.attach(store.put(put));
        this.#lastWrite = write;
        return write;
      });
      written = text;
    }
  }

  /** Whether there is something new to say; otherwise it is time to look at the key. */
  async #news(scope: CancelScope, session: Session): Promise<boolean> {
    const pollMs = this.#context.safetyPollMs(session.ttlMs);
    let isNews = true;
    const told = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const timer = this.#context.store.clock.timer(pollMs, () => {
      isNews = false;
      this.#wake();
    });
    try {
      await scope.race(told);
    } finally {
      timer.cancel();
    }
    return isNews;
  }

  /** Takes the report back if it still is this instance's; the lease does it otherwise. */
  async #remove(session: Session): Promise<void> {
    const { store } = this.#context;
    const key = this.#key;
    const compare = [{ key, target: 'lease', operator: '=', operand: session.lease } as const];
    using scope = new CancelScope(store, {}, session.ended);
    // One that is still on its way would bring the report back.
    await scope.race(this.#lastWrite.catch(() => undefined));
    await scope.race(store.txn({ compare, success: [{ kind: 'delete', key }] }));
  }
}
