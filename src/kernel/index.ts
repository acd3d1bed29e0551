/**
 * The public door `tidelock/kernel`: one member's store core, on ports that the caller provides.
 */
export type { Alarm } from './apply/alarms.js';
export type { AlarmType, MemberRecord } from './codec/command.js';
export { crc32c } from './codec/crc32c.js';
export type { Kernel, KernelStatus, KvHash, StateImage } from './kernel.js';
export { type KernelOptions, openKernel } from './open-kernel.js';
export type { ReplicaProbe } from './replica/probe.js';
export { memberExists } from './replica/member-exists.js';
export { StateMismatchError } from './replica/bootstrap.js';
export { MemberRefusedError } from './replica/member-refused-error.js';
export type { Refusal } from './codec/peer-body.js';
export { type RestoreOptions, restoreImage } from './replica/restore-image.js';
export type { ImageHeader } from './snapshot/image-format.js';
export { type ImageSummary, inspectImage } from './snapshot/inspect-image.js';
export { StateImageError } from './snapshot/state-image-error.js';
export { DEFAULT_SETTINGS, leaseTtlMinSeconds, type ReplicaSettings } from './replica/settings.js';
export type { WatchCursor } from './watch/cursor.js';
export { ClusterInvariants, type DurableView } from './raft/cluster-invariants.js';
export {
  checkMember,
  checkMemberStep,
  type MemberSnapshot,
  type MemberView,
  snapshotMember,
} from './raft/invariants.js';
export type { Message } from './raft/messages.js';
export type { ConfState, Entry, HardState, SnapshotMark } from './raft/types.js';
