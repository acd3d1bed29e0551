// Proves that three running members show, under etcd's names and labels, what operators watch a
// cluster by: who leads, what goes between the members and how fast, proposals, reads, hashes; and
// that what concerns a member that dies moves as it should. Names that a real etcd shows are there,
// but for a list of those that make no sense here.
import assert from 'node:assert/strict';
import { connect } from '../../src/client/index.js';
import { MAINTENANCE_METHODS as MAINTENANCE } from '../../src/wire/maintenance.js';
import { programMissing } from '../support/program-missing.js';
import { skipWhen } from '../support/skip.js';
import { BytesClient } from './support/bytes-client.js';
import { PlainCluster, type PlainMember } from './support/plain-cluster.js';
import { startRealEtcd } from './support/real-etcd.js';
import { until } from './support/until.js';

/** Of Go, of etcd's own storage and of parts that this server does not have. */
const NOT_HERE =
  /^(go|promhttp|etcd_(debugging_(store|snap|disk|auth)|grpc_proxy|snap|server_go))_/;
const NOT_HERE_EITHER = [
  'etcd_debugging_lease_ttl_total',
  'etcd_debugging_mvcc_db_compaction_keys_total',
  'etcd_debugging_mvcc_db_compaction_total_duration_milliseconds',
  'etcd_debugging_mvcc_db_total_size_in_bytes',
  'etcd_debugging_mvcc_delete_total',
  'etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds',
  'etcd_debugging_mvcc_put_total',
  'etcd_debugging_mvcc_range_total',
  'etcd_debugging_mvcc_total_put_size_in_bytes',
  'etcd_debugging_mvcc_txn_total',
  'etcd_disk_backend_snapshot_duration_seconds',
  'etcd_disk_defrag_inflight',
  'etcd_mvcc_db_open_read_transactions',
  'etcd_mvcc_hash_duration_seconds',
  'etcd_server_client_requests_total',
  'process_virtual_memory_max_bytes',
];

/** Who leads is to lead until the end, also on a machine with much else to do. */
const CALM = ['--heartbeat-interval', '100', '--election-timeout', '3000'];

type Page = ReadonlyMap<string, number>;

async function pageOf(url: string): Promise<Page> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

async function namesAt(url: string): Promise<readonly string[]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
}

