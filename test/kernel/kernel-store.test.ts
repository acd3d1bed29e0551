// Proves that a member's own store keeps the Store contract, in virtual time on a simulated disk.
import { storeContract } from '../contract/store.js';
import { virtualHarness } from '../contract/virtual-harness.js';
import { openSimKernel, simWorld } from '../support/sim-kernel.js';

storeContract('the kernel in simulation', async () => {
  const world = simWorld(1);
  const kernel = await openSimKernel(world);
  return virtualHarness(kernel.store, world.clock);
});
