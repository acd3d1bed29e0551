import type { Meter, MeterName } from '../../ports/trace.js';
import { clusterObservers, type Observer } from './cluster-observers.js';
import type { MetricsPage } from './page.js';

/** etcd's: an entry that takes longer is worth a warning. */
const SLOW_APPLY_SECONDS = 0.1;

/** Turns what the kernel measures into etcd's histograms, buckets included. */
export function createMeter(page: MetricsPage): Meter {
  const disk = { start: 0.001, factor: 2, count: 14 };
  const walFsync = page.histogram(
    'etcd_disk_wal_fsync_duration_seconds',
    'How long each fsync of the write-ahead log took.',
    disk,
  );
  const backendCommit = page.histogram(
    'etcd_disk_backend_commit_duration_seconds',
    'How long each commit of the backend took.',
    disk,
  );
  const apply = page
    .histogram(
      'etcd_server_apply_duration_seconds',
      'How long applying each log entry took.',
      { start: 0.0001, factor: 2, count: 20 },
      ['version', 'op', 'success'],
    )
    .labels({ version: 'v3', op: 'entry', success: 'true' });
  const pause = page.histogram(
    'etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds',
    'How long each step of a compaction kept others waiting.',
    { start: 1, factor: 2, count: 13 },
  );
  const proposals = page.histogram(
    'tidelock_entry_proposals',
    'How many proposals shared one log entry.',
    { start: 1, factor: 2, count: 13 },
  );
  const hash = page.histogram(
    'etcd_mvcc_hash_rev_duration_seconds',
    'How long each hash of the store up to a revision took.',
    { start: 0.01, factor: 2, count: 15 },
  );
  const defragment = page.histogram(
    'etcd_disk_backend_defrag_duration_seconds',
    'How long each defragmentation of the backend took.',
    { start: 0.1, factor: 2, count: 13 },
  );
  let slowApplies = 0;
  page.counter(
    'etcd_server_slow_apply_total',
    'Log entries that took more than 100 ms to apply.',
    () => slowApplies,
  );
  let walBytes = 0;
  page.counter(
    'etcd_disk_wal_write_bytes_total',
    'Bytes written to the write-ahead log.',
    () => walBytes,
  );
  const observers: Record<MeterName, Observer> = {
    walFsyncSeconds: (value) => walFsync.observe(value),
    walWriteBytes: (value) => {
      walBytes += value;
    },
    backendCommitSeconds: (value) => backendCommit.observe(value),
    applySeconds: (value) => {
      if (value > SLOW_APPLY_SECONDS) slowApplies += 1;
      apply.observe(value);
    },
    entryProposalCount: (value) => proposals.observe(value),
    compactionPauseSeconds: (value) => pause.observe(value * 1000),
    hashSeconds: (value) => hash.observe(value),
    defragmentSeconds: (value) => defragment.observe(value),
    ...clusterObservers(page),
  };
  return { observe: (name, value, peer) => observers[name](value, peer) };
}
