import type { Network } from '../../ports/network.js';

/** For a member without others: what it sends is lost, and nothing arrives. */
export const NO_NETWORK: Network = {
  send: () => undefined,
  onFrame: () => undefined,
  setPeers: () => undefined,
};
