// Proves that settings are read as etcd reads them, from flags and environment, that the ids come
// out as etcd's, and that every value that makes no sense is refused with its name, itself, and
// advice.
import assert from 'node:assert/strict';
import { ConfigError } from '../../src/server/config/config-error.js';
import { clusterIdOf, memberIdOf } from '../../src/server/config/cluster-ids.js';
import { FLAGS, FLAGS_REFUSED, FLAGS_WITHOUT_EFFECT } from '../../src/server/config/flags.js';
import { durationMs } from '../../src/server/config/settings.js';
import { parseServerConfig } from '../../src/server/config.js';

type Texts = Record<string, string>;

/** The flags of etcd 3.7, by name. */
const ETCD_FLAGS = `
  advertise-client-urls auth-token auth-token-ttl auto-compaction-mode auto-compaction-retention
  auto-tls backend-batch-interval backend-batch-limit backend-bbolt-freelist-type bcrypt-cost
  bootstrap-defrag-threshold-megabytes cert-file cipher-suites client-cert-allowed-hostname
  client-cert-auth client-cert-file client-crl-file client-key-file compact-hash-check-time
  compaction-batch-limit compaction-sleep-interval config-file corrupt-check-time cors data-dir
  discovery-cacert discovery-cert discovery-dial-timeout discovery-endpoints discovery-fallback
  discovery-insecure-skip-tls-verify discovery-insecure-transport discovery-keepalive-time
  discovery-keepalive-timeout discovery-key discovery-password discovery-request-timeout
  discovery-srv discovery-srv-name discovery-token discovery-user distributed-tracing-address
  distributed-tracing-instance-id distributed-tracing-sampling-rate
  distributed-tracing-service-name downgrade-check-time election-timeout
  enable-distributed-tracing enable-grpc-gateway enable-log-rotation enable-pprof feature-gates
  force-new-cluster grpc-keepalive-interval grpc-keepalive-min-time grpc-keepalive-timeout
  heartbeat-interval host-whitelist initial-advertise-peer-urls initial-cluster
  initial-cluster-state initial-cluster-token initial-election-tick-advance key-file
  listen-client-http-urls listen-client-urls listen-metrics-urls listen-peer-urls log-format
  log-level log-outputs log-rotation-config-json logger max-concurrent-streams max-learners
  max-request-bytes max-snapshots max-txn-ops max-wals memory-mlock metrics name peer-auto-tls
  peer-cert-allowed-cn peer-cert-allowed-hostname peer-cert-file peer-client-cert-auth
  peer-client-cert-file peer-client-key-file peer-crl-file peer-key-file
  peer-skip-client-san-verification peer-trusted-ca-file pre-vote quota-backend-bytes
  raft-read-timeout raft-write-timeout self-signed-cert-validity snapshot-catchup-entries
  snapshot-count socket-reuse-address socket-reuse-port strict-reconfig-check tls-max-version
  tls-min-version trusted-ca-file unsafe-no-fsync wal-dir warning-apply-duration
  warning-unary-request-duration watch-progress-notify-interval
`;

function parse(flags: Texts = {}, env: Texts = {}) {
  return parseServerConfig(flags, env);
}

