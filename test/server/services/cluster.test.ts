// Proves what the Cluster service adds to the kernel: ids as etcd computes them, addresses that are
// none refused before anything is asked, headers without a revision, and that a learner serves none
// of it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { MemberRecord } from '../../../src/kernel/index.js';
import { StoreError } from '../../../src/store/index.js';
import { CLUSTER_METHODS as CLUSTER } from '../../../src/wire/cluster.js';
import { KV_METHODS as KV } from '../../../src/wire/kv-methods.js';
import { MAINTENANCE_METHODS as MAINTENANCE } from '../../../src/wire/maintenance.js';
import {
  LEASE_METHODS as LEASE,
  WATCH_METHODS as WATCH,
} from '../../../src/wire/stream-methods.js';
import { BytesClient } from '../support/bytes-client.js';
import { FakeKernel } from '../support/fake-kernel.js';
import { startFakeServer, stopTestServers } from '../support/test-server.js';

const FIRST: MemberRecord = {
  id: 11n,
  name: 'first',
  peerUrls: ['http://a:1'],
  clientUrls: ['http://a:2'],
  isLearner: false,
};

describe('the Cluster service', () => {
  let kernel: FakeKernel;
  let client: BytesClient;

  beforeEach(async () => {
    kernel = new FakeKernel();
    client = new BytesClient((await startFakeServer(kernel)).address);
  });

  afterEach(async () => {
    client.close();
    await stopTestServers();
  });

  async function add(peerURLs: readonly string[], isLearner = false) {
    const { memberAdd } = CLUSTER;
    const message = memberAdd.requestSerialize({ peerURLs: [...peerURLs], isLearner });
    return memberAdd.responseDeserialize(await client.call(memberAdd.path, message));
  }

  it('gives a new member the id of its addresses and of the second', async () => {
    const asked: MemberRecord[] = [];
    kernel.addMember = (member) => {
      asked.push(member);
      return Promise.resolve([FIRST, member]);
    };
    const before = Math.floor(Date.now() / 1000);
    const answer = await add([' http://b:2', 'http://a:9'], true);
    const after = Math.floor(Date.now() / 1000);
    const ids: bigint[] = [];
    for (let second = before; second <= after; second++) {
      const hash = createHash('sha1').update(`http://a:9http://b:2${second}`).digest();
      ids.push(hash.readBigUInt64BE(0));
    }
    assert.ok(ids.includes(answer.member?.ID ?? 0n));
    assert.deepEqual(answer.member?.peerURLs, ['http://a:9', 'http://b:2']);
    assert.equal(answer.member?.name, '');
    assert.equal(answer.member?.isLearner, true);
    assert.equal(asked[0]?.id, answer.member?.ID);
    assert.deepEqual(
      answer.members.map(({ ID, name }) => [ID, name]),
      [
        [11n, 'first'],
        [answer.member?.ID, ''],
      ],
    );
    assert.equal(answer.header?.revision, 0n);
    assert.notEqual(answer.header?.clusterId, 0n);
  });

  it('refuses addresses that are none, and asks nobody about them', async () => {
    kernel.addMember = () => assert.fail('asked to add');
    kernel.updateMember = () => assert.fail('asked to update');
    const invalid = { code: 3, details: 'etcdserver: given member URLs are invalid' };
    const wrong = [
      [],
      [''],
      ['a:1'],
      ['http://a'],
      ['http://a:1/'],
      ['ftp://a:1'],
      ['http://a:1', 'x'],
    ];
    for (const peerURLs of wrong) {
      const added = CLUSTER.memberAdd.requestSerialize({ peerURLs });
      assert.deepEqual(await client.failure(CLUSTER.memberAdd.path, added), invalid);
      const updated = CLUSTER.memberUpdate.requestSerialize({ ID: 11n, peerURLs });
      assert.deepEqual(await client.failure(CLUSTER.memberUpdate.path, updated), invalid);
    }
  });

  it('hands changes on, and their refusals back', async () => {
    const seen: unknown[] = [];
    const refuse = (code: StoreError['code']) => {
      return (...words: readonly unknown[]) => {
        seen.push(words);
        return Promise.reject(new StoreError(code));
      };
    };
    kernel.removeMember = refuse('NotEnoughStarted');
    kernel.promoteMember = refuse('LearnerNotReady');
    kernel.updateMember = refuse('PeerUrlExists');
    const ID = 0xfedc_ba98_7654_3210n;
    const remove = CLUSTER.memberRemove;
    assert.equal((await client.failure(remove.path, remove.requestSerialize({ ID }))).code, 2);
    const promote = CLUSTER.memberPromote;
    assert.equal((await client.failure(promote.path, promote.requestSerialize({ ID }))).code, 9);
    const update = CLUSTER.memberUpdate;
    const request = update.requestSerialize({ ID, peerURLs: ['http://z:1', 'http://y:1'] });
    assert.equal((await client.failure(update.path, request)).code, 9);
    assert.deepEqual(seen, [[ID], [ID], [ID, ['http://z:1', 'http://y:1']]]);
  });

  it('says as etcd does that another member did not take the leadership over', async () => {
    kernel.moveLeader = () => Promise.reject(new StoreError('Timeout'));
    const { path, requestSerialize } = MAINTENANCE.moveLeader;
    assert.deepEqual(await client.failure(path, requestSerialize({ targetID: 12n })), {
      code: 2,
      details: 'etcdserver: request timed out, leader transfer took too long',
    });
  });

  it('is not served by a learner, and nor is most of the rest', async () => {
    kernel.isLearner = true;
    const refusal = { code: 9, details: 'etcdserver: rpc not supported for learner' };
    const none = new Uint8Array(0);
    for (const { path } of [
      ...Object.values(CLUSTER),
      ...[KV.put, KV.deleteRange, KV.txn, KV.compact],
      MAINTENANCE.alarm,
      MAINTENANCE.hashKv,
      MAINTENANCE.defragment,
      MAINTENANCE.moveLeader,
      LEASE.leaseGrant,
    ]) {
      assert.deepEqual(await client.failure(path, none), refusal, path);
    }
    const range = KV.range.requestSerialize({ key: 'k' });
    assert.deepEqual(await client.failure(KV.range.path, range), refusal);
    for (const { path } of [WATCH.watch, LEASE.leaseKeepAlive]) {
      assert.deepEqual(await client.stream(path).ended, refusal, path);
    }
    await client.call(KV.range.path, KV.range.requestSerialize({ key: 'k', serializable: true }));
    const status = await client.call(MAINTENANCE.status.path, none);
    assert.equal(MAINTENANCE.status.responseDeserialize(status).isLearner, true);
    kernel.isLearner = false;
    await client.call(KV.range.path, range);
  });
});
