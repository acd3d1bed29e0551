// Proves that a member which is left alone by a majority tells its clients so as etcd does: streams
// that insist on a leader end, others stay, calls are refused or time out with the same words, what
// can be answered alone is answered, and health is told at once. The same is done to a real etcd,
// where there is one, and compared.
import assert from 'node:assert/strict';
import { CLUSTER_METHODS as CLUSTER } from '../../src/wire/cluster.js';
import { KV_METHODS as KV } from '../../src/wire/kv-methods.js';
import { encodeLeaseKeepAliveRequest } from '../../src/wire/lease.js';
import { MAINTENANCE_METHODS as MAINTENANCE } from '../../src/wire/maintenance.js';
import { LEASE_METHODS as LEASE, WATCH_METHODS as WATCH } from '../../src/wire/stream-methods.js';
import { encodeWatchRequest } from '../../src/wire/watch.js';
import { programMissing } from '../support/program-missing.js';
import { skipWhen } from '../support/skip.js';
import { BytesClient, type BytesStream, type Failure } from './support/bytes-client.js';
import { PlainCluster, type PlainMember } from './support/plain-cluster.js';
import { until } from './support/until.js';

const INSISTS = { hasleader: 'true' };
const NO_LEADER = '14 etcdserver: no leader';
const UNHEALTHY = '14 etcdserver: unhealthy cluster';
const TIMEOUT = '14 etcdserver: request timed out';

/** Longer than any answer takes that is to come. */
const SILENT_AFTER_MS = 15_000;

/** What clients get from our member. */
const EXPECTED = {
  'a watch that insists': NO_LEADER,
  'a keep-alive that insists': NO_LEADER,
  'a new watch that insists': NO_LEADER,
  'a put that insists': NO_LEADER,
  'a put to the leader of before': TIMEOUT,
  'a read at the leader of before': TIMEOUT,
  'a put': TIMEOUT,
  'a grant': TIMEOUT,
  'a read': TIMEOUT,
  'an old read': 'done',
  'the list of members': TIMEOUT,
  'the status': 'done',
  'a hash': 'done',
  'a renewal': NO_LEADER,
  'the time of a lease': NO_LEADER,
  'a promotion': NO_LEADER,
  'a move of the leadership': '9 etcdserver: not leader',
  'a new member': UNHEALTHY,
  'a new learner': UNHEALTHY,
  'its own removal': UNHEALTHY,
  'the removal of one that is lost': UNHEALTHY,
  'a watch that does not insist': 'goes on',
};

/**
 * What etcd 3.4 says otherwise: it lets the time of a call escape, its list is a local one, and who
 * is lost may go, which it waits for without an end.
 */
const ETCD_OTHERWISE = {
  'a put': '2 context deadline exceeded',
  'a grant': '2 context deadline exceeded',
  'the list of members': 'done',
  'the removal of one that is lost': 'no answer',
};

interface Loneliness {
  readonly outcomes: Record<string, string>;
  readonly tookMs: Record<string, number>;
  readonly healths: readonly string[];
}

describe('a member without a majority', function () {
  this.timeout(120_000);
  const clusters: PlainCluster[] = [];

  const found = new Map<string, Loneliness>();

  before(async () => {
    const programs = (['tidelock', 'etcd'] as const).filter(
      (program) => program === 'tidelock' || programMissing(program) === undefined,
    );
    await Promise.all(
      programs.map(async (program) => {
        const cluster = await PlainCluster.start(program, 3);
        clusters.push(cluster);
        found.set(program, await leaveAlone(cluster));
      }),
    );
  });

  after(() => Promise.all(clusters.map((cluster) => cluster.stop())));

  function foundAt(program: string): Loneliness {
    const loneliness = found.get(program);
    assert.ok(loneliness !== undefined);
    return loneliness;
  }

  it('says so, in etcd’s words and in time', () => {
    const { outcomes, tookMs, healths } = foundAt('tidelock');
    assert.deepEqual(outcomes, EXPECTED);
    // Neither sooner than two election timeouts, nor as late as a call that times out.
    for (const stream of ['a watch that insists', 'a keep-alive that insists']) {
      const ms = tookMs[stream] ?? 0;
      assert.ok(ms > 1000 && ms < 5000, `${stream}: ${ms} ms`);
    }
    for (const change of ['a new member', 'its own removal', 'the removal of one that is lost']) {
      assert.ok((tookMs[change] ?? 0) < 4000, `${change}: ${tookMs[change]} ms`);
    }
    const lonely = '503 {"health":"false","reason":"RAFT NO LEADER"}\n';
    assert.deepEqual(healths, [lonely, lonely]);
    assert.ok((tookMs['the first health'] ?? 0) < 4000, JSON.stringify(tookMs));
  });

  it('is like one of etcd', function () {
    skipWhen(this, programMissing('etcd'));
    const { outcomes } = foundAt('etcd');
    assert.deepEqual(outcomes, { ...EXPECTED, ...ETCD_OTHERWISE });
  });
});

