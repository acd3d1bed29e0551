/** The public door `tidelock/client`: a store on a server. */
export { askMember, type MemberReport } from './ask-member.js';
export {
  ClusterAdmin,
  type ClusterAlarm,
  type ClusterMember,
  type ClusterMembers,
} from './cluster-admin.js';
export { connect } from './connect.js';
export type { RemoteSnapshot, SnapshotPiece } from './remote-snapshot.js';
export type { ConnectOptions, TlsOptions, WriteRepetition } from './options.js';
