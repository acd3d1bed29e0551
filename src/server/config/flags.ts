/**
 * The flags of `serve`, once: their names and defaults are etcd's, so that a member can take the
 * place of an etcd without a change to how it is started. This table says nothing about what a
 * value means; `config.ts` does. A flag that is listed nowhere here is unknown to the program.
 */
export interface Flag {
  readonly name: string;
  /** The heading of the help text that it stands under. */
  readonly group: FlagGroup;
  /** What the value looks like, for the help text; a flag without one is a switch. */
  readonly placeholder?: string;
  /** Shown in the help text; the value is used when neither flag nor environment gives one. */
  readonly default?: string;
  readonly help: string;
}

/** The headings of the help text. */
export type FlagGroup = 'Member' | 'Cluster' | 'Limits' | 'Storage' | 'Timing' | 'Logs and metrics';

/**
 * Every flag that does something, in the order of the help text.
 *
 * @example
 * for (const { name, help } of FLAGS) console.log(`--${name}`, help);
 */
export const FLAGS: readonly Flag[] = [
  {
    name: 'name',
    group: 'Member',
    placeholder: 'text',
    default: 'default',
    help: 'name of this member, for people',
  },
  {
    name: 'data-dir',
    group: 'Member',
    placeholder: 'path',
    help: 'where everything is kept (default: <name>.tidelock)',
  },
  {
    name: 'listen-client-urls',
    group: 'Member',
    placeholder: 'urls',
    default: 'http://127.0.0.1:2379',
    help: 'where clients may connect, separated by commas; port 0 picks a free one',
  },
  {
    name: 'advertise-client-urls',
    group: 'Member',
    placeholder: 'urls',
    help: 'what the member list tells clients (default: where it listens)',
  },
  {
    name: 'insecure-listen',
    group: 'Member',
    help: 'allow listening beyond this machine without TLS: anyone who reaches the port reads and writes everything',
  },
  {
    name: 'fleet-lock-groups',
    group: 'Member',
    placeholder: 'any|known',
    default: 'any',
    help: 'which groups may ask for reboots over FleetLock: any, or those that have a policy',
  },
  {
    name: 'listen-peer-urls',
    group: 'Cluster',
    placeholder: 'urls',
    default: 'http://localhost:2380',
    help: 'where other members connect',
  },
  {
    name: 'initial-advertise-peer-urls',
    group: 'Cluster',
    placeholder: 'urls',
    default: 'http://localhost:2380',
    help: 'peer addresses of this member; its id is made from them',
  },
  {
    name: 'initial-cluster',
    group: 'Cluster',
    placeholder: 'name=url,...',
    help: 'all members at the start, this one among them (default: this one alone)',
  },
  {
    name: 'initial-cluster-token',
    group: 'Cluster',
    placeholder: 'text',
    default: 'etcd-cluster',
    help: 'goes into the ids, so that two clusters never mix',
  },
  {
    name: 'initial-cluster-state',
    group: 'Cluster',
    placeholder: 'new|existing',
    default: 'new',
    help: 'start a cluster or join one; ignored once there is data',
  },
  {
    name: 'force-new-cluster',
    group: 'Cluster',
    help: 'forget all other members and go on alone with the data that is here; only for a cluster that lost its majority for good: others that still run are told that they were removed, and stop',
  },
  {
    name: 'strict-reconfig-check',
    group: 'Cluster',
    placeholder: 'bool',
    default: 'true',
    help: 'refuse changes of membership that would leave no majority of started members',
  },
  {
    name: 'max-learners',
    group: 'Cluster',
    placeholder: 'count',
    default: '1',
    help: 'most members without a vote',
  },
  {
    name: 'max-request-bytes',
    group: 'Limits',
    placeholder: 'bytes',
    default: '1572864',
    help: 'largest request',
  },
  {
    name: 'max-txn-ops',
    group: 'Limits',
    placeholder: 'count',
    default: '128',
    help: 'most comparisons, and most operations of a branch, in one txn',
  },
  {
    name: 'max-concurrent-streams',
    group: 'Limits',
    placeholder: 'count',
    default: '4294967295',
    help: 'most calls at once on one connection',
  },
  {
    name: 'quota-backend-bytes',
    group: 'Storage',
    placeholder: 'bytes',
    default: '0',
    help: 'size at which writes are refused; 0 means 2 GiB, below 0 no quota',
  },
  {
    name: 'disk-reserve-bytes',
    group: 'Storage',
    placeholder: 'bytes',
    default: '134217728',
    help: 'free space on the disk of the data below which writes are refused; 0 for none',
  },
  {
    name: 'snapshot-count',
    group: 'Storage',
    placeholder: 'count',
    default: '10000',
    help: 'log entries between two snapshot marks',
  },
  {
    name: 'snapshot-catchup-entries',
    group: 'Storage',
    placeholder: 'count',
    default: '5000',
    help: 'log entries kept behind a mark for members that lag',
  },
  {
    name: 'backend-batch-interval',
    group: 'Storage',
    placeholder: 'duration',
    default: '100ms',
    help: 'longest time between two commits of the backend',
  },
  {
    name: 'backend-batch-limit',
    group: 'Storage',
    placeholder: 'count',
    default: '10000',
    help: 'most rows in one commit of the backend',
  },
  {
    name: 'auto-compaction-mode',
    group: 'Storage',
    placeholder: 'periodic|revision',
    default: 'periodic',
    help: 'what the retention counts',
  },
  {
    name: 'auto-compaction-retention',
    group: 'Storage',
    placeholder: 'duration|count',
    default: '0',
    help: 'history to keep: a duration or hours, or a number of revisions; 0 keeps all',
  },
  {
    name: 'heartbeat-interval',
    group: 'Timing',
    placeholder: 'ms',
    default: '100',
    help: 'length of a tick',
  },
  {
    name: 'election-timeout',
    group: 'Timing',
    placeholder: 'ms',
    default: '1000',
    help: 'silence after which members look for a new leader; at least 5 ticks, the same on all members',
  },
  {
    name: 'watch-progress-notify-interval',
    group: 'Timing',
    placeholder: 'duration',
    default: '10m',
    help: 'how often a quiet watcher is told how far it is',
  },
  {
    name: 'log-level',
    group: 'Logs and metrics',
    placeholder: 'level',
    default: 'info',
    help: 'debug, info, warn, error, panic or fatal',
  },
  {
    name: 'log-format',
    group: 'Logs and metrics',
    placeholder: 'json|text',
    default: 'json',
    help: 'one JSON object a line, or a line for people',
  },
  {
    name: 'log-outputs',
    group: 'Logs and metrics',
    placeholder: 'list',
    default: 'default',
    help: 'stderr, stdout, or paths of files; "default" is stderr',
  },
  {
    name: 'metrics',
    group: 'Logs and metrics',
    placeholder: 'basic|extensive',
    default: 'basic',
    help: 'extensive adds a histogram of how long each call took',
  },
];

