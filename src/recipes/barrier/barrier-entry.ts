import {
  type Compare,
  type KeyValue,
  prefix,
  type TxnOperation,
  type WatchRequest,
} from '../../store/index.js';
import { awaitChange } from '../base/await-change.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { KeyHold } from '../base/key-hold.js';
import { leaseHex } from '../base/names.js';
import { encodeNote, type Metadata } from '../base/note.js';
import { OwnKey } from '../base/own-key.js';
import { rangeOf } from '../base/queue-place.js';
import type { Session } from '../base/session.js';
import { CoordinationError, isCoordinationError } from '../errors.js';
import { decodeGeneration, membersPrefix, RENDEZVOUS } from './double-barrier-status.js';

/** Whose entry it is, and into what. */
export interface BarrierEntryTerms {
  readonly name: string;
  readonly needed: number;
  /** The handle's own keys, which are kept up here. */
  readonly mine: Set<string>;
  /** The generations that the handle leaves, kept up here as well. */
  readonly leaving: Set<number>;
}

/** One generation as one of its members sees it. */
interface View {
  readonly revision: number;
  /** The generation that gathers now. */
  readonly current: number;
  readonly currentRevision: number;
  readonly isThere: boolean;
  readonly here: number;
  readonly oldest: KeyValue | undefined;
  readonly newest: KeyValue | undefined;
}

/**
 * One member's way into a generation and out of it. Whoever sees enough members opens, by moving
 * the number of the generation; the oldest member watches the others come, in case the last of them
 * died before it could; everybody else watches the number alone. On the way out the oldest waits
 * for the newest, and the others for the oldest, so that nobody is woken by everybody.
 */
export class BarrierEntry {
  readonly #context: RecipeContext;
  readonly #terms: BarrierEntryTerms;
  readonly #pointer: string;
  #own: OwnKey | undefined;
  #generation = 0;

  constructor(context: RecipeContext, terms: BarrierEntryTerms) {
    this.#context = context;
    this.#terms = terms;
    this.#pointer = `${terms.name}${RENDEZVOUS}generation`;
  }

  get generation(): number {
    return this.#generation;
  }

  /** @throws CoordinationError `SessionLost`, `LockLost`, and whatever ends `outer` */
  async enter(outer: CancelScope, metadata: Metadata | undefined): Promise<KeyHold> {
    const own = await this.#stepIn(outer, metadata);
    using scope = new CancelScope(this.#context.store, {}, outer.ended, own.session.ended);
    const revision = await this.#awaitOpen(scope, own);
    return new KeyHold(this.#context, {
      what: `place in double barrier "${this.#terms.name}"`,
      key: own.key,
      session: own.session,
      createRevision: own.createRevision,
      revision,
      ended: () => {
        this.#terms.mine.delete(own.key);
        own.sweep();
      },
    });
  }

