import type { Trace } from '../../src/ports/trace.js';
import {
  DEFAULT_SETTINGS,
  type Kernel,
  openKernel,
  type ReplicaSettings,
} from '../../src/kernel/index.js';
import { SimBackend } from '../../src/simulation/sim-backend.js';
import { SimClock } from '../../src/simulation/sim-clock.js';
import { SimDisk } from '../../src/simulation/sim-disk.js';
import { SimRandom } from '../../src/simulation/sim-random.js';

/** The world of one member in a test: everything it can lose or keep in a crash. */
export interface SimWorld {
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly disk: SimDisk;
  readonly backend: SimBackend;
}

export function simWorld(seed: number): SimWorld {
  const random = new SimRandom(seed);
  return {
    clock: new SimClock(),
    random,
    disk: new SimDisk(random.split('disk')),
    backend: new SimBackend(random.split('backend')),
  };
}

/** Small limits, so that short tests meet segments, marks and flushes. */
export const SMALL_SETTINGS: ReplicaSettings = {
  ...DEFAULT_SETTINGS,
  snapshotEntries: 20,
  backendBatchRows: 50,
  walSegmentBytes: 64 * 1024,
};

export const SILENT: Trace = { event: () => undefined };

/** Opens a member in `world`. */
export function openSimKernel(
  world: SimWorld,
  settings: ReplicaSettings = SMALL_SETTINGS,
): Promise<Kernel> {
  return openKernel({
    disk: world.disk,
    backend: world.backend,
    clock: world.clock,
    random: world.random.split('kernel'),
    trace: SILENT,
    settings,
    clusterId: 0xc0n,
    member: {
      id: 0xa1n,
      name: 'one',
      peerUrls: ['http://127.0.0.1:2380'],
      clientUrls: ['http://127.0.0.1:2379'],
      isLearner: false,
    },
  });
}
