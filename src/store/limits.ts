/**
 * Every bound of Tidelock, once. Sizes in bytes, times in milliseconds unless the name says
 * otherwise.
 *
 * @example
 * console.log(`at most ${LIMITS.txnOperations} operations in one transaction`);
 */
export const LIMITS = {
  /** Largest encoded request (etcd's --max-request-bytes). */
  requestBytes: 1_572_864,
  /** What a gRPC message may be larger than that. */
  grpcOverheadBytes: 524_288,
  /** Largest number of comparisons, of success and of failure operations in one txn, each. */
  txnOperations: 128,
  /** How deep txns may be nested. */
  txnDepth: 16,
  /** Entry bytes in one raft append message. */
  raftMessageBytes: 1_048_576,
  /** Append messages under way to one follower. */
  raftInflightMessages: 512,
  /** Entry bytes under way to one follower. */
  raftInflightBytes: 67_108_864,
  /** Entry bytes proposed and not committed. */
  raftUncommittedBytes: 268_435_456,
  /** Entries committed and not yet applied beyond which proposals are refused. */
  applyBacklogEntries: 5000,
  /** Time that a member applies entries before heartbeats, messages and others have their turn. */
  applyTurnMs: 25,
  /** Proposals that may wait for the log at once. */
  waitingProposals: 20_000,
  /** Bytes of proposals that wait for the log or in it, beyond which others are refused. */
  waitingProposalBytes: 268_435_456,
  /** Linearizable reads that may wait for their index at once. */
  waitingReads: 100_000,
  /** Commands in one log entry. */
  entryCommands: 4096,
  /** Bytes of commands in one log entry, unless one command alone is larger. */
  entryBytes: 1_048_576,
  /** Rows in the write buffer that force a flush to the backend. */
  backendBatchRows: 2000,
  /** Rows in the write buffer beyond which applying waits for the backend. */
  backendBacklogRows: 200_000,
  /** Bytes of values in the write buffer that force a flush to the backend, */
  backendBatchBytes: 33_554_432,
  /** and beyond which applying waits for it. */
  backendBacklogBytes: 134_217_728,
  /** Longest time that a row stays in the write buffer only. */
  backendBatchMs: 100,
  /** Bytes of leaves from which on a row of the index's checkpoint takes no further leaf. */
  checkpointRowBytes: 65_536,
  /** Bytes of such rows that one backend transaction takes while the checkpoint is written. */
  checkpointBatchBytes: 8_388_608,
  /** Rows that one step of a compaction visits. */
  compactionBatchRows: 1000,
  /** Pause between two steps of a compaction. */
  compactionPauseMs: 10,
  /** Rows that one step of a hash of the store reads, */
  hashStepRows: 1000,
  /** and the bytes of values after which it reads no further row. */
  hashStepBytes: 1_048_576,
  /** Largest lease TTL, in seconds. */
  leaseTtlMaxSeconds: 9_000_000_000,
  /** Leases that one tick may propose to expire. */
  leaseExpiryBatch: 1000,
  /** How often the leader looks for leases that ran out. */
  leaseExpiryCheckMs: 500,
  /** Time until an expiry that was proposed and not applied is proposed again. */
  leaseExpiryRetryMs: 3000,
  /** Time between two notes in the log of what is left of leases longer than that; */
  leaseCheckpointMs: 300_000,
  /** leases in one of them, */
  leaseCheckpointBatch: 1000,
  /** and leases that one step looks at to find them. */
  leaseCheckpointVisits: 20_000,
  /** Revisions that one catching-up step of a watcher may read. */
  watchSliceRevisions: 1000,
  /** Batches that may wait in one watcher before it falls back to catching up. */
  watchBufferBatches: 128,
  /** The bytes of keys and values in them; one batch may wait however large it is. */
  watchBufferBytes: 1_048_576,
  /** Published revisions that are kept in memory for watchers that fell behind, */
  watchRecentRevisions: 1024,
  /** and the bytes of keys and values in them. */
  watchRecentBytes: 16_777_216,
  /** Largest previous value that is kept with an event for the next watcher that wants it. */
  watchPreviousBytes: 4096,
  /** A watch response larger than this is sent in fragments to those who asked for them. */
  watchFragmentBytes: 2_097_152,
  /** Bytes of messages that a stream has not passed on, beyond which it takes no more, */
  streamUnsentBytes: 1_048_576,
  /** and the size up to which a message is not counted, for there are never many of them. */
  streamSmallMessageBytes: 4096,
  /** Watchers on one stream. */
  watchersPerStream: 10_000,
  /** Time between progress notifications, plus up to 10 % of chance. */
  watchProgressMs: 600_000,
  /** WAL segment. */
  walSegmentBytes: 64_000_000,
  /** Largest WAL record that a reader believes. */
  walRecordBytes: 67_108_864,
  /** Entries of one append beyond which it is written as several records. */
  walAppendBytes: 16_777_216,
  /** Bytes of entries that an append without sync may leave in memory. */
  walUnsyncedBytes: 1_048_576,
  /** Quiet time after which the log notes that all of it is synced. */
  walIdleMarkMs: 1000,
  /** Applied entries between two snapshot marks, which allow older WAL segments to go. */
  snapshotEntries: 10_000,
  /** Bytes of entries after which a snapshot mark is made, however few the entries. */
  snapshotBytes: 67_108_864,
  /** Entries kept in memory behind a snapshot mark for members that lag. */
  snapshotCatchUpEntries: 5000,
  /** Bytes of rows from which on a chunk of a state image takes no further row, */
  imageChunkBytes: 65_536,
  /** and the largest that a reader believes: one row may be as large as a log record. */
  imageChunkBytesMax: 134_217_728,
  /** Largest header of a state image that a reader believes. */
  imageHeaderBytesMax: 65_536,
  /** Bytes of a state image that are read from its file at once, */
  imageReadBytes: 1_048_576,
  /** and rows of it that are stored in one transaction, between which the member serves. */
  imageStepRows: 5000,
  /** Images of the state that may be read by clients at once; each holds a view of the backend. */
  imagesAtOnce: 4,
  /** Bytes of a state image in one frame to another member. */
  snapshotPieceBytes: 262_144,
  /** Bytes of a state image that may be under way to one member. */
  snapshotWindowBytes: 2_097_152,
  /** Silence after which a member asks again for the next piece of a state image. */
  snapshotRefetchMs: 1000,
  /** Silence after which one that sends or receives a state image gives it up. */
  snapshotIdleMs: 30_000,
  /** Cost of a key-value pair for the quota, besides its bytes. */
  quotaPairOverheadBytes: 256,
  /** Cost of a lease for the quota. */
  quotaLeaseBytes: 64,
  /** Backend size at which the NOSPACE alarm is raised. */
  quotaBackendBytes: 2_147_483_648,
  /** Free bytes of the disk below which it is raised: a segment of the log, and as much again. */
  diskReserveBytes: 134_217_728,
  /** Time between two looks at them. */
  diskCheckMs: 250,
  /** Revisions that a watch response may join. */
  watchResponseRevisions: 100,
  /** Size from which a watch response takes no further revision in. */
  watchResponseBytes: 1_048_576,
  /** Requests of one lease stream that may wait for their answer. */
  leaseStreamRequests: 128,
  /** Calls of one pipe that may wait for their answer. */
  pipeCalls: 8192,
  /** Size from which a message of a pipe takes no further call or answer in. */
  pipeMessageBytes: 65_536,
  /** The longest request that goes through a pipe: a longer one would hold up those behind it. */
  pipeRequestBytes: 65_536,
  /** Pairs that a range may give through a pipe, for the same reason. */
  pipeRangePairs: 128,
  /** How long a client waits for a pipe to open, and for one that it ended to be over. */
  pipeOpenMs: 2000,
  /** How long a client keeps a pipe that nobody uses; two calls within it open one. */
  pipeIdleMs: 1000,
  /** How long a client calls one by one where a pipe was refused, before it asks again. */
  pipeRefusedMs: 60_000,
  /** Client connections of one member. */
  clientConnections: 20_000,
  /**
   * How long a new connection may take to say what it speaks, and then to send a request's head.
   */
  connectionFirstBytesMs: 5000,
  /**
   * How long a client that waits for our settings may go without a call before it has a session.
   */
  firstCallWaitMs: 1000,
  /** Bytes that such a client may send before it acknowledges them: a window of data and more. */
  http2FirstBytes: 131_072,
  /** How long an HTTP request may take to arrive. */
  httpRequestMs: 10_000,
  /** Largest body of a FleetLock request, and longest text in one. */
  fleetLockBodyBytes: 65_536,
  fleetLockTextCharacters: 256,
  /**
   * Reboot groups among which a request of FleetLock makes a new one, and which metrics have labels
   * for; those that somebody set up are served beyond.
   */
  fleetLockGroups: 500,
  /** How long a count of the reboot groups is believed. */
  fleetLockGroupsMs: 10_000,
  /** Time that a call may take, besides two election timeouts. */
  requestBaseMs: 5000,
  /**
   * How long the read behind a health probe may take, or two election timeouts if they are more.
   */
  probeReadMs: 2000,
  /** Between two looks of a member that starts at whether it can serve. */
  readyLookMs: 50,
  /**
   * How long a stopping member waits for connections on which no call is under way; a call gets as
   * long as it would have had anyway.
   */
  stopQuietMs: 1000,
  /** Encoded events that are kept for the next watcher that sees them; a power of two. */
  eventCacheEntries: 1024,
  /** Largest encoded event that is kept. */
  eventCacheEntryBytes: 4096,
  /** How long a client tries a call again that may be tried again. */
  clientRetryMs: 15_000,
  /** A client's pause before the second try; it doubles from then on. */
  clientBackoffFirstMs: 25,
  /** A client's longest pause between two tries. */
  clientBackoffMaxMs: 1000,
  /** How long a client waits for one endpoint to answer before it turns to the next. */
  clientDialMs: 2000,
  /** How long it waits before it asks the next one as well. */
  clientDialStaggerMs: 300,
  /** How long a client leaves an endpoint alone that failed; it doubles with each failure, */
  clientAvoidFirstMs: 500,
  /** up to this. */
  clientAvoidMaxMs: 10_000,
  /** Wait for an answer after which a client looks whether the member serves. */
  clientStallMs: 1500,
  /** Silence of a stream after which a client looks whether its member serves. */
  clientQuietMs: 5000,
  /** Time between two looks at the list of members. */
  clientMemberSyncMs: 30_000,
  /** The same after a member was lost or another came into use. */
  clientMemberSyncSoonMs: 1000,
  /** How long `connect` tries unless told otherwise. */
  clientConnectMs: 5000,
  /** Time between two looks at the member's status while somebody watches it. */
  clientStatusPollMs: 5000,
  /** The same while the member does not answer. */
  clientStatusRetryMs: 500,
  /** How long a client keeps a shared stream that nobody uses. */
  clientStreamIdleMs: 5000,
  /**
   * Silence after which a client asks whether the connection lives (etcd refuses less than 5 s).
   */
  clientPingMs: 10_000,
  /** How long the answer may take before the connection counts as dead. */
  clientPingTimeoutMs: 3000,
  /** Frames that may wait for one lane of one peer, */
  peerQueueFrames: 4096,
  /** and the bytes of frames: in the lane of heartbeats and votes, */
  peerUrgentQueueBytes: 4_194_304,
  /** in that of entries, which takes all that may be under way to one follower, */
  peerLogQueueBytes: 67_108_864,
  /** and in that of snapshots. */
  peerBulkQueueBytes: 16_777_216,
  /** Bytes of frames from which on a message to a peer takes no further frame. */
  peerBatchBytes: 1_048_576,
  /** Largest frame: a record that the log believes, and what is around it. */
  peerFrameBytes: 68_157_440,
  /** Frames that may wait on the way back to a caller that is no peer. */
  peerAnswerFrames: 64,
  /** Connections that other members may have open to one member, */
  peerConnections: 256,
  /** and streams on each of them. */
  peerStreamsPerConnection: 16,
  /** How long a connection to a peer may stay without a stream. */
  peerIdleMs: 10_000,
  /** How long a peer may take to accept a stream before its next address is tried. */
  peerDialMs: 2000,
  /** Pause after the first connection to a peer that failed; it doubles from then on, */
  peerBackoffFirstMs: 50,
  /** up to this. */
  peerBackoffMaxMs: 1000,
  /** How often a peer that lost all streams is looked for, as long as somebody listens there, */
  peerKnocks: 5,
  /** and the pause in between. */
  peerKnockPauseMs: 20,
  /** Silence after which a member asks whether a peer's connection lives, */
  peerPingMs: 2000,
  /** and how long the answer may take before the connection counts as dead. */
  peerPingTimeoutMs: 3000,
  /** Time between two measurements of the way to a peer and back (etcd's). */
  peerProbeMs: 4000,
  /** How long a new member asks the others whether it was there before. */
  peerAskMs: 1000,
  /** How long a member that joins looks for one that knows it. */
  peerJoinMs: 15_000,
  /** Pause between two rounds of that. */
  peerJoinPauseMs: 500,
  /** How long a stopping leader may take to hand over. */
  stepAsideMs: 2000,
  /** Frames of other members that may wait for the loop, */
  peerInboxFrames: 8192,
  /** and their bytes; what comes beyond is dropped, as if the network had lost it. */
  peerInboxBytes: 134_217_728,
  /** Proposals forwarded to a leader that it has not taken yet; others wait and share entries. */
  forwardFrames: 16,
  /** How often a proposal that this member cannot read may come before it is passed over. */
  forwardTries: 3,
  /** Starts of members that may forward proposals in one term. */
  forwardStreams: 4096,
  /** Calls to other members that may wait for an answer. */
  peerCalls: 4096,
  /** Calls of a member that are remembered, so that a frame which comes twice is answered once. */
  peerCallMemory: 8192,
  /** Members of which is remembered when they were heard. */
  peerMemory: 256,
  /** Starts of one member that were refused as second ones. */
  peerRefusedStarts: 16,
  /** Starts of one member, in one term, of which is remembered what was promised before them. */
  peerStarts: 16,
  /** Pause between two notices about frames that were turned away. */
  peerWarningMs: 10_000,
  /** Removed members whose addresses are kept, to tell them. */
  peerRemovedAddresses: 16,
  /** Bytes of entries kept in memory behind a snapshot mark for members that lag. */
  snapshotCatchUpBytes: 67_108_864,
  /** Pause before a member tries again to publish itself. */
  publishPauseMs: 500,
  /** Learners that a cluster may have (etcd's --max-learners). */
  learners: 1,
} as const;
