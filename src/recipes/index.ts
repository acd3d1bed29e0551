/** The public door `tidelock/recipes`: coordination over any Store, without a container. */
export type { WaitOptions } from './cancel-scope.js';
export type {
  Config,
  ConfigContent,
  ConfigOptions,
  ConfigRejection,
  ConfigStatus,
} from './config.js';
export { decodeTree, type RawConfig } from './config-decode.js';
export { Coordination, type CoordinationOptions, coordinate } from './coordination.js';
export type { CampaignOptions, Election, LeaderInfo } from './election.js';
export {
  CoordinationError,
  type CoordinationErrorCode,
  type CoordinationErrorDetails,
  describeLoss,
  isCoordinationError,
  type LossCause,
} from './errors.js';
export type { HeldLock } from './held-lock.js';
export type { Leadership } from './leadership.js';
export type { Lock, LockEntry, LockOptions, TryAcquireResult } from './lock.js';
export type { JsonValue, Metadata } from './note.js';
export type {
  RebootHolder,
  RebootNote,
  RebootStatus,
  RebootWaiter,
} from './reboot-records.js';
export type { RebootAcquireOptions, RebootGroup, RebootReleaseOptions } from './reboots.js';
export type { Configs, Elections, Locks, Reboots } from './services.js';
export { Session, type SessionOptions, type SessionState } from './session.js';
export type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.js';
