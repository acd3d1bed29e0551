import type { Clock } from '../../ports/clock.js';
import type { Random } from '../../ports/random.js';

/**
 * A number that no other start and no other directory has drawn. Chance alone would do, were it
 * not for simulations, where a member may be given the same chance twice: so the time goes in too.
 */
export function drawNonce(random: Random, clock: Clock, name: string): bigint {
  const wallMs = BigInt(Math.floor(clock.wall()));
  const nonce = random.split(name).int63() ^ (wallMs << 16n);
  const positive = BigInt.asUintN(63, nonce);
  return positive === 0n ? 1n : positive;
}
