import { type KeyRange, prefix } from '../../store/index.js';

/** Where every group's keys begin. */
export const REBOOT_ROOT = 'reboot/';

/** The keys of one reboot group; those that end with "/" take a name. */
export interface RebootKeys {
  readonly group: string;
  readonly root: string;
  readonly policy: string;
  readonly epoch: string;
  readonly slots: string;
  readonly dues: string;
  readonly cooldowns: string;
  readonly holds: string;
  readonly nodes: string;
  readonly wants: string;
  readonly polls: string;
  readonly passes: string;
  readonly log: string;
}

export function rebootKeys(group: string): RebootKeys {
  const root = `${REBOOT_ROOT}${group}/`;
  return {
    group,
    root,
    policy: `${root}policy`,
    epoch: `${root}epoch`,
    slots: `${root}slot/`,
    dues: `${root}due/`,
    cooldowns: `${root}cooldown/`,
    holds: `${root}hold/`,
    nodes: `${root}node/`,
    wants: `${root}want/`,
    polls: `${root}poll/`,
    passes: `${root}pass/`,
    log: `${root}log/`,
  };
}

/** Digits of a sequence number in a key, so that keys sort as numbers do. */
const SEQUENCE_DIGITS = 12;

/** The key of an entry of the audit trail. */
export function logKey(keys: RebootKeys, sequence: number): string {
  return keys.log + String(sequence).padStart(SEQUENCE_DIGITS, '0');
}

/**
 * Everything that can let a node go that waits, apart from the policy and the slots: cooldowns and
 * clocks that run out, every step that moves the epoch, and holds that end. These names lie beside
 * one another.
 */
export function stirring(keys: RebootKeys): KeyRange {
  return { key: keys.cooldowns, rangeEnd: prefix(keys.holds).rangeEnd ?? keys.log };
}
