import type { Backend, BackendWrite } from '../ports/backend.js';
import type { DiskWeather } from './member-disk.js';
import { SimDice } from './sim-dice.js';
import type { SimBackend } from './sim-backend.js';
import type { SimProcess } from './sim-process.js';
import type { Simulation } from './simulation.js';

/**
 * A member's backend as one process has it open: commits take time on the simulation's queue, and
 * nothing that is left of the process after its end reaches the file. The rows, and what of a
 * commit survives, belong to the SimBackend.
 */
export class MemberBackend implements Backend {
  readonly #sim: Simulation;
  readonly #inner: SimBackend;
  readonly #process: SimProcess;
  readonly #weather: () => DiskWeather;
  readonly #dice: SimDice;
  #isBusy = false;

  constructor(sim: Simulation, inner: SimBackend, process: SimProcess, weather: () => DiskWeather) {
    this.#sim = sim;
    this.#inner = inner;
    this.#process = process;
    this.#weather = weather;
    this.#dice = new SimDice(sim.random.split(`backend ${process.name}`));
  }

  get: Backend['get'] = (...call) => this.#living.get(...call);
  range: Backend['range'] = (...call) => this.#living.range(...call);
  scan: NonNullable<Backend['scan']> = (...call) => this.#living.scan(...call);
  count: Backend['count'] = (...call) => this.#living.count(...call);
  size: Backend['size'] = () => this.#living.size();
  view: Backend['view'] = () => this.#living.view();

  commit(writes: readonly BackendWrite[]): Promise<void> {
    return this.#slowly(() => this.#inner.commit(writes));
  }

  replace(rows: AsyncIterable<readonly BackendWrite[]>, shown?: () => void): Promise<void> {
    return this.#slowly(() => this.#inner.replace(rows, shown));
  }

  defragment(): Promise<void> {
    return this.#slowly(() => this.#inner.defragment());
  }

  async close(): Promise<void> {
    if (this.#process.isAlive) await this.#inner.close();
  }

  #slowly(perform: () => Promise<void>): Promise<void> {
    if (!this.#process.enter()) return new Promise<never>(() => undefined);
    const { syncMinMs, syncMaxMs } = this.#weather();
    if (this.#isBusy) return Promise.reject(new Error('two durable calls of a backend at a time'));
    this.#isBusy = true;
    const delayMs = this.#dice.between(syncMinMs, syncMaxMs);
    return new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void =>
        this.#process.arrive(() => {
          this.#isBusy = false;
          settle();
        });
      this.#sim.after(delayMs, () => {
        if (!this.#process.isAlive) return;
        this.#sim.trace.note('backend', delayMs * 1024);
        perform().then(
          () => end(resolve),
          (error: unknown) => end(() => reject(error as Error)),
        );
      });
    });
  }

  get #living(): SimBackend {
    if (!this.#process.isAlive) throw new Error('a process that is gone used its backend');
    return this.#inner;
  }
}