  /** Clears away what a failed entrance may have left. */
  drop(): void {
    if (this.#own === undefined) return;
    this.#terms.mine.delete(this.#own.key);
    this.#own.drop();
  }

  /** Waits until the generation is empty; the own key goes when `remove` is called. */
  async awaitEmpty(scope: CancelScope, remove: () => Promise<void>): Promise<void> {
    const { leaving } = this.#terms;
    leaving.add(this.#generation);
    try {
      await this.#awaitEmpty(scope, remove);
    } finally {
      leaving.delete(this.#generation);
    }
  }

  async #awaitEmpty(scope: CancelScope, remove: () => Promise<void>): Promise<void> {
    const own = this.#known();
    for (;;) {
      const view = await this.#look(scope, own);
      if (view.here === 0) return;
      const isOldest = view.oldest?.createRevision === own.createRevision;
      if (view.isThere && (!isOldest || view.here === 1)) {
        await remove();
        continue;
      }
      const key = (isOldest ? view.newest : view.oldest)?.key ?? own.key;
      const startRevision = view.revision + 1;
      const watches: WatchRequest[] = [{ key, startRevision, noPut: true }];
      if (view.isThere) watches.push({ key: own.key, startRevision, noPut: true });
      await this.#await(scope, own.session, watches);
    }
  }

  /** Writes the own key into the generation that gathers. */
  async #stepIn(outer: CancelScope, metadata: Metadata | undefined): Promise<OwnKey> {
    const { store, sessions } = this.#context;
    for (;;) {
      const session = await sessions.shared(outer);
      using scope = new CancelScope(store, {}, outer.ended, session.ended);
      try {
        const own = await this.#tryStepIn(scope, session, metadata);
        if (own !== undefined) return own;
      } catch (error) {
        this.drop();
        const isUnheard = (this.#own?.createRevision ?? 0) === 0;
        const isLost = isCoordinationError(error, 'SessionLost');
        if (outer.signal.aborted || !isLost || !isUnheard) throw error;
      }
    }
  }

  /** The own key, or undefined when its generation opened meanwhile without it. */
  async #tryStepIn(
    scope: CancelScope,
    session: Session,
    metadata: Metadata | undefined,
  ): Promise<OwnKey | undefined> {
    const { store } = this.#context;
    const { signal } = scope;
    const read = await scope.retry(() => store.range({ key: this.#pointer }, { signal }));
    const pointer = read.kvs[0];
    this.#generation = decodeGeneration(pointer);
    const nonce = store.random.hex(8);
    const id = `${leaseHex(session.lease)}-${nonce}`;
    const note = JSON.parse(encodeNote(this.#context, metadata)) as Metadata;
    const value = JSON.stringify({ ...note, nonce });
    const key = membersPrefix(this.#terms.name, this.#generation) + id;
    const own = new OwnKey(this.#context, session, key, value);
    this.#own = own;
    this.#terms.mine.add(key);
    const unmoved = this.#unmoved(pointer?.modRevision ?? 0);
    const { isMine } = await own.create(scope, {
      compare: [unmoved],
      // Who gives up must not come late: the others would pass and count who is not there.
      settle: { kind: 'txn', compare: [unmoved], success: [this.#point(this.#generation)] },
    });
    if (isMine) return own;
    this.#terms.mine.delete(key);
    return undefined;
  }

  /** Answers with the revision at which the generation was seen to be open. */
  async #awaitOpen(scope: CancelScope, own: OwnKey): Promise<number> {
    const { session } = own;
    for (;;) {
      await scope.race(session.confirmed());
      const view = await this.#look(scope, own);
      if (!view.isThere) {
        scope.check();
        const loss = { kind: 'deleted', key: own.key } as const;
        throw new CoordinationError('LockLost', `${own.key} was deleted`, { loss });
      }
      if (view.current > this.#generation) {
        if (session.doubtful) continue;
        session.assertAlive();
        return view.revision;
      }
      if (view.here >= this.#terms.needed) {
        await this.#open(scope, view);
        continue;
      }
      const startRevision = view.revision + 1;
      const watches: WatchRequest[] = [
        { key: this.#pointer, startRevision },
        { key: own.key, startRevision, noPut: true },
      ];
      if (view.oldest?.createRevision === own.createRevision) {
        const members = prefix(membersPrefix(this.#terms.name, this.#generation));
        watches.push({ ...members, startRevision, noDelete: true });
      }
      await this.#await(scope, session, watches);
    }
  }

  /** Moves on to the next generation, unless somebody else has; looking again tells. */
  async #open(scope: CancelScope, view: View): Promise<void> {
    await scope.retry(() =>
      this.#context.store.txn({
        compare: [this.#unmoved(view.currentRevision)],
        success: [this.#point(this.#generation + 1)],
      }),
    );
  }

  async #look(scope: CancelScope, own: OwnKey): Promise<View> {
    const members = prefix(membersPrefix(this.#terms.name, this.#generation));
    const end = (sortOrder: 'ascend' | 'descend'): TxnOperation => {
      return {
        kind: 'range',
        ...members,
        sortTarget: 'create',
        sortOrder,
        limit: 1,
        keysOnly: true,
      };
    };
    const success: readonly TxnOperation[] = [
      { kind: 'range', key: this.#pointer },
      { kind: 'range', key: own.key, keysOnly: true },
      end('ascend'),
      end('descend'),
    ];
    const { signal } = scope;
    const result = await scope.retry(() => this.#context.store.txn({ success }, { signal }));
    const [pointer, mine, oldest, newest] = result.responses.map((one) => rangeOf(one)?.[0]);
    const counted = result.responses[2];
    return {
      revision: result.header.revision,
      current: decodeGeneration(pointer),
      currentRevision: pointer?.modRevision ?? 0,
      isThere: mine?.createRevision === own.createRevision,
      here: counted?.kind === 'range' ? counted.count : 0,
      oldest,
      newest,
    };
  }

  #await(scope: CancelScope, session: Session, watches: readonly WatchRequest[]): Promise<unknown> {
    const pollMs = this.#context.safetyPollMs(session.ttlMs);
    return awaitChange(this.#context.store, scope, watches, pollMs);
  }

  #unmoved(modRevision: number): Compare {
    return { key: this.#pointer, target: 'mod', operator: '=', operand: modRevision };
  }

  #point(generation: number): TxnOperation {
    return { kind: 'put', key: this.#pointer, value: JSON.stringify({ generation }) };
  }

  #known(): OwnKey {
    if (this.#own === undefined) throw new Error('a double barrier is left that was never entered');
    return this.#own;
  }
}