/** The one line that a bad setting is refused with. */
function refusal(flags: Texts, env: Texts = {}): string {
  try {
    parse(flags, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  throw new Error(`accepted: ${JSON.stringify({ ...flags, ...env })}`);
}

describe('parseServerConfig', () => {
  it('has etcd’s defaults', () => {
    const config = parse();
    assert.equal(config.name, 'default');
    assert.equal(config.dataDir, 'default.tidelock');
    assert.deepEqual(config.listenClientUrls, [{ host: '127.0.0.1', port: 2379 }]);
    assert.equal(config.requestBytesMax, 1_572_864);
    assert.equal(config.txnOperationsMax, 128);
    assert.equal(config.quotaBytes, 2_147_483_648);
    assert.equal(config.heartbeatMs, 100);
    assert.equal(config.electionTimeoutMs, 1000);
    assert.equal(config.watchProgressMs, 600_000);
    assert.deepEqual(config.autoCompaction, { mode: 'off' });
    assert.deepEqual(config.notices, []);
  });

  it('computes the ids that etcd computes', () => {
    // Known from any default etcd: member 8e9e05c52164694d of cluster cdf818194e3a8c32.
    assert.equal(memberIdOf(['http://localhost:2380'], 'etcd-cluster'), 0x8e9e05c52164694dn);
    assert.equal(clusterIdOf([0x8e9e05c52164694dn]), 0xcdf818194e3a8c32n);
    assert.equal(parse().cluster.memberId, 0x8e9e05c52164694dn);
    assert.notEqual(parse({ 'initial-cluster-token': 'b' }).cluster.memberId, 0x8e9e05c52164694dn);
    const both = ['http://b:2380', 'http://a:2380'];
    assert.equal(memberIdOf(both, 't'), memberIdOf(both.toReversed(), 't'));
  });

  it('prefers flags, then TIDELOCK_, then ETCD_', () => {
    const env = { ETCD_NAME: 'from-etcd', TIDELOCK_NAME: 'from-tidelock' };
    assert.equal(parse({ name: 'from-flag' }, env).name, 'from-flag');
    assert.equal(parse({}, env).name, 'from-tidelock');
    assert.equal(parse({}, { ETCD_NAME: 'from-etcd' }).name, 'from-etcd');
    assert.equal(parse({}, { ETCD_NAME: 'a' }).dataDir, 'a.tidelock');
    assert.match(refusal({}, { ETCD_MAX_TXN_OPS: 'many' }), /^ETCD_MAX_TXN_OPS: "many" /);
  });

  it('names the flag and the value of everything that it refuses', () => {
    const cases: readonly (readonly [Texts, RegExp])[] = [
      [{ 'election-timeout': '400' }, /less than 5 times --heartbeat-interval \(100 ms\); use 500/],
      [{ 'election-timeout': '60000' }, /from 1 to 50000/],
      [{ 'heartbeat-interval': '0' }, /of 1 or more/],
      [{ 'max-request-bytes': '-1' }, /is not a whole number/],
      [{ 'max-txn-ops': '1.5' }, /is not a whole number/],
      [{ 'snapshot-count': 'x' }, /is not a whole number/],
      [{ 'quota-backend-bytes': '8G' }, /is not a whole number$/],
      [{ 'backend-batch-interval': '100' }, /is not a duration/],
      [{ 'watch-progress-notify-interval': '10ms' }, /100ms is the least/],
      [{ 'auto-compaction-retention': '-1' }, /is not a duration/],
      [{ 'auto-compaction-mode': 'daily' }, /is not one of periodic, revision/],
      [
        { 'auto-compaction-mode': 'revision', 'auto-compaction-retention': '1h' },
        /is not a number of revisions/,
      ],
      [{ 'log-level': 'loud' }, /is not one of debug, info/],
      [{ 'listen-client-urls': 'https://127.0.0.1:2379' }, /TLS, which comes with a later release/],
      [{ 'listen-client-urls': 'http://127.0.0.1' }, /has no port/],
      [{ 'listen-client-urls': '127.0.0.1:2379' }, /is not an address/],
      [{ 'listen-client-urls': 'http://127.0.0.1:2379/v3' }, /must end after the port/],
      [{ 'listen-client-urls': 'http://127.0.0.1:1,http://127.0.0.1:1' }, /repeats an address/],
      [{ 'listen-client-urls': 'http://10.0.0.1:2379' }, /--insecure-listen/],
      [{ 'initial-cluster-state': 'old' }, /is not one of new, existing/],
      [{ name: '' }, /is empty/],
      [{ 'unsafe-no-fsync': 'true' }, /an acknowledged write is always on disk/],
      [{ 'cert-file': 'server.crt' }, /TLS comes with a later release/],
    ];
    for (const [flags, pattern] of cases) {
      const [[name, value] = ['', '']] = Object.entries(flags).reverse();
      const message = refusal(flags);
      assert.match(message, pattern);
      assert.ok(message.startsWith(`--${name}: ${JSON.stringify(value)} `), message);
    }
  });

  it('opens beyond the machine only when told that this is meant', () => {
    const flags = { 'listen-client-urls': 'http://0.0.0.0:2379', 'insecure-listen': 'true' };
    assert.match(refusal(flags), /^--advertise-client-urls: .* is required/);
    const config = parse({ ...flags, 'advertise-client-urls': 'http://10.0.0.1:2379' });
    assert.equal(config.notices.length, 1);
    assert.match(
      refusal({ 'advertise-client-urls': 'http://0.0.0.0:1' }),
      /no address that a client/,
    );
    for (const host of ['localhost', '127.1.2.3', '[::1]']) {
      assert.equal(parse({ 'listen-client-urls': `http://${host}:1` }).notices.length, 0);
    }
  });

  it('reads compaction, quotas and outputs', () => {
    const retention = (text: string, mode = 'periodic') =>
      parse({ 'auto-compaction-mode': mode, 'auto-compaction-retention': text }).autoCompaction;
    assert.deepEqual(retention('2'), { mode: 'periodic', periodMs: 7_200_000 });
    assert.deepEqual(retention('30m'), { mode: 'periodic', periodMs: 1_800_000 });
    assert.deepEqual(retention('1000', 'revision'), { mode: 'revision', keptRevisions: 1000 });
    assert.equal(parse({ 'quota-backend-bytes': '-1' }).quotaBytes, 0);
    assert.equal(parse({ 'quota-backend-bytes': '0' }).quotaBytes, 2_147_483_648);
    const { outputs } = parse({ 'log-outputs': 'default,/dev/stdout,/var/log/t.log,stderr' }).log;
    assert.deepEqual(outputs, ['stderr', 'stdout', '/var/log/t.log']);
  });

  it('takes flags of etcd that have no effect here, and says so', () => {
    assert.deepEqual(parse({ 'pre-vote': 'true', 'max-wals': '3' }).notices, [
      '--max-wals has no effect here',
      '--pre-vote has no effect here',
    ]);
    assert.match(refusal({ 'no-such-flag': '1' }), /belongs to no known flag/);
  });

  it('knows every flag of etcd, and refuses those that promise what is not kept here', () => {
    const known = new Set([
      ...FLAGS.map(({ name }) => name),
      ...FLAGS_WITHOUT_EFFECT,
      ...Object.keys(FLAGS_REFUSED),
    ]);
    assert.equal(
      known.size,
      FLAGS.length + FLAGS_WITHOUT_EFFECT.length + Object.keys(FLAGS_REFUSED).length,
    );
    assert.deepEqual(
      ETCD_FLAGS.split(/\s+/).filter((name) => name !== '' && !known.has(name)),
      [],
    );
    for (const name of ['tls-min-version', 'host-whitelist', 'peer-crl-file', 'discovery-srv']) {
      assert.match(refusal({ [name]: 'x' }), /^--\S+: "x" is refused: /);
    }
    assert.match(refusal({}, { ETCD_AUTO_TLS: 'true' }), /^ETCD_AUTO_TLS: /);
  });

  it('reads yes and no as Go does, also where only yes is refused', () => {
    for (const text of ['1', 't', 'TRUE']) {
      assert.equal(parse({ 'force-new-cluster': text }).cluster.forceNew, true, text);
      assert.match(refusal({ 'auto-tls': text }), /TLS comes with a later release/);
    }
    for (const text of ['0', 'f', 'False']) {
      assert.equal(parse({ 'strict-reconfig-check': text }).strictReconfigCheck, false, text);
      assert.deepEqual(parse({ 'auto-tls': text }).notices, []);
    }
    assert.match(refusal({ 'force-new-cluster': 'yes' }), /is neither true nor false/);
  });

  it('names variables of etcd’s kind that are those of no flag', () => {
    const env = { ETCD_INITIAL_CLUSTERS: 'a', ETCD_NAME: 'b', ETCDCTL_API: '3', ETCD_EMPTY: '' };
    assert.deepEqual(parse({}, env).notices, [
      'ETCD_INITIAL_CLUSTERS belongs to no flag and has no effect',
    ]);
  });

  it('reads durations as Go writes them', () => {
    assert.equal(durationMs('1h30m'), 5_400_000);
    assert.equal(durationMs('1.5s'), 1500);
    assert.equal(durationMs('250us'), 0.25);
    assert.equal(durationMs('10'), undefined);
    assert.equal(durationMs('m'), undefined);
  });
});
