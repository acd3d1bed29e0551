import {
  type Compare,
  type KeyValue,
  prefix,
  type TxnOperation,
  type TxnRequest,
  type TxnResult,
  type WatchRequest,
} from '../../store/index.js';
import { awaitChange } from '../base/await-change.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { rangeOf } from '../base/queue-place.js';
import { holderOf, maxOf, type RebootHolder, type RebootKeys } from './reboot-records.js';
import type { Session } from '../base/session.js';

interface RequestTerms {
  readonly node: string;
  /** What the slot, and the entry in line, will say. */
  readonly value: string;
}

/** A group at one revision, as far as a request needs to know it. */
interface View {
  readonly revision: number;
  readonly policy: KeyValue | undefined;
  readonly epoch: KeyValue | undefined;
  /** The node's own slot. */
  readonly slot: KeyValue | undefined;
  /** The node's own entry in line. */
  readonly want: KeyValue | undefined;
  readonly slotsTaken: number;
  /** Everybody in line, without values, by create revision. */
  readonly line: readonly KeyValue[];
}

/**
 * One node's way to a slot. A grant is one transaction that succeeds only if policy and epoch are
 * what they were when the slots were counted; every grant moves the epoch and every change of the
 * limit moves the policy, so a count can never be out of date when it is acted on. Only the oldest
 * in line tries.
 */
export class RebootRequest {
  readonly #context: RecipeContext;
  readonly #keys: RebootKeys;
  readonly #terms: RequestTerms;
  readonly #slotKey: string;
  readonly #wantKey: string;
  #session: Session | undefined;
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor(context: RecipeContext, keys: RebootKeys, terms: RequestTerms) {
    this.#context = context;
    this.#keys = keys;
    this.#terms = terms;
    this.#slotKey = keys.slots + terms.node;
    this.#wantKey = keys.wants + terms.node;
  }

  /** @throws CoordinationError `SessionLost`, and whatever ends `outer` */
  async wait(outer: CancelScope): Promise<RebootHolder> {
    using scope = new CancelScope(this.#context.store, {}, outer.ended);
    for (;;) {
      const view = await this.#look(scope);
      if (view.slot !== undefined) {
        if (view.want !== undefined) this.abandon();
        return holderOf(this.#terms.node, view.slot.value, view.slot.createRevision);
      }
      const place = view.line.findIndex((kv) => kv.createRevision === view.want?.createRevision);
      const isNext = view.want === undefined ? view.line.length === 0 : place === 0;
      if (isNext && view.slotsTaken < maxOf(view.policy)) {
        const granted = await this.#grant(scope, view);
        if (granted !== undefined) return granted;
      } else if (view.want === undefined || view.want.lease !== this.#session?.lease) {
        await this.#standInLine(scope);
      } else {
        await this.#awaitTurn(scope, view, view.line[place - 1]);
      }
    }
  }

  /** Leaves the line behind the caller's back, unless somebody else now waits for the same node. */
  abandon(): void {
    const session = this.#session;
    if (session === undefined) return;
    const { store, closed } = this.#context;
    const leave = async (): Promise<void> => {
      using scope = new CancelScope(store, {}, session.ended, closed);
      await scope.race(this.#lastWrite.catch(() => undefined));
      const key = this.#wantKey;
      await scope.retry(() =>
        store.txn({
          compare: [{ key, target: 'value', operator: '=', operand: this.#terms.value }],
          success: [{ kind: 'delete', key }],
        }),
      );
    };
    void this.#context.track(leave()).catch(() => undefined);
  }

  async #look(scope: CancelScope): Promise<View> {
    const { policy, epoch, slots, wants } = this.#keys;
    const read = (key: string): TxnOperation => ({ kind: 'range', key });
    const success: TxnOperation[] = [
      read(policy),
      read(epoch),
      read(this.#slotKey),
      read(this.#wantKey),
      { kind: 'range', ...prefix(slots), countOnly: true },
      {
        kind: 'range',
        ...prefix(wants),
        keysOnly: true,
        sortTarget: 'create',
        sortOrder: 'ascend',
      },
    ];
    const { signal } = scope;
    const result = await scope.retry(() => this.#context.store.txn({ success }, { signal }));
    const pair = (place: number): KeyValue | undefined => rangeOf(result.responses[place])?.[0];
    const counted = result.responses[4];
    return {
      revision: result.header.revision,
      policy: pair(0),
      epoch: pair(1),
      slot: pair(2),
      want: pair(3),
      slotsTaken: counted?.kind === 'range' ? counted.count : Number.POSITIVE_INFINITY,
      line: rangeOf(result.responses[5]) ?? [],
    };
  }

  /**
   * Takes a slot if nothing that the decision rests on has changed; otherwise looking again tells.
   */
  async #grant(scope: CancelScope, view: View): Promise<RebootHolder | undefined> {
    const { policy, epoch } = this.#keys;
    const unchanged = (key: string, kv: KeyValue | undefined): Compare => {
      return { key, target: 'mod', operator: '=', operand: kv?.modRevision ?? 0 };
    };
    const absent = { target: 'create', operator: '=', operand: 0 } as const;
    const { want } = view;
    const turn: Compare =
      want === undefined
        ? { ...prefix(this.#keys.wants), ...absent }
        : { key: this.#wantKey, target: 'create', operator: '=', operand: want.createRevision };
    const result = await this.#write(scope, {
      compare: [
        unchanged(policy, view.policy),
        unchanged(epoch, view.epoch),
        { key: this.#slotKey, ...absent },
        turn,
      ],
      success: [
        { kind: 'put', key: this.#slotKey, value: this.#terms.value },
        { kind: 'put', key: epoch },
        { kind: 'delete', key: this.#wantKey },
      ],
    });
    const { node, value } = this.#terms;
    return result.succeeded ? holderOf(node, value, result.header.revision) : undefined;
  }

  /** Enters the line, or takes over the entry that an earlier session of the node left in it. */
  async #standInLine(scope: CancelScope): Promise<void> {
    if (this.#session === undefined) {
      this.#session = await this.#context.sessions.shared(scope);
      scope.add(this.#session.ended);
    }
    const { lease } = this.#session;
    const absent = { key: this.#slotKey, target: 'create', operator: '=', operand: 0 } as const;
    await this.#write(scope, {
      compare: [absent],
      success: [{ kind: 'put', key: this.#wantKey, value: this.#terms.value, lease }],
    });
  }

  /**
   * The next in line waits for a slot or a new limit; everybody else for whoever is before them.
   */
  async #awaitTurn(scope: CancelScope, view: View, ahead: KeyValue | undefined): Promise<void> {
    const startRevision = view.revision + 1;
    const watches: WatchRequest[] = [{ key: this.#wantKey, startRevision, noPut: true }];
    if (ahead !== undefined) watches.push({ key: ahead.key, startRevision, noPut: true });
    else {
      watches.push({ ...prefix(this.#keys.slots), startRevision, noPut: true });
      watches.push({ key: this.#keys.policy, startRevision });
    }
    const ttlMs = this.#session?.ttlMs ?? 0;
    await awaitChange(this.#context.store, scope, watches, this.#context.safetyPollMs(ttlMs));
  }

  #write(scope: CancelScope, request: TxnRequest): Promise<TxnResult> {
    return scope.retry(() => {
      const call = this.#context.store.txn(request);
      const write = this.#session?.attach(call) ?? call;
      this.#lastWrite = write;
      return write;
    });
  }
}
