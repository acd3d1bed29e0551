/** The public door `tidelock/recipes`: coordination over any Store, without a container. */
export type { AsyncContext } from '../ports/async-context.js';
export type { Cipher } from '../ports/cipher.js';
export type {
  Command,
  CommandOptions,
  CommandOutcome,
  CommandRunner,
} from '../ports/command-runner.js';
export type { SavedBytes } from '../ports/saved-bytes.js';
export type { StagedFile, StagedFiles } from '../ports/staged-files.js';
export type { WaitOptions } from './base/cancel-scope.js';
export type { Prefixes, PrefixSnapshot, Snapshots } from './base/prefix-snapshot.js';
export type { Guarded } from './base/guarded.js';
export type { KeyLayout } from './base/key-layout.js';
export type { RecipeView, RecipeViewTerms } from './base/recipe-view.js';
export type { Participant, WaitPlan } from './base/wait-plan.js';
export type { CombinedAt, ValuesOf } from './compose/combine-at.js';
export type { CacheChange, CacheSnapshot } from './cache/cache-snapshot.js';
export type { CacheStatus, PrefixCache } from './cache/prefix-cache.js';
export type { AddOptions, Added, Counter, CounterReading } from './counter/counter.js';
export type { Sequence, SequenceOptions } from './counter/sequence.js';
export type { StmFunction, StmOptions } from './stm/stm.js';
export type { Pair, Transaction } from './stm/transaction.js';
export type { JoinOptions, Members } from './membership/members.js';
export type { Member, MembersChange, MembersView } from './membership/members-view.js';
export type { Membership, MembershipState } from './membership/membership.js';
export type { CacheTrouble, ConfigCacheOptions } from './config/config-cache.js';
export type { Accepted } from './config/config-accepted.js';
export type { Config, ConfigOptions } from './config/config.js';
export type {
  ApplyContext,
  ApplyOptions,
  ApplyStatus,
  ConfigConsumer,
  ConfigHandler,
} from './config/config-consumer.js';
export {
  type ConfigLayer,
  type EnvironmentOptions,
  fromEnvironment,
  type LayerValues,
} from './config/config-layers.js';
export type { ConfigReport, ConfigReports } from './config/config-reports.js';
export {
  type FileSink,
  type FileSinkOptions,
  type SinkHost,
  type SinkStatus,
  type SinkStep,
  sinkToFile,
} from './config/file-sink.js';
export { CONFIG_LAYOUT } from './config/config-layout.js';
export type {
  ConfigExplanation,
  LayeredConfig,
  LayeredConfigOptions,
  LayerSaying,
} from './config/layered-config.js';
export type { ConfigContent, ConfigRejection, ConfigStatus } from './config/config-status.js';
export type { LiveConfig } from './config/live-config.js';
export type { LiveConfigOptions, ReadyOptions } from './config/live-config-options.js';
export type { Rollout } from './config/rollout.js';
export type {
  RolloutGate,
  RolloutOptions,
  RolloutPermit,
  RolloutSource,
} from './config/rollout-options.js';
export type { RolloutFailure, RolloutFailureKind } from './config/rollout-marks.js';
export type { RolloutRule, RolloutState } from './config/rollout-state.js';
export type { RolloutStatus } from './config/rollout-status.js';
export { decodeTree, type RawConfig } from './config/config-decode.js';
export { Coordination, type CoordinationOptions, coordinate } from './coordination.js';
export type { CampaignOptions, Election, LeadOptions } from './election/election.js';
export type {
  Candidate,
  ElectionRule,
  ElectionStatus,
  LeaderInfo,
} from './election/election-status.js';
export type { TransferResult } from './election/transfer.js';
export {
  CoordinationError,
  type CoordinationErrorCode,
  type CoordinationErrorDetails,
  type CoordinationErrorOf,
  describeLoss,
  isCoordinationError,
  type LossCause,
  type LossErrorCode,
} from './errors.js';
export type { BrokenNote } from './base/broken-note.js';
export type { BreakOptions } from './lock/break-hold.js';
export type { HeldHandle } from './lock/held-handle.js';
export { KEY_LAYOUTS } from './explain/key-layouts.js';
export { explainKey, explainValue, type KeyExplanation } from './explain/explain-key.js';
export type { KeyPart } from './explain/match-layout.js';
export { FenceGate } from './lock/fence-gate.js';
export {
  FENCE_HEADER,
  fenceHeaders,
  fenceOf,
  type HeaderSource,
} from './lock/fence-header.js';
export {
  type FencedUpdate,
  fencedUpdate,
  type FencedUpdateTerms,
  type FenceSqlDialect,
  type SqlValue,
} from './lock/fence-sql.js';
export type { HeldLock } from './lock/held-lock.js';
export type { HeldLockSet, LockSetLoss } from './lock/held-lock-set.js';
export type { HeldRead, HeldWrite } from './lock/held-read-write.js';
export type {
  LockSet,
  LockSetOptions,
  LockSetStatus,
  TryAcquireAllResult,
} from './lock/lock-set.js';
export type {
  ReadWriteBreakOptions,
  ReadWriteLock,
  ReadWriteOptions,
  TryReadWriteResult,
} from './lock/read-write-lock.js';
export type {
  ReadWriteEntry,
  ReadWriteMode,
  ReadWriteRule,
  ReadWriteStatus,
} from './lock/read-write-status.js';
export type { BusyLock } from './lock/take-all.js';
export type { FailedGuard } from './compose/failed-guards.js';
export type { CommittedTxn, GuardedTxn, GuardedTxnResult } from './compose/guarded-txn.js';
export type { Leadership } from './election/leadership.js';
export type { Lock, LockBreakOptions, LockOptions, TryAcquireResult } from './lock/lock.js';
export type { LockEntry, LockRule, LockStatus } from './lock/lock-status.js';
export type { HoldOptions } from './lock/take-hold.js';
export type { JsonValue, Metadata } from './base/note.js';
export {
  foreignPrefixes,
  type ForeignSemaphore,
  type ForeignSource,
  readForeignSemaphore,
} from './reboot/foreign-semaphore.js';
export { isRebootGroupName } from './base/names.js';
export type { RebootGroup } from './reboot/reboots.js';
export type { RebootGroups } from './reboot/reboot-groups.js';
export type {
  RebootAcquireOptions,
  RebootActor,
  RebootChangeOptions,
  RebootForceOptions,
  RebootHoldOptions,
  RebootingOptions,
  RebootLogOptions,
  RebootNodeOptions,
  RebootPauseOptions,
  RebootReleaseOptions,
  RebootSteadyOptions,
  RebootTryOptions,
  RebootUnholdOptions,
} from './reboot/reboot-options.js';
export type {
  RebootMax,
  RebootOrder,
  RebootPause,
  RebootPolicy,
  RebootPolicyChange,
} from './reboot/reboot-policy.js';
export type { RebootRule } from './reboot/reboot-rule.js';
export type {
  RebootHold,
  RebootHolder,
  RebootLogEntry,
  RebootLogKind,
  RebootNode,
  RebootNote,
  RebootPhase,
  RebootPlan,
  RebootStatus,
  RebootSteady,
  RebootTry,
  RebootWaiter,
} from './reboot/reboot-status.js';
export {
  parseWindow,
  type RebootWindow,
  type Weekday,
  type WindowState,
  windowState,
  windowText,
} from './reboot/reboot-window.js';
export type {
  Barrier,
  BarrierStatus,
  CloseBarrierOptions,
  HoldBarrierResult,
} from './barrier/barrier.js';
export type { BarrierMember } from './barrier/barrier-member.js';
export type {
  DoubleBarrier,
  DoubleBarrierOptions,
  EnterBarrierOptions,
} from './barrier/double-barrier.js';
export type {
  BarrierGeneration,
  DoubleBarrierRule,
  DoubleBarrierStatus,
} from './barrier/double-barrier-status.js';
export type { HeldBarrier } from './barrier/held-barrier.js';
export type {
  CountDownOptions,
  CountDownResult,
  Latch,
  LatchOptions,
  OpenLatch,
} from './barrier/latch.js';
export type { LatchStatus } from './barrier/latch-state.js';
export type { HeldKey } from './base/key-hold.js';
export type { ConsumeOptions } from './queue/consume.js';
export type { DeadLetter, DeadLetters } from './queue/dead-letters.js';
export type { Message, NackOptions } from './queue/message.js';
export type { Queue, QueueOptions, ReceiveOptions } from './queue/queue.js';
export type { SendOptions, SendResult } from './queue/queue-send.js';
export type { QueueRule, QueueStatus } from './queue/queue-status.js';
export type { HeldPermit } from './semaphore/held-permit.js';
export type {
  PermitOptions,
  Semaphore,
  SemaphoreOptions,
  TryPermitResult,
} from './semaphore/semaphore.js';
export type { PermitEntry, SemaphoreOrder } from './semaphore/semaphore-state.js';
export type { SemaphoreRule, SemaphoreStatus } from './semaphore/semaphore-status.js';
export type {
  Barriers,
  Configs,
  Counters,
  Elections,
  Locks,
  Memberships,
  Queues,
  Reboots,
  Semaphores,
  Transactions,
  Views,
} from './services.js';
export { Session, type SessionOptions, type SessionState } from './base/session.js';
export type { StandardIssue, StandardResult, StandardSchema } from './config/standard-schema.js';
