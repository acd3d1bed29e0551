import type { World } from '../scenario/world.js';
import { barrierWorkload } from './barrier-workload.js';
import { bootWorkload } from './boot-workload.js';
import { cacheWorkload } from './cache-workload.js';
import { compactWorkload } from './compact-workload.js';
import { configWorkload } from './config-workload.js';
import { counterWorkload } from './counter-workload.js';
import { electionWorkload } from './election-workload.js';
import { gateWorkload } from './gate-workload.js';
import { guardWorkload } from './guard-workload.js';
import { kvWorkload } from './kv-workload.js';
import { latchWorkload } from './latch-workload.js';
import { leaseWorkload } from './lease-workload.js';
import { lockWorkload } from './lock-workload.js';
import { lockSetWorkload } from './lock-set-workload.js';
import { memberWorkload } from './member-workload.js';
import { queueWorkload } from './queue-workload.js';
import { readWriteWorkload } from './read-write-workload.js';
import { rebootRulesWorkload } from './reboot-rules-workload.js';
import { rebootWorkload } from './reboot-workload.js';
import { rolloutWorkload } from './rollout-workload.js';
import { semaphoreWorkload } from './semaphore-workload.js';
import { transactionWorkload } from './transaction-workload.js';
import { transferWorkload } from './transfer-workload.js';
import { viewWorkload } from './view-workload.js';
import { watchWorkload } from './watch-workload.js';

/** What clients do until the world says that it is ending; resolves when they have stopped. */
type Workload = (world: World) => Promise<void>;

/** Every workload, by name. */
export const WORKLOADS = {
  kv: kvWorkload,
  watch: watchWorkload,
  lease: leaseWorkload,
  compact: compactWorkload,
  lock: lockWorkload,
  election: electionWorkload,
  reboots: rebootWorkload,
  config: configWorkload,
  semaphore: semaphoreWorkload,
  readWrite: readWriteWorkload,
  lockSets: lockSetWorkload,
  queue: queueWorkload,
  gates: gateWorkload,
  latches: latchWorkload,
  counter: counterWorkload,
  members: memberWorkload,
  transfers: transferWorkload,
  rebootRules: rebootRulesWorkload,
  barriers: barrierWorkload,
  transactions: transactionWorkload,
  caches: cacheWorkload,
  views: viewWorkload,
  rollouts: rolloutWorkload,
  guards: guardWorkload,
  boots: bootWorkload,
} as const satisfies Record<string, Workload>;

export type WorkloadName = keyof typeof WORKLOADS;
