import type { IncomingMessage, ServerResponse } from 'node:http';
import { replyJson } from '../http/reply.js';
import type { FleetLockDesk } from './fleet-lock-desk.js';
import { FleetLockRequestError, readFleetLockRequest } from './fleet-lock-request.js';

/** The two calls of the protocol, and what each is counted as. */
const CALLS = { '/v1/pre-reboot': 'preReboot', '/v1/steady-state': 'steadyState' } as const;

export type FleetLockCall = (typeof CALLS)[keyof typeof CALLS];

/**
 * FleetLock over HTTP/1, as Zincati and other agents speak it: one request before a machine
 * reboots, one when it is back. Success is 200; everything else is an error with a body of `kind`,
 * which clients count by, and `value`, which people read. Nothing here decides who may reboot.
 */
export class FleetLockEndpoint {
  readonly #desk: FleetLockDesk;
  readonly #counts: Record<FleetLockCall, number> = { preReboot: 0, steadyState: 0 };

  constructor(desk: FleetLockDesk) {
    this.#desk = desk;
  }

  /** Requests that came in, good or bad, since the start. */
  get counts(): Readonly<Record<FleetLockCall, number>> {
    return this.#counts;
  }

  /** The call behind a path; undefined for all other paths. */
  static callOf(path: string): FleetLockCall | undefined {
    return path === '/v1/pre-reboot' || path === '/v1/steady-state' ? CALLS[path] : undefined;
  }

  async answer(
    call: FleetLockCall,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    this.#counts[call] += 1;
    const gone = new AbortController();
    // It also closes after the answer, when nothing is left to be given up.
    response.once('close', () => gone.abort());
    try {
      const client = await readFleetLockRequest(request);
      const outcome = await this.#desk[call](client, gone.signal);
      if (gone.signal.aborted) return;
      if (outcome.ok) return replyJson(response, 200, outcome.facts);
      const { status, kind, value } = outcome.refusal;
      if (outcome.retryAtMs !== undefined) {
        const seconds = Math.ceil((outcome.retryAtMs - Date.now()) / 1000);
        if (seconds > 0) response.setHeader('retry-after', String(seconds));
      }
      replyJson(response, status, { kind, value });
    } catch (error) {
      if (!(error instanceof FleetLockRequestError)) throw error;
      const { status, kind, value } = error.refusal;
      if (status === 405) response.setHeader('allow', 'POST');
      // What was not read of the body would be taken for the next request.
      if (!request.complete) response.setHeader('connection', 'close');
      replyJson(response, status, { kind, value });
    }
  }
}
