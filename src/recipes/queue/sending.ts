import {
  type Compare,
  toText,
  type TxnOperation,
  type TxnRequest,
  type TxnResult,
} from '../../store/index.js';
import type { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { sendUntilAnswered } from '../base/in-doubt.js';
import type { JsonValue } from '../base/note.js';
import { rangeOf } from '../base/queue-place.js';
import { TIMING } from '../base/timing.js';
import type { QueueKeys } from './queue-layout.js';
import { decodeBody, encodeBody } from './queue-record.js';

/** How long what was sent twice is kept from taking effect twice: as long as others look for it. */
const MARK_SECONDS = TIMING.sessionTtlSeconds * 2 ** TIMING.lateWriteLooks;
/** What a mark says when the message was sent; otherwise its id existed. */
const SENT = 'sent';

/**
 * One message on its way into a queue. A message is gone once it was acknowledged, so nothing of it
 * would keep a request that was held up from sending it anew. So whoever tries again leaves a mark
 * together with the answer, which no request of this message may find.
 */
export class Sending {
  readonly #context: RecipeContext;
  readonly #bodyKey: string;
  readonly #markKey: string;
  readonly #nonce: string;
  readonly #body: string;
  #lease: { readonly id: bigint; readonly sinceMs: number } | undefined;

  constructor(context: RecipeContext, keys: QueueKeys, id: string, value: JsonValue) {
    this.#context = context;
    this.#nonce = context.store.random.hex(8);
    this.#bodyKey = keys.body + id;
    this.#markKey = keys.answered + this.#nonce;
    this.#body = encodeBody(context, value, this.#nonce);
  }

  /**
   * Sends the message, with what else is to be done, unless its id exists. Says whether it was
   * sent.
   * @throws CoordinationError as `sendMessage`; `SessionLost` when a lease of `also` is gone
   */
  async send(scope: CancelScope, also: readonly TxnOperation[]): Promise<boolean> {
    const what = 'the message was sent';
    const { succeeded, responses } = await sendUntilAnswered(scope, what, (failures) =>
      failures === 0 ? this.#context.store.txn(this.#request(also)) : this.#sendAgain(also),
    );
    if (succeeded) return true;
    const [body, mark] = responses.map((response) => rangeOf(response)?.[0]);
    if (body !== undefined && decodeBody(body).nonce === this.#nonce) return true;
    return mark !== undefined && toText(mark.value) === SENT;
  }

  async #sendAgain(also: readonly TxnOperation[]): Promise<TxnResult> {
    const { success = [], failure = [], ...rest } = this.#request(also);
    const key = this.#markKey;
    const lease = await this.#markLease();
    const refuse: TxnOperation = {
      kind: 'txn',
      compare: [absent(key)],
      success: [{ kind: 'put', key, value: 'refused', lease }],
    };
    return await this.#context.store.txn({
      ...rest,
      success: [...success, { kind: 'put', key, value: SENT, lease }],
      failure: [...failure, { kind: 'range', key }, refuse],
    });
  }

  #request(also: readonly TxnOperation[]): TxnRequest {
    const key = this.#bodyKey;
    return {
      compare: [absent(key), absent(this.#markKey)],
      success: [{ kind: 'put', key, value: this.#body }, ...also],
      failure: [{ kind: 'range', key }],
    };
  }

  /** One that still has most of its time. */
  async #markLease(): Promise<bigint> {
    const { clock, leases } = this.#context.store;
    const sinceMs = clock.monotonic();
    if (this.#lease === undefined || sinceMs - this.#lease.sinceMs > MARK_SECONDS * 500) {
      const { id } = await leases.grant({ ttlSeconds: MARK_SECONDS });
      this.#lease = { id, sinceMs };
    }
    return this.#lease.id;
  }
}

function absent(key: string): Compare {
  return { key, target: 'create', operator: '=', operand: 0 };
}
