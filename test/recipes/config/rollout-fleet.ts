// A fleet that rolls a configuration out, and keeps count of who did what.
import { z } from 'zod';
import type { Config } from '../../../src/recipes/config/config.js';
import type { Rollout } from '../../../src/recipes/config/rollout.js';
import type { RolloutOptions } from '../../../src/recipes/config/rollout-options.js';
import type { RolloutStatus } from '../../../src/recipes/config/rollout-status.js';
import type { Client, World } from '../../support/world.js';

export const Settings = z.object({ n: z.number() });
export type Values = z.infer<typeof Settings>;

export interface Instance {
  readonly client: Client;
  readonly config: Config<Values>;
  readonly rollout: Rollout<Values>;
}

/** Twelve instances, of which two may go at a time. */
export class Fleet {
  readonly world: World;
  readonly instances: Instance[] = [];
  readonly applied = new Map<string, number>();
  readonly attempts: (readonly [string, number])[] = [];
  readonly busy = new Set<string>();
  busiest = 0;
  isBad: (name: string, n: number) => boolean = () => false;
  isWell: (name: string, n: number) => boolean = () => true;
  status: RolloutStatus | undefined;

  constructor(world: World) {
    this.world = world;
    // Somebody who is not of the fleet looks on.
    const observer = world.client('observer').coord.config('app/', z.unknown());
    observer.rollout$.subscribe((status) => {
      this.status = status;
    });
  }

  set(n: number | string): void {
    this.world.server.run(() => this.world.server.kv.put({ key: 'app/n', value: `${n}` }));
  }

  add(name: string, options: Partial<RolloutOptions<Values>> = {}, max = 1000): Instance {
    const client = this.world.client(name);
    const config = client.coord.config('app/', z.object({ n: z.number().max(max) }));
    const gate = client.coord.semaphore('app-rollout', { initialLimit: 2 });
    const rollout = config.applyWith(gate, {
      apply: async ({ n }) => {
        this.attempts.push([name, n]);
        this.busy.add(name);
        this.busiest = Math.max(this.busiest, this.busy.size);
        await new Promise<void>((resolve) => client.clock.timer(100, resolve));
        if (this.isBad(name, n)) {
          this.busy.delete(name);
          throw new Error(`cannot run with ${n}`);
        }
        this.applied.set(name, n);
      },
      healthy: ({ n }) => this.isWell(name, n),
      soakMs: 5000,
      healthTimeoutMs: 10_000,
      ...options,
    });
    rollout.state$.subscribe(({ kind }) => {
      if (kind !== 'applying' && kind !== 'soaking') this.busy.delete(name);
    });
    const instance = { client, config, rollout };
    this.instances.push(instance);
    return instance;
  }

  fill(count: number, options: Partial<RolloutOptions<Values>> = {}): void {
    for (let i = 0; i < count; i++) this.add(`host-${i}`, options);
  }

  with(n: number): number {
    return [...this.applied.values()].filter((applied) => applied === n).length;
  }

  tried(n: number): number {
    return new Set(this.attempts.filter(([, tried]) => tried === n).map(([name]) => name)).size;
  }

  states(): string[] {
    return this.instances.map(({ rollout }) => rollout.state.kind);
  }
}
