import { type Coordination, coordinate } from '../../recipes/index.js';
import type { Store } from '../../store/index.js';
import type { MetricsPage } from '../metrics/page.js';
import { FleetLockDesk } from './fleet-lock-desk.js';
import { FleetLockEndpoint } from './fleet-lock-endpoint.js';
import { GroupAdmission } from './group-admission.js';
import { addRebootMetrics } from './reboot-metrics.js';

export interface FleetLockSideParts {
  readonly store: Store;
  /** The member's name, for the audit trail. */
  readonly name: string;
  readonly timeoutMs: number;
  /** Whether every group may ask, or only those that exist: because somebody set their policy. */
  readonly groups: 'any' | 'known';
  readonly page: MetricsPage;
}

/**
 * What a member does about reboots itself: FleetLock's endpoint and the metrics of the groups. Owns
 * the recipes that this takes; they ask nothing of the store while nobody asks them.
 */
export class FleetLockSide {
  readonly endpoint: FleetLockEndpoint;
  readonly #coordination: Coordination;

  constructor({ store, name, timeoutMs, groups, page }: FleetLockSideParts) {
    const coordination = coordinate(store, { identity: name });
    this.#coordination = coordination;
    const admission = new GroupAdmission({
      groups: coordination.rebootGroups(),
      makesGroups: groups === 'any',
      clock: store.clock,
      timeoutMs,
    });
    const desk = new FleetLockDesk({
      reboots: (group) => coordination.reboots(group),
      admission,
      timeoutMs,
    });
    this.endpoint = new FleetLockEndpoint(desk);
    addRebootMetrics(page, coordination, this.endpoint);
  }

  /** What is under way is answered that the member is not available. */
  close(): Promise<void> {
    return this.#coordination.close();
  }
}
