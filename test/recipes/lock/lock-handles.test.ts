// Proves that handles on one session are owners of their own, in every order of lock, try-lock and
// unlock on two of them. Locks whose entries are keyed by the session fail this: there a second
// handle has the lock at once, either unlock frees both, and a try deletes the other's entry.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import type { HeldLock } from '../../../src/recipes/lock/held-lock.js';
import type { Lock } from '../../../src/recipes/lock/lock.js';
import { World } from '../../support/world.js';

const STEPS = ['lock', 'try', 'unlock'] as const;
type Step = (typeof STEPS)[number];
const LENGTH = 4;

/** A handle and what has become of it. */
class Owner {
  readonly #lock: Lock;
  /** Everything that it was given, in order. */
  readonly holds: HeldLock[] = [];
  waiting = false;

  constructor(lock: Lock) {
    this.#lock = lock;
  }

  get held(): HeldLock | undefined {
    return this.holds.find((held) => !held.signal.aborted);
  }

  async do(step: Step): Promise<void> {
    const busy = this.waiting || this.held !== undefined;
    try {
      if (step === 'unlock') return await this.#unlock();
      if (step === 'try') {
        const tried = await this.#lock.tryAcquire();
        if (tried.ok) this.holds.push(tried.held);
      } else this.#wait();
      assert.ok(!busy || step === 'lock', 'a handle that has it was let in again');
    } catch (error) {
      assert.ok(busy && isCoordinationError(error, 'WouldDeadlock'), String(error));
    }
  }

  #wait(): void {
    const busy = this.waiting || this.held !== undefined;
    this.#lock.acquire().then(
      (held) => {
        this.waiting = false;
        this.holds.push(held);
      },
      (error: unknown) => {
        assert.ok(busy && isCoordinationError(error, 'WouldDeadlock'), String(error));
      },
    );
    this.waiting ||= !busy;
  }

  /** Also gives back, once more, what was given back before: that must touch nobody. */
  async #unlock(): Promise<void> {
    for (const held of this.holds) await held.release();
  }
}

describe('two handles on one session', () => {
  it(`exclude each other in every order of ${LENGTH} steps`, async () => {
    let grants = 0;
    const orders = (2 * STEPS.length) ** LENGTH;
    for (let order = 0; order < orders; order++) {
      const world = new World();
      const { coord } = world.client('a');
      const owners = [new Owner(coord.lock('x')), new Owner(coord.lock('x'))] as const;
      const steps: string[] = [];
      for (let at = 0, rest = order; at < LENGTH; at++) {
        const who = rest % 2;
        const step = STEPS[Math.floor(rest / 2) % STEPS.length] as Step;
        rest = Math.floor(rest / (2 * STEPS.length));
        steps.push(`${step} ${who}`);
        await owners[who as 0 | 1].do(step);
        // Answers of the model store are microtasks; no time has to pass for them.
        for (let i = 0; i < 40; i++) await Promise.resolve();
        const held = owners.filter((owner) => owner.held !== undefined);
        const waiting = owners.filter((owner) => owner.waiting);
        assert.ok(held.length <= 1, `two hold after ${steps.join(', ')}`);
        assert.equal(world.keys('x/').length, held.length + waiting.length, steps.join(', '));
        if (waiting.length > 0) assert.equal(held.length, 1, `nobody after ${steps.join(', ')}`);
        held[0]?.held?.assertHeld();
      }
      grants += owners[0].holds.length + owners[1].holds.length;
    }
    assert.ok(grants > orders / 2, `only ${grants} grants in ${orders} orders`);
  }).timeout(60_000);
});
