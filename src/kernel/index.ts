/**
 * The public door `tidelock/kernel`: one member's store core, on ports that the caller provides.
 */
export type { Alarm } from './apply/alarms.js';
export type { AlarmType, MemberRecord } from './codec/command.js';
export { crc32c } from './codec/crc32c.js';
export type { Kernel, KernelStatus, KvHash, StateImage } from './kernel.js';
export { type KernelOptions, openKernel } from './open-kernel.js';
export type { ReplicaProbe } from './replica/probe.js';
export { StateMismatchError } from './replica/bootstrap.js';
export { DEFAULT_SETTINGS, leaseTtlMinSeconds, type ReplicaSettings } from './replica/settings.js';
export type { WatchCursor } from './watch/cursor.js';
