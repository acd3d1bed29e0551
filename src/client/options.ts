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

/** What `connect` may be told; every field has a default. */
export interface ConnectOptions {
  readonly tls?: TlsOptions;
  /** Milliseconds for the first successful call; 5000 when absent. */
  readonly timeoutMs?: number;
  /** Gives up the attempt to connect. */
  readonly signal?: AbortSignal;
  /**
   * Open watch streams so that a member without a leader ends them, and the client moves on to
   * another endpoint instead of waiting in silence. Default true.
   */
  readonly requireLeader?: boolean;
  /** The machine's own unless a test brings another. */
  readonly clock?: Clock;
  /** The machine's own unless a test brings another. */
  readonly random?: Random;
}
