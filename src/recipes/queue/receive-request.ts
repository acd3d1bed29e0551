import {
  type KeyValue,
  prefix,
  toText,
  type TxnOperation,
  type WatchRequest,
} from '../../store/index.js';
import { awaitChange } from '../base/await-change.js';
import { backoffMs, type CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { KeyHold } from '../base/key-hold.js';
import { encodeNote, type Metadata } from '../base/note.js';
import { OwnKey } from '../base/own-key.js';
import { type QueuePlace, rangeOf } from '../base/queue-place.js';
import { endDelivery, type MessageTerms } from './message.js';
import type { QueueKeys } from './queue-layout.js';
import type { Candidate, QueueLooker } from './queue-look.js';
import { decodeBody, decodeReady, encodeDead, encodeReady } from './queue-record.js';

/** How often somebody tries to take what is ready before it stands in line for it. */
const TRIES_BEFORE_LINE = 3;

/** What a consumer brings along. */
export interface ReceiveTerms {
  readonly name: string;
  readonly keys: QueueKeys;
  readonly looker: QueueLooker;
  readonly maxAttempts: number;
  readonly metadata: Metadata | undefined;
  /** The handle's own keys, which are kept up here. */
  readonly mine: Set<string>;
}

/** A message that was claimed. */
export interface Delivery {
  readonly hold: KeyHold;
  readonly terms: MessageTerms;
}

/**
 * One consumer's way to one message: at once when more is ready than those in line will take,
 * otherwise through the line, whose head alone watches for messages. A claim takes the place in
 * line away in the same transaction, which wakes the next. Whoever ends a request without a message
 * must drop it.
 */
export class ReceiveRequest {
  readonly place: QueuePlace;
  readonly #context: RecipeContext;
  readonly #terms: ReceiveTerms;
  #claim: OwnKey | undefined;
  #delivery: Delivery | undefined;
  #isInLine = false;

  constructor(context: RecipeContext, place: QueuePlace, terms: ReceiveTerms) {
    this.#context = context;
    this.place = place;
    this.#terms = terms;
  }

  /** Takes a message that nobody in line would get; undefined when there is none. */
  async tryNow(scope: CancelScope): Promise<Delivery | undefined> {
    for (let conflicts = 0; ; conflicts++) {
      const { spare } = await this.#terms.looker.look(scope);
      if (spare === undefined) return undefined;
      if (await this.#takeSpare(scope, spare)) return await this.#confirmed(scope);
      await scope.pause(backoffMs(this.#context.store.random, conflicts));
    }
  }

  /** Gets a message at once or a place in line. */
  async begin(scope: CancelScope): Promise<void> {
    for (let tries = 0; tries < TRIES_BEFORE_LINE; tries++) {
      const { spare } = await this.#terms.looker.look(scope);
      if (spare === undefined) break;
      if (await this.#takeSpare(scope, spare)) return;
    }
    this.#isInLine = true;
    this.#terms.mine.add(this.place.key);
    await this.place.enter(scope, encodeNote(this.#context, this.#terms.metadata));
  }

  /**
   * Waits for a message, of a session that was alive after it was claimed.
   * @throws CoordinationError `LockLost` when the place in line was deleted
   */
  async wait(scope: CancelScope): Promise<Delivery> {
    const { looker } = this.#terms;
    for (;;) {
      const taken = await this.#confirmed(scope);
      if (taken !== undefined) return taken;
      const view = await this.place.look(scope, looker.reads());
      if (view.ahead !== undefined) {
        await this.place.awaitGone(scope, view, view.ahead.key);
        continue;
      }
      const { candidate, revision } = await looker.judge(scope, view.revision, view.extra);
      if (candidate === undefined) await this.#await(scope, revision);
      else await this.#take(scope, candidate);
    }
  }

  /** Clears away what the request wrote, when nothing came of it. */
  drop(): void {
    this.#forget();
    this.#claim?.drop();
    if (this.#isInLine) this.place.abandon();
  }

  /**
   * To be called with a message in hand: a write of the place in line whose answer was lost may
   * still arrive and stand in the way of others.
   */
  sweepLine(): void {
    this.#terms.mine.delete(this.place.key);
    this.place.sweep();
  }

  #forget(): void {
    this.#terms.mine.delete(this.place.key);
    if (this.#claim !== undefined) this.#terms.mine.delete(this.#claim.key);
  }

  async #confirmed(scope: CancelScope): Promise<Delivery | undefined> {
    const { session } = this.place;
    await scope.race(session.confirmed());
    return this.#delivery;
  }

  /** As `#take`, and siblings leave the message alone meanwhile. */
  async #takeSpare(scope: CancelScope, spare: Candidate): Promise<boolean> {
    const { taking } = this.#terms.looker;
    taking.add(spare.id);
    try {
      return await this.#take(scope, spare);
    } finally {
      taking.delete(spare.id);
    }
  }

  /** Whether the message is ours now; if not, it was not to be had, or had to be given up. */
  async #take(scope: CancelScope, candidate: Candidate): Promise<boolean> {
    if (decodeReady(candidate.pair) >= this.#terms.maxAttempts) {
      await this.#bury(scope, candidate);
      return false;
    }
    this.#delivery = await this.#claimNow(scope, candidate);
    return this.#delivery !== undefined;
  }

  async #claimNow(scope: CancelScope, candidate: Candidate): Promise<Delivery | undefined> {
    const { keys, metadata, mine } = this.#terms;
    const { id, pair } = candidate;
    const { key: lineKey, createRevision } = this.place;
    const attempts = decodeReady(pair) + 1;
    const claim = this.#newClaim(keys.claim + id, metadata, uncounted(pair.key, attempts));
    mine.add(claim.key);
    const leaveLine: readonly TxnOperation[] = this.#isInLine
      ? [{ kind: 'delete', key: lineKey }]
      : [];
    const { isMine, found } = await claim.create(scope, {
      compare: [
        { key: pair.key, target: 'mod', operator: '=', operand: pair.modRevision },
        ...(this.#isInLine
          ? [{ key: lineKey, target: 'create', operator: '=', operand: createRevision } as const]
          : []),
      ],
      also: [{ kind: 'put', key: pair.key, value: encodeReady(attempts) }, ...leaveLine],
      reads: [{ kind: 'range', key: keys.body + id }],
    });
    if (!isMine) {
      mine.delete(claim.key);
      return undefined;
    }
    return this.#toDelivery(claim, candidate, attempts, rangeOf(found[0])?.[0]);
  }

  #newClaim(key: string, metadata: Metadata | undefined, undo: TxnOperation): OwnKey {
    const note = JSON.parse(encodeNote(this.#context, metadata)) as Metadata;
    const value = JSON.stringify({ ...note, nonce: this.#context.store.random.hex(8) });
    this.#claim = new OwnKey(this.#context, this.place.session, key, value, [undo]);
    return this.#claim;
  }

  #toDelivery(
    claim: OwnKey,
    { id, priority, pair }: Candidate,
    attempts: number,
    body: KeyValue | undefined,
  ): Delivery {
    const { name, keys, maxAttempts, mine } = this.#terms;
    const readyKey = toText(pair.key);
    const { session } = claim;
    const hold = new KeyHold(this.#context, {
      what: `message "${id}" of queue "${name}"`,
      key: claim.key,
      session,
      createRevision: claim.createRevision,
      revision: claim.createRevision,
      ended: () => {
        mine.delete(claim.key);
        claim.sweep();
      },
      send: (request) => endDelivery(this.#context, session, request, readyKey),
    });
    const empty = { value: null, identity: '', sinceMs: undefined, nonce: '' };
    const terms: MessageTerms = {
      keys,
      id,
      readyKey,
      priority,
      attempts,
      maxAttempts,
      // A message without a body was half deleted by hand; who gets it can acknowledge it.
      body: body === undefined ? empty : decodeBody(body),
    };
    return { hold, terms };
  }

  /** Moves a message that was delivered too often to the dead letters. */
  async #bury(scope: CancelScope, { id, priority, pair }: Candidate): Promise<void> {
    const { keys } = this.#terms;
    const attempts = decodeReady(pair);
    const reason = `delivered ${attempts} times and never acknowledged`;
    const value = encodeDead(this.#context, { attempts, priority, reason });
    await scope.retry(() =>
      this.#context.store.txn({
        compare: [
          { key: pair.key, target: 'mod', operator: '=', operand: pair.modRevision },
          { key: keys.claim + id, target: 'create', operator: '=', operand: 0 },
        ],
        success: [
          { kind: 'delete', key: pair.key },
          { kind: 'put', key: keys.dead + id, value },
        ],
      }),
    );
  }

  /** Waits for a message that is sent, given back, or due. */
  async #await(scope: CancelScope, revision: number): Promise<void> {
    const { ready, claim, delay } = this.#terms.keys;
    const startRevision = revision + 1;
    const watches: readonly WatchRequest[] = [
      { ...prefix(ready), startRevision, noDelete: true },
      { ...prefix(claim), startRevision, noPut: true },
      { ...prefix(delay), startRevision, noPut: true },
      { key: this.place.key, startRevision, noPut: true },
    ];
    const pollMs = this.#context.safetyPollMs(this.place.session.ttlMs);
    await awaitChange(this.#context.store, scope, watches, pollMs);
  }
}

/**
 * Takes back the attempt that a claim has counted, if the message still is there: a claim that is
 * given up before anybody was handed the message was none.
 */
function uncounted(key: Uint8Array, attempts: number): TxnOperation {
  return {
    kind: 'txn',
    compare: [{ key, target: 'value', operator: '=', operand: encodeReady(attempts) }],
    success: [{ kind: 'put', key, value: encodeReady(attempts - 1) }],
  };
}