describe('the metrics of a cluster', function () {
  this.timeout(60_000);
  let cluster: PlainCluster;
  let leader: PlainMember;
  let ids: ReadonlyMap<PlainMember, string>;

  before(async () => {
    cluster = await PlainCluster.start('tidelock', 3, CALM);
    leader = await cluster.leader();
    const named = cluster.members.map(
      async (member) => [member, (await cluster.idOf(member)).toString(16)] as const,
    );
    ids = new Map(await Promise.all(named));
    await using store = await connect(cluster.members.map(({ clientUrl }) => clientUrl));
    for (let at = 0; at < 5; at++) await store.put({ key: `${at}`, value: 'v' });
  });

  after(() => cluster.stop());

  const idOf = (member: PlainMember): string => ids.get(member) ?? '';
  const othersOf = (member: PlainMember) => cluster.members.filter((one) => one !== member);

  /** Once it has what was written, and nothing is under way. */
  async function pageAtRest(member: PlainMember): Promise<Page> {
    let page: Page = new Map();
    await until(`${member.name} at rest`, async () => {
      page = await pageOf(member.clientUrl);
      const committed = page.get('etcd_server_proposals_committed_total') ?? 0;
      const applied = page.get('etcd_server_proposals_applied_total');
      const pending = page.get('etcd_server_proposals_pending');
      return committed >= 5 && committed === applied && pending === 0;
    });
    return page;
  }

  it('tell who leads and how far each is', async () => {
    for (const member of cluster.members) {
      const client = new BytesClient(member.clientUrl.replace('http://', ''));
      await client.call(MAINTENANCE.hashKv.path, MAINTENANCE.hashKv.requestSerialize({}));
      client.close();
      const page = await pageAtRest(member);
      const expected: Record<string, number> = {
        etcd_server_has_leader: 1,
        etcd_server_is_leader: member === leader ? 1 : 0,
        etcd_server_is_learner: 0,
        etcd_server_proposals_pending: 0,
        etcd_server_proposals_failed_total: 0,
        etcd_server_slow_read_indexes_total: 0,
        etcd_server_snapshot_apply_in_progress_total: 0,
        etcd_server_learner_promote_successes: 0,
        etcd_debugging_server_lease_expired_total: 0,
        etcd_mvcc_hash_rev_duration_seconds_count: 1,
        etcd_disk_backend_defrag_duration_seconds_count: 0,
      };
      for (const [name, value] of Object.entries(expected)) {
        assert.equal(page.get(name), value, `${member.name}: ${name}`);
      }
      assert.ok((page.get('etcd_server_leader_changes_seen_total') ?? 0) >= 1);
      for (const name of ['heartbeat_send_failures', 'read_indexes_failed', 'slow_apply']) {
        assert.ok(page.has(`etcd_server_${name}_total`), name);
      }
    }
  });

  it('tell what goes to the others and comes from them, and how fast', async () => {
    for (const member of cluster.members) {
      for (const other of othersOf(member)) {
        const [local, remote] = [idOf(member), idOf(other)];
        const pair = `{Local="${local}",Remote="${remote}"}`;
        const link = `etcd_network_active_peers${pair}`;
        await until('a link', async () => (await pageOf(member.clientUrl)).get(link) === 1);
        const page = await pageOf(member.clientUrl);
        assert.equal(page.get(`etcd_network_known_peers${pair}`), 1);
        const round = `etcd_network_peer_round_trip_time_seconds_count{To="${remote}"}`;
        await until(
          'a measured round trip',
          async () => ((await pageOf(member.clientUrl)).get(round) ?? 0) > 0,
        );
        const later = await pageOf(member.clientUrl);
        for (const series of [`sent_bytes_total{To`, `received_bytes_total{From`]) {
          const bytes = later.get(`etcd_network_peer_${series}="${remote}"}`) ?? 0;
          if (member === leader || other === leader) assert.ok(bytes > 100, `${series} ${bytes}`);
        }
      }
    }
  });

  it('tell of a member that died', async () => {
    const [lost] = othersOf(leader);
    assert.ok(lost !== undefined);
    await lost.process.end('SIGKILL');
    await using store = await connect(leader.clientUrl);
    await store.put({ key: 'without', value: 'it' });
    const remote = idOf(lost);
    const pair = `{Local="${idOf(leader)}",Remote="${remote}"}`;
    await until('the loss is seen', async () => {
      const page = await pageOf(leader.clientUrl);
      return (
        !page.has(`etcd_network_active_peers${pair}`) &&
        page.get(`etcd_network_known_peers${pair}`) === 1 &&
        (page.get(`etcd_network_disconnected_peers_total${pair}`) ?? 0) > 0 &&
        (page.get(`etcd_network_peer_sent_failures_total{To="${remote}"}`) ?? 0) > 0
      );
    });
  });

  it('have the names of etcd’s', async function () {
    skipWhen(this, programMissing('etcd'));
    const etcd = await startRealEtcd();
    const theirs = await namesAt(`http://${etcd.address}`);
    await etcd.stop();
    const ours = new Set(await namesAt(leader.clientUrl));
    const missing = theirs.filter((name) => !ours.has(name) && !NOT_HERE.test(name));
    assert.ok(theirs.length > 50, `${theirs.length} names`);
    assert.deepEqual(
      missing.filter((name) => !NOT_HERE_EITHER.includes(name)),
      [],
    );
    assert.deepEqual(
      NOT_HERE_EITHER.filter((name) => ours.has(name)),
      [],
    );
  });
});
