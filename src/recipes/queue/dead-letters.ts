import { type KeyValue, prefix, type TxnOperation } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { JsonValue } from '../base/note.js';
import { rangeOf } from '../base/queue-place.js';
import { type QueueKeys, rankOf } from './queue-layout.js';
import { decodeBody, decodeDead, encodeReady, idOf } from './queue-record.js';

/** Bodies that one transaction reads. */
const BODIES_AT_ONCE = 100;

/** A message that was given up. */
export interface DeadLetter {
  readonly id: string;
  readonly value: JsonValue;
  readonly priority: number;
  /** How often it was delivered. */
  readonly attempts: number;
  /** Why it was given up. */
  readonly reason: string;
  /** Who gave it up, and when by their wall clock in milliseconds. */
  readonly identity: string;
  readonly sinceMs: number | undefined;
}

/**
 * The messages of a queue that were delivered as often as they may be without being acknowledged.
 * They stay until somebody sends them on their way again or discards them.
 *
 * @example
 * const dead = coord.queue('downloads').deadLetters();
 * for (const { id, reason } of await dead.list()) console.log(id, reason);
 * await dead.requeue('a-message-id');
 */
export class DeadLetters {
  readonly #context: RecipeContext;
  readonly #keys: QueueKeys;

  constructor(context: RecipeContext, keys: QueueKeys) {
    this.#context = context;
    this.#keys = keys;
  }

  /** The oldest ones, at most `limit` of them, by default 100. */
  async list(
    options: WaitOptions & { readonly limit?: number } = {},
  ): Promise<readonly DeadLetter[]> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const { signal } = scope;
    const request = {
      ...prefix(this.#keys.dead),
      sortTarget: 'create',
      sortOrder: 'ascend',
      limit: options.limit ?? 100,
    } as const;
    const { kvs } = await scope.retry(() => store.range(request, { signal }));
    const letters: DeadLetter[] = [];
    for (let start = 0; start < kvs.length; start += BODIES_AT_ONCE) {
      const some = kvs.slice(start, start + BODIES_AT_ONCE);
      const success = some.map((kv): TxnOperation => {
        return { kind: 'range', key: this.#keys.body + idOf(kv) };
      });
      const result = await scope.retry(() => store.txn({ success }, { signal }));
      const bodies = result.responses.map((answer) => rangeOf(answer)?.[0]);
      letters.push(...some.map((kv, place) => toLetter(kv, bodies[place])));
    }
    return letters;
  }

  /**
   * Makes a dead letter ready again, behind the others of its priority and with no attempts
   * counted. Answers whether there was one.
   */
  requeue(id: string, options: WaitOptions = {}): Promise<boolean> {
    return this.#end(id, options, (kv) => {
      const key = `${this.#keys.ready}${rankOf(decodeDead(kv).priority)}/${id}`;
      return { kind: 'put', key, value: encodeReady(0) };
    });
  }

  /** Deletes a dead letter. Answers whether there was one. */
  discard(id: string, options: WaitOptions = {}): Promise<boolean> {
    return this.#end(id, options, () => ({ kind: 'delete', key: this.#keys.body + id }));
  }

  async #end(
    id: string,
    options: WaitOptions,
    operation: (kv: KeyValue) => TxnOperation,
  ): Promise<boolean> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const key = this.#keys.dead + id;
    const { signal } = scope;
    const kv = (await scope.retry(() => store.range({ key }, { signal }))).kvs[0];
    if (kv === undefined) return false;
    const operand = kv.createRevision;
    await scope.retry(() =>
      store.txn({
        compare: [{ key, target: 'create', operator: '=', operand }],
        success: [{ kind: 'delete', key }, operation(kv)],
      }),
    );
    // If the comparison failed, it was ended meanwhile: by a try whose answer was lost, or by
    // others.
    return true;
  }
}

function toLetter(kv: KeyValue, body: KeyValue | undefined): DeadLetter {
  const value = body === undefined ? null : decodeBody(body).value;
  return { id: idOf(kv), value, ...decodeDead(kv) };
}
