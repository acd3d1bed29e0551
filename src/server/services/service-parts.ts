import type { Kernel } from '../../kernel/index.js';
import type { WorkCounters } from '../metrics/work-counters.js';
import type { CallGate } from './call-gate.js';
import type { Registrar } from './registrar.js';

/** What the services are made of; one object for all of them, owned by the server. */
export interface ServiceParts {
  readonly kernel: Kernel;
  readonly gate: CallGate;
  readonly registrar: Registrar;
  readonly work: WorkCounters;
  readonly requestBytesMax: number;
  readonly watchProgressMs: number;
  /** Aborted when the member is about to stop. */
  readonly draining: AbortSignal;
  /** Streams that must end before the member does; services add and remove their own. */
  readonly openStreams: Set<OpenStream>;
}

export interface OpenStream {
  /** Ends the stream because the member stops. */
  stop(): void;
  /** Ends it because there has been no leader for long; absent where the client did not ask so. */
  readonly loseLeader?: () => void;
}
