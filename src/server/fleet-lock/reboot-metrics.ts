import { type Coordination, isCoordinationError, type RebootStatus } from '../../recipes/index.js';
import { LIMITS } from '../../store/index.js';
import type { MetricsPage, Reading } from '../metrics/page.js';
import type { FleetLockEndpoint } from './fleet-lock-endpoint.js';

/**
 * The groups as numbers, read when the page is asked for. Those that airlock has keep its names, so
 * that dashboards and alerts need no change; what it has no word for has one of ours. While the
 * store does not answer, the numbers of the last time stand. Of very many groups the first by name
 * are shown, for every label is a series in whatever collects them.
 */
export function addRebootMetrics(
  page: MetricsPage,
  coordination: Coordination,
  endpoint: FleetLockEndpoint,
): void {
  const groups = new GroupStatuses(coordination);
  const gauge = (name: string, help: string, of: (status: RebootStatus) => number): void => {
    page.gauges(name, help, ['group'], async () => {
      const statuses = await groups.read();
      return statuses.map((status): Reading[number] => [{ group: status.group }, of(status)]);
    });
  };
  page.gauges('airlock_config_groups', 'Reboot groups that exist.', [], async () => [
    [{}, (await groups.read()).length],
  ]);
  gauge('airlock_config_semaphore_slots', 'Slots by the policy of the group.', ({ max }) => max);
  gauge('airlock_database_semaphore_slots', 'Slots that may be taken at once.', ({ max }) => max);
  gauge(
    'airlock_database_semaphore_lock_holders',
    'Nodes that have a slot.',
    ({ holders }) => holders.length,
  );
  gauge('tidelock_reboot_stuck', 'Nodes that are not back in time.', ({ stuck }) => stuck);
  gauge('tidelock_reboot_waiting', 'Nodes that wait for a slot.', ({ queue }) => queue.length);
  gauge('tidelock_reboot_exhausted', '1 when too many are stuck for others to go on.', (status) =>
    status.exhausted ? 1 : 0,
  );
  page.counter(
    'airlock_v1_pre_reboot_incoming_requests_total',
    'Requests of machines that want to reboot.',
    () => endpoint.counts.preReboot,
  );
  page.counter(
    'airlock_v1_steady_state_incoming_requests_total',
    'Requests of machines that are up again.',
    () => endpoint.counts.steadyState,
  );
}

/** How long a page of metrics waits for the store. */
const PATIENCE_MS = 250;

/** All groups, read once for all numbers of a page. */
class GroupStatuses {
  readonly #coordination: Coordination;
  #last: readonly RebootStatus[] = [];
  #reading: Promise<readonly RebootStatus[]> | undefined;

  constructor(coordination: Coordination) {
    this.#coordination = coordination;
  }

  /** What is known after a short while; a read that takes longer serves the next page. */
  read(): Promise<readonly RebootStatus[]> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return Promise.race([this.#reading, this.#lastAfter(PATIENCE_MS)]);
  }

  #lastAfter(ms: number): Promise<readonly RebootStatus[]> {
    return new Promise((resolve) => {
      setTimeout(() => resolve(this.#last), ms).unref();
    });
  }

  async #read(): Promise<readonly RebootStatus[]> {
    const timeoutMs = LIMITS.probeReadMs;
    const limit = LIMITS.fleetLockGroups;
    try {
      const names = await this.#coordination.rebootGroups().list({ limit, timeoutMs });
      this.#last = await Promise.all(
        names.map((name) => this.#coordination.reboots(name).status({ timeoutMs })),
      );
    } catch (error) {
      if (!isCoordinationError(error)) throw error;
    }
    return this.#last;
  }
}