/** Takes the leader's followers away, and asks it everything, at once and when it leads no more. */
async function leaveAlone(cluster: PlainCluster): Promise<Loneliness> {
  const leader = await cluster.leader();
  const client = new BytesClient(leader.clientUrl.replace('http://', ''));
  // Whether the call began before the loss was noticed decides about the rest of the text.
  const statusOf = (failure: Failure): string =>
    fullStatusOf(failure).replace(', possibly due to previous leader failure', '');
  const outcomes: Record<string, string> = {};
  const tookMs: Record<string, number> = {};
  const note = async (what: string, work: Promise<unknown>): Promise<void> => {
    const startedAt = performance.now();
    const silence = new Promise<string>((resolve) => {
      setTimeout(() => resolve('no answer'), SILENT_AFTER_MS).unref();
    });
    outcomes[what] = await Promise.race([work.then(() => 'done', statusOf), silence]);
    tookMs[what] = performance.now() - startedAt;
  };
  const put = KV.put.requestSerialize({ key: 'k', value: 'v' });
  const call = <T>(method: Sendable<T>, request: T, headers = {}): Promise<unknown> =>
    client.call(method.path, method.requestSerialize(request), headers);
  await client.call(KV.put.path, put);
  const watch = await watching(client, INSISTS);
  const keepAlive = await renewing(client, INSISTS);
  const patientWatch = await watching(client);
  const patientKeepAlive = await renewing(client);
  const lost = cluster.members.filter((member) => member !== leader);
  const ownId = await cluster.idOf(leader);
  const lostId = await cluster.idOf(lost[0] as PlainMember);
  const newLearner = { peerURLs: ['http://127.0.0.1:2'], isLearner: true };
  await Promise.all(lost.map((member) => member.process.end('SIGKILL')));
  const healthAskedAt = performance.now();
  const firstHealth = health(leader).then((text) => {
    tookMs['the first health'] = performance.now() - healthAskedAt;
    return text;
  });
  const early = [
    note('a watch that insists', failureOf(watch)),
    note('a keep-alive that insists', failureOf(keepAlive)),
    note('a put to the leader of before', client.call(KV.put.path, put)),
    note('a read at the leader of before', call(KV.range, { key: 'k' })),
  ];
  await until('no leader', async () => (await cluster.report(leader))?.leaderId === 0n);
  patientKeepAlive.send(encodeLeaseKeepAliveRequest(7n));
  await Promise.all([
    ...early,
    note('a new watch that insists', failureOf(client.stream(WATCH.watch.path, INSISTS))),
    note('a put that insists', client.call(KV.put.path, put, INSISTS)),
    note('a put', client.call(KV.put.path, put)),
    note('a grant', call(LEASE.leaseGrant, { ttlSeconds: 60 })),
    note('a read', call(KV.range, { key: 'k' })),
    note('an old read', call(KV.range, { key: 'k', serializable: true })),
    note('the list of members', call(CLUSTER.memberList, { linearizable: true })),
    note('the status', call(MAINTENANCE.status, {})),
    note('a hash', call(MAINTENANCE.hashKv, {})),
    note('a renewal', failureOf(patientKeepAlive)),
    note('the time of a lease', call(LEASE.leaseTimeToLive, { id: 7n })),
    note('a promotion', call(CLUSTER.memberPromote, { ID: 5n })),
    note('a new member', call(CLUSTER.memberAdd, { peerURLs: ['http://127.0.0.1:1'] })),
    note('a new learner', call(CLUSTER.memberAdd, newLearner)),
    note('its own removal', call(CLUSTER.memberRemove, { ID: ownId })),
    note('the removal of one that is lost', call(CLUSTER.memberRemove, { ID: lostId })),
    note('a move of the leadership', call(MAINTENANCE.moveLeader, { targetID: 5n })),
  ]);
  outcomes['a watch that does not insist'] = 'goes on';
  void patientWatch.ended.then((failure) => {
    outcomes['a watch that does not insist'] = statusOf(failure);
  });
  const healths = [await firstHealth, await health(leader)];
  client.close();
  return { outcomes, tookMs, healths };
}

interface Sendable<Request> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
}

function fullStatusOf({ code, details }: Failure): string {
  return `${code} ${details}`;
}

/** Rejects with the status that a stream ends with. */
async function failureOf(stream: BytesStream): Promise<never> {
  const { code, details } = await stream.ended;
  throw Object.assign(new Error(details), { code, details });
}

/** A watch that is under way. */
async function watching(client: BytesClient, headers = {}): Promise<BytesStream> {
  const stream = client.stream(WATCH.watch.path, headers);
  const request = { key: 'k' };
  stream.send(encodeWatchRequest({ kind: 'create', request, watchId: 0, fragment: false }));
  await stream.next();
  return stream;
}

/** A keep-alive stream that was answered, of a lease that there is not. */
async function renewing(client: BytesClient, headers = {}): Promise<BytesStream> {
  const stream = client.stream(LEASE.leaseKeepAlive.path, headers);
  stream.send(encodeLeaseKeepAliveRequest(7n));
  await stream.next();
  return stream;
}

async function health({ clientUrl }: PlainMember): Promise<string> {
  const response = await fetch(`${clientUrl}/health`);
  return `${response.status} ${await response.text()}`;
}
