/** The public door `tidelock/server`: a member that serves clients, and one inside the process. */
export { type AutoCompactionConfig } from './config/auto-compaction-config.js';
export { ConfigError } from './config/config-error.js';
export {
  environmentNames,
  type Flag,
  FLAGS,
  FLAGS_REFUSED,
  FLAGS_WITHOUT_EFFECT,
  type FlagGroup,
} from './config/flags.js';
export type { ClusterConfig } from './config/initial-cluster.js';
export type { ListenUrl } from './config/listen-url.js';
export type { Environment, GivenFlags } from './config/settings.js';
export { type LogConfig, parseServerConfig, type ServerConfig } from './config.js';
export { type EmbeddedOptions, openEmbedded } from './embedded.js';
export { createLog, type Log } from './log.js';
export { type Restored, type RestoreRequest, restoreSnapshot } from './restore.js';
export { type RunningServer, type ServerParts, startServer } from './server.js';
export { inspectSnapshot, SnapshotFileError, type SnapshotSummary } from './snapshot-file.js';
export { StartFailure } from './start-failure.js';
export { ETCD_VERSION, TIDELOCK_VERSION, versionLines } from './version.js';
