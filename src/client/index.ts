/** The public door `tidelock/client`: a store on a server. */
export { askMember, type MemberReport } from './ask-member.js';
export { connect } from './connect.js';
export type { ConnectOptions, TlsOptions, WriteRepetition } from './options.js';
