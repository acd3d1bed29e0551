import type { SimStore } from '../clients/sim-store.js';
import type { SimDice } from '../sim-dice.js';
import type { SimMachine } from '../sim-machine.js';
import type { SimProcess } from '../sim-process.js';

/** One client of a scenario: a machine of its own, a process on it, and a store. */
export interface SimClient {
  readonly number: number;
  readonly machine: SimMachine;
  readonly process: SimProcess;
  readonly store: SimStore;
  readonly dice: SimDice;
  /** Resolves after so many milliseconds of the client's own time; never when it is gone. */
  readonly pause: (ms: number) => Promise<void>;
}