/**
 * Flags of etcd that change nothing here, because what they choose is settled: accepted, so that an
 * existing start script goes on working, and named once in the log.
 *
 * @example
 * if (FLAGS_WITHOUT_EFFECT.includes('bcrypt-cost')) log.info('nothing comes of --bcrypt-cost');
 */
export const FLAGS_WITHOUT_EFFECT: readonly string[] = [
  'auth-token-ttl',
  'backend-bbolt-freelist-type',
  'bcrypt-cost',
  'bootstrap-defrag-threshold-megabytes',
  'compact-hash-check-time',
  'compaction-batch-limit',
  'compaction-sleep-interval',
  'corrupt-check-time',
  'cors',
  'discovery-cacert',
  'discovery-cert',
  'discovery-dial-timeout',
  'discovery-fallback',
  'discovery-insecure-skip-tls-verify',
  'discovery-insecure-transport',
  'discovery-keepalive-time',
  'discovery-keepalive-timeout',
  'discovery-key',
  'discovery-password',
  'discovery-request-timeout',
  'discovery-srv-name',
  'discovery-user',
  'distributed-tracing-address',
  'distributed-tracing-instance-id',
  'distributed-tracing-sampling-rate',
  'distributed-tracing-service-name',
  'downgrade-check-time',
  'enable-distributed-tracing',
  'enable-grpc-gateway',
  'enable-log-rotation',
  'enable-pprof',
  'feature-gates',
  'grpc-keepalive-interval',
  'grpc-keepalive-min-time',
  'grpc-keepalive-timeout',
  'initial-election-tick-advance',
  'log-rotation-config-json',
  'logger',
  'max-snapshots',
  'max-wals',
  'memory-mlock',
  'pre-vote',
  'raft-read-timeout',
  'raft-write-timeout',
  'socket-reuse-address',
  'socket-reuse-port',
  'v2-deprecation',
  'warning-apply-duration',
  'warning-unary-request-duration',
];

const TLS = 'TLS comes with a later release';
const INITIAL_CLUSTER = 'members are named by --initial-cluster';

/** Flags that are refused for the same reason. */
function because(reason: string, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, reason]));
}

/**
 * Flags of etcd that must not be ignored in silence, each with the reason why it is refused.
 *
 * @example
 * console.log(FLAGS_REFUSED['unsafe-no-fsync']); // an acknowledged write is always on disk here
 */
export const FLAGS_REFUSED: Readonly<Record<string, string>> = {
  'unsafe-no-fsync': 'an acknowledged write is always on disk here',
  ...because(TLS, [
    ...['auto-tls', 'cert-file', 'key-file', 'trusted-ca-file', 'client-cert-auth'],
    ...['client-cert-allowed-hostname', 'client-cert-file', 'client-key-file', 'client-crl-file'],
    ...['peer-auto-tls', 'peer-cert-file', 'peer-key-file', 'peer-trusted-ca-file'],
    ...['peer-client-cert-auth', 'peer-client-cert-file', 'peer-client-key-file', 'peer-crl-file'],
    ...['peer-cert-allowed-cn', 'peer-cert-allowed-hostname', 'peer-skip-client-san-verification'],
    ...['self-signed-cert-validity', 'cipher-suites', 'tls-min-version', 'tls-max-version'],
  ]),
  'auth-token': 'users and roles come with a later release',
  'host-whitelist': 'the Host header of requests is not looked at',
  'wal-dir': 'the log is kept inside --data-dir',
  'config-file': 'settings are given by flags and environment variables',
  ...because(INITIAL_CLUSTER, ['discovery-endpoints', 'discovery-token', 'discovery-srv']),
  'listen-metrics-urls': 'metrics are served on the client port',
  'listen-client-http-urls': 'HTTP is served on the client port',
};

/**
 * The environment variables that stand for a flag, the stronger one first.
 *
 * @example
 * environmentNames('data-dir'); // [ 'TIDELOCK_DATA_DIR', 'ETCD_DATA_DIR' ]
 */
export function environmentNames(flag: string): readonly [string, string] {
  const suffix = flag.toUpperCase().replaceAll('-', '_');
  return [`TIDELOCK_${suffix}`, `ETCD_${suffix}`];
}
