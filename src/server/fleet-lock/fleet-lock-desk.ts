import type { RebootGroup, RebootTry } from '../../recipes/index.js';
import { isCoordinationError } from '../../recipes/index.js';
import { LIMITS } from '../../store/index.js';
import type { FleetLockClient, FleetLockRefusal } from './fleet-lock-request.js';
import type { GroupAdmission, GroupRefusal } from './group-admission.js';

/**
 * How long a refused client is shown in line: agents ask again every five minutes and up to a tenth
 * more, so this outlives one request that went astray.
 */
const POLL_TTL_SECONDS = 660;

export interface FleetLockDeskParts {
  readonly reboots: (group: string) => Pick<RebootGroup, 'tryAcquire' | 'steady'>;
  readonly admission: Pick<GroupAdmission, 'refusalOf'>;
  /** How long the store may take before the client is told to come again. */
  readonly timeoutMs: number;
}

/** What became of a call. */
export type FleetLockOutcome =
  | { readonly ok: true; readonly facts: object }
  | { readonly ok: false; readonly refusal: FleetLockRefusal; readonly retryAtMs?: number };

/**
 * What FleetLock's two calls mean for a reboot group. Who holds a slot is told again that it does,
 * and who holds none may give it back: clients repeat themselves. Windows, holds, cooldown and
 * budget are judged by the group, so a client needs to know nothing of them.
 */
export class FleetLockDesk {
  readonly #parts: FleetLockDeskParts;

  constructor(parts: FleetLockDeskParts) {
    this.#parts = parts;
  }

  /**
   * The machine wants to reboot.
   * @param gone - Aborted when nobody waits for the outcome any more; then nothing more is begun.
   */
  preReboot(client: FleetLockClient, gone: AbortSignal): Promise<FleetLockOutcome> {
    return this.#serve(client, true, async (group, timeoutMs) => {
      const { id, zone, bootId, reason } = client;
      const tried: RebootTry = await group.tryAcquire({
        node: id,
        by: id,
        pollTtlSeconds: POLL_TTL_SECONDS,
        timeoutMs,
        signal: gone,
        ...(zone === undefined ? {} : { zone }),
        ...(bootId === undefined ? {} : { bootId }),
        ...(reason === undefined ? {} : { reason }),
      });
      if (!tried.ok) {
        const { rule, reason: value, retryAtMs } = tried;
        const refusal = { status: 423, kind: rule, value };
        return { ok: false, refusal, ...(retryAtMs === undefined ? {} : { retryAtMs }) };
      }
      const { phase, revision } = tried.holder;
      return { ok: true, facts: { id, group: client.group, phase, revision } };
    });
  }

  /**
   * The machine is up again, and well.
   * @param gone - As for `preReboot`: who says it again elsewhere may have another slot by the time
   * at which the store answers here.
   */
  steadyState(client: FleetLockClient, gone: AbortSignal): Promise<FleetLockOutcome> {
    return this.#serve(client, false, async (group, timeoutMs) => {
      const { id, bootId } = client;
      const boot = bootId === undefined ? {} : { bootId };
      const { state } = await group.steady({ node: id, by: id, timeoutMs, signal: gone, ...boot });
      return { ok: true, facts: { id, group: client.group, state } };
    });
  }

  /** @param makesGroup - Whether the call leaves something in a group that did not exist. */
  async #serve(
    client: FleetLockClient,
    makesGroup: boolean,
    work: (
      group: Pick<RebootGroup, 'tryAcquire' | 'steady'>,
      timeoutMs: number,
    ) => Promise<FleetLockOutcome>,
  ): Promise<FleetLockOutcome> {
    const { reboots, admission, timeoutMs } = this.#parts;
    try {
      const refusal = await admission.refusalOf(client.group, makesGroup);
      if (refusal !== undefined) return { ok: false, refusal: noGroup(client.group, refusal) };
      return await work(reboots(client.group), timeoutMs);
    } catch (error) {
      return { ok: false, refusal: refusalOf(error) };
    }
  }
}

function noGroup(group: string, refusal: GroupRefusal): FleetLockRefusal {
  if (refusal === 'unknown') {
    const value = `group "${group}" has no policy, and this member serves none without`;
    return { status: 400, kind: 'unknown_group', value };
  }
  const value = `group "${group}" does not exist, and there are ${LIMITS.fleetLockGroups} already, beyond which an operator makes them: tidelock reboot set-max 1 --group ${group}`;
  return { status: 403, kind: 'too_many_groups', value };
}

/** What a client is told of a failure; what nobody expects is passed on. */
function refusalOf(error: unknown): FleetLockRefusal {
  if (isCoordinationError(error, 'InvalidArgument')) {
    return { status: 400, kind: 'invalid_request', value: error.message };
  }
  if (isCoordinationError(error, 'StoreRefused')) {
    return { status: 503, kind: 'store_refused', value: error.message };
  }
  if (isCoordinationError(error)) {
    const value = `the store did not answer: ${error.message}`;
    return { status: 503, kind: 'unavailable', value };
  }
  throw error;
}
