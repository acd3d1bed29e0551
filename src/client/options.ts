import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';

/** How to reach a server over TLS; for endpoints that begin with `https://`. */
export interface TlsOptions {
  /** Certificates to trust, in PEM; absent: those of the machine. */
  readonly ca?: string | Uint8Array;
  /** The client's own certificate and its key, in PEM; both or neither. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** The name to expect in the server's certificate, where it is not the endpoint's host. */
  readonly serverName?: string;
}

/**
 * What becomes of a write whose outcome is not known, because the connection broke or the time of
 * the server was up before its answer came.
 *
 * - `at-most-once`: it rejects, with `Unavailable` or `Timeout`, and the caller has to find out. A
 *   write never takes effect twice.
 * - `at-least-once`: it is sent again until there is an answer. It may take effect twice, and
 *   between the two somebody else may have written: a put can undo a later put of another, and an
 *   answer tells of the last effect alone, so that a delete may say 0, a txn whose comparisons
 *   its own first effect made false may say `succeeded: false`, a grant may leave a second lease
 *   behind, and a revoke may reject with `LeaseNotFound`. Right for writes that may be repeated: a
 *   key with one writer, or a txn whose comparisons (of a `mod` revision, say) let it through only
 *   once and whose caller reads again when it is told `succeeded: false`.
 */
export type WriteRepetition = 'at-most-once' | 'at-least-once';

/** What `connect` may be told; every field has a default. */
export interface ConnectOptions {
  readonly tls?: TlsOptions;
  /** Milliseconds for the first successful call; 5000 when absent. */
  readonly timeoutMs?: number;
  /** Gives up the attempt to connect. */
  readonly signal?: AbortSignal;
  /**
   * Have a member that knows no leader refuse calls and end streams, so that the client moves on to
   * another endpoint instead of waiting in silence. Serializable reads are answered all the same.
   * Default true.
   */
  readonly requireLeader?: boolean;
  /**
   * Milliseconds for which a call that may be tried again is; 15000 when absent, 0 for never. A
   * try that is under way is waited for beyond that; `signal` of the call bounds it all.
   */
  readonly retryMs?: number;
  /** Default `at-most-once`. */
  readonly writes?: WriteRepetition;
  /**
   * Make calls that come often over one stream, many at a time, where the server has such a pipe:
   * ours has, an etcd has not. False makes each call by itself, as etcd's clients do, for what
   * stands between client and server and does not bear long streams. Default true.
   */
  readonly pipe?: boolean;
  /**
   * Ask the cluster for its members, at first, now and then, and soon after one of them was lost,
   * and use them besides the endpoints that were given. Only where clients reach members by the
   * addresses that these advertise.
   * Default false.
   */
  readonly syncMembers?: boolean;
  /** The machine's own unless a test brings another. */
  readonly clock?: Clock;
  /** The machine's own unless a test brings another. */
  readonly random?: Random;
}
