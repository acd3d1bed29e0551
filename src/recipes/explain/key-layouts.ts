import { BARRIER_LAYOUT, DOUBLE_BARRIER_LAYOUT, LATCH_LAYOUT } from '../barrier/barrier-layout.js';
import type { KeyLayout } from '../base/key-layout.js';
import { CONFIG_LAYOUT } from '../config/config-layout.js';
import { COUNTER_LAYOUT } from '../counter/counter-layout.js';
import { ELECTION_LAYOUT } from '../election/election-layout.js';
import { LOCK_LAYOUT } from '../lock/lock-layout.js';
import { READ_WRITE_LAYOUT } from '../lock/read-write-layout.js';
import { MEMBERSHIP_LAYOUT } from '../membership/membership-layout.js';
import { QUEUE_LAYOUT } from '../queue/queue-layout.js';
import { REBOOT_LAYOUT } from '../reboot/reboot-layout.js';
import { SEMAPHORE_LAYOUT } from '../semaphore/semaphore-layout.js';
import { STM_LAYOUT } from '../stm/stm-layout.js';

/**
 * The keys of every recipe, as its own folder describes them. Nothing here decides where a key is:
 * it is what people and other programs may rely on.
 *
 * @example
 * for (const { recipe, pattern, meaning } of KEY_LAYOUTS) console.log(recipe, pattern, meaning);
 */
export const KEY_LAYOUTS: readonly KeyLayout[] = [
  ...LOCK_LAYOUT,
  ...READ_WRITE_LAYOUT,
  ...SEMAPHORE_LAYOUT,
  ...BARRIER_LAYOUT,
  ...DOUBLE_BARRIER_LAYOUT,
  ...LATCH_LAYOUT,
  ...QUEUE_LAYOUT,
  ...MEMBERSHIP_LAYOUT,
  ...COUNTER_LAYOUT,
  ...STM_LAYOUT,
  ...ELECTION_LAYOUT,
  ...CONFIG_LAYOUT,
  ...REBOOT_LAYOUT,
];
