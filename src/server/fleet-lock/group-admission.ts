import type { Clock } from '../../ports/clock.js';
import type { RebootGroups } from '../../recipes/index.js';
import { LIMITS } from '../../store/index.js';

/** Why a group is not served. */
export type GroupRefusal = 'unknown' | 'too-many';

export interface GroupAdmissionParts {
  readonly groups: Pick<RebootGroups, 'has' | 'list'>;
  /** Whether a request may make a group, or only those that exist are served. */
  readonly makesGroups: boolean;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly timeoutMs: number;
}

/**
 * Says which groups are served. A group that exists is; one that does not is made by the first
 * request of it, so that whoever can reach the port could make any number of them: beyond a bound
 * none is made that way. The groups are counted now and then, and by this member alone in between,
 * so several members together may make a few more than the bound.
 */
export class GroupAdmission {
  readonly #parts: GroupAdmissionParts;
  /** How many there are, with those that were admitted since the count. */
  #count = 0;
  #countedMs: number | undefined;
  #counting: Promise<void> | undefined;

  constructor(parts: GroupAdmissionParts) {
    this.#parts = parts;
  }

  /**
   * Undefined when the group is served.
   * @param makes - Whether the request would make the group.
   * @throws CoordinationError what asking the store throws
   */
  async refusalOf(group: string, makes: boolean): Promise<GroupRefusal | undefined> {
    const { groups, makesGroups, timeoutMs } = this.#parts;
    if (makesGroups && !makes) return undefined;
    if (await groups.has(group, { timeoutMs })) return undefined;
    if (!makesGroups) return 'unknown';
    await this.#recount();
    if (this.#count >= LIMITS.fleetLockGroups) return 'too-many';
    this.#count += 1;
    return undefined;
  }

  /** Counts when the last count is old; all who want it meanwhile wait for the same one. */
  async #recount(): Promise<void> {
    const ageMs = this.#parts.clock.monotonic() - (this.#countedMs ?? -Infinity);
    if (ageMs < LIMITS.fleetLockGroupsMs) return;
    this.#counting ??= this.#countNow().finally(() => {
      this.#counting = undefined;
    });
    await this.#counting;
  }

  async #countNow(): Promise<void> {
    const { groups, clock, timeoutMs } = this.#parts;
    const names = await groups.list({ limit: LIMITS.fleetLockGroups, timeoutMs });
    this.#count = names.length;
    this.#countedMs = clock.monotonic();
  }
}
