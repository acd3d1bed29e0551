// Proves etcd's rules of bootstrap: data counts for more than flags, the first members of a cluster
// all begin alike, nobody begins twice, and a member that joins learns its id from the others.
import assert from 'node:assert/strict';
import type { MemberRecord } from '../../src/kernel/index.js';
import { type Beginning, decideBeginning } from '../../src/server/beginning.js';
import { parseServerConfig } from '../../src/server/config.js';
import type { AskMembers, ClusterReport } from '../../src/server/peer/ask-members.js';

const URLS = ['http://127.0.0.1:23901', 'http://127.0.0.1:23902', 'http://127.0.0.1:23903'];
const IDS = [0xf2f1d5a4272bc382n, 0xcb12fb916c8db79an, 0x9703e6e632cdbd52n];
const CLUSTER = 0xb02bcd87e5f3609cn;
const CLIENTS = ['http://127.0.0.1:2379'];

const silence: AskMembers = () => Promise.resolve([]);

function answer(...reports: readonly ClusterReport[]): AskMembers {
  return () => Promise.resolve(reports);
}

function record(at: number, started: boolean): MemberRecord {
  const clientUrls = started ? ['http://127.0.0.1:1'] : [];
  return {
    id: IDS[at] ?? 0n,
    name: `n${at + 1}`,
    peerUrls: [URLS[at] ?? ''],
    clientUrls,
    isLearner: false,
  };
}

interface Begin {
  readonly at?: number;
  readonly flags?: Record<string, string>;
  readonly hasData?: boolean;
  readonly ask?: AskMembers;
  readonly joinMs?: number;
  readonly waits?: (reason: string) => void;
}

function begin(options: Begin): Promise<Beginning> {
  const { at = 0, flags = {}, hasData = false, ask = silence, joinMs = 0, waits } = options;
  const name = `n${at + 1}`;
  const config = parseServerConfig(
    {
      name,
      'initial-cluster': URLS.map((url, index) => `n${index + 1}=${url}`).join(),
      'initial-cluster-token': 'tok-7',
      'initial-advertise-peer-urls': URLS[at] ?? '',
      ...flags,
    },
    {},
  );
  const { cluster } = config;
  const told = waits === undefined ? {} : { waits };
  return decideBeginning({ cluster, name, clientUrls: CLIENTS, ask, joinMs, ...told }, hasData);
}

const EXISTING = { 'initial-cluster-state': 'existing' };

describe('decideBeginning', () => {
  it('lets the first members of a cluster begin alike', async () => {
    const all = await Promise.all([0, 1, 2].map((at) => begin({ at })));
    const [first] = all;
    assert.deepEqual(first?.start, {
      kind: 'new',
      members: [record(2, false), record(1, false), record(0, false)],
    });
    all.forEach((beginning, at) => {
      assert.equal(beginning.clusterId, CLUSTER);
      assert.deepEqual(beginning.start, first?.start);
      assert.deepEqual(beginning.member, { ...record(at, false), clientUrls: CLIENTS });
      assert.equal(beginning.known.length, 2);
    });
    assert.deepEqual(first?.known, [
      { id: IDS[2], urls: [URLS[2]] },
      { id: IDS[1], urls: [URLS[1]] },
    ]);
  });

  it('asks the others, and only them, whether it began before', async () => {
    let asked: readonly string[] = [];
    const ask: AskMembers = (urls) => {
      asked = urls;
      return Promise.resolve([
        {
          clusterId: CLUSTER,
          memberId: IDS[1] ?? 0n,
          members: [record(0, false), record(1, true)],
        },
      ]);
    };
    const { start } = await begin({ ask });
    assert.equal(start?.kind, 'new', 'known, but never started');
    assert.deepEqual(asked, [URLS[1], URLS[2]]);
  });

  it('refuses to begin a second time', async () => {
    const report = (members: readonly MemberRecord[], clusterId = CLUSTER): AskMembers =>
      answer({ clusterId, memberId: IDS[1] ?? 0n, members });
    await assert.rejects(
      begin({ ask: report([record(0, true), record(1, true)]) }),
      /member f2f1d5a4272bc382 \(n1\) has already been bootstrapped/,
    );
    await assert.rejects(begin({ ask: report([record(1, true)]) }), /was removed from the cluster/);
    await assert.rejects(
      begin({ ask: report([record(0, false)], 0xabn) }),
      /is in cluster ab already, and these flags begin cluster b02bcd87e5f3609c/,
    );
    await assert.rejects(
      begin({ flags: EXISTING, ask: report([record(0, true)]) }),
      /has already been bootstrapped/,
    );
  });

  it('goes on with the data that it has, whatever the flags say', async () => {
    const asked: AskMembers = () => Promise.reject(new Error('nobody should be asked'));
    for (const flags of [{}, EXISTING, { 'initial-cluster': 'other=http://x:1' }]) {
      const beginning = await begin({ flags, hasData: true, ask: asked });
      assert.equal(beginning.start, undefined);
      assert.equal(beginning.member.name, 'n1');
      assert.deepEqual(beginning.member.clientUrls, CLIENTS);
    }
  });

  it('refuses flags that describe no beginning once it has to begin', async () => {
    await assert.rejects(begin({ flags: { 'initial-cluster': 'o=http://x:1' } }), /does not name/);
    await assert.rejects(
      begin({ flags: { 'force-new-cluster': 'true' } }),
      /^StartFailure: --force-new-cluster: there is no data here/,
    );
  });

  it('joins under the id by which it was added', async () => {
    const self = { ...record(0, false), id: 77n, name: '', isLearner: true };
    const ask = answer(
      { clusterId: 5n, memberId: 2n, members: [record(1, true)] },
      { clusterId: 5n, memberId: 3n, members: [record(1, true), self] },
    );
    const beginning = await begin({ flags: EXISTING, ask });
    assert.deepEqual(beginning, {
      clusterId: 5n,
      member: { ...self, name: 'n1', clientUrls: CLIENTS },
      start: { kind: 'join', members: [record(1, true), self] },
      known: [{ id: IDS[1], urls: [URLS[1]] }],
    });
  });

  it('says once why it cannot join yet, and joins when it can', async () => {
    const self = { ...record(0, false), id: 77n, name: '' };
    const late = answer({ clusterId: 5n, memberId: 2n, members: [record(1, true), self] });
    let asked = 0;
    const ask: AskMembers = (...question) => (++asked < 3 ? silence : late)(...question);
    const reasons: string[] = [];
    const waits = (reason: string): void => void reasons.push(reason);
    const { member } = await begin({ flags: EXISTING, ask, joinMs: 60_000, waits });
    assert.equal(member.id, 77n);
    assert.equal(reasons.length, 1);
    assert.match(reasons[0] ?? '', /^no member of the running cluster answers at http/);
  });

  it('says what is missing when it cannot join', async () => {
    await assert.rejects(
      begin({ flags: EXISTING }),
      /no member of the running cluster answers at http:\/\/127\.0\.0\.1:23902, http/,
    );
    const ask = answer({ clusterId: 5n, memberId: 2n, members: [record(1, true)] });
    await assert.rejects(
      begin({ flags: EXISTING, ask }),
      /add it first: etcdctl member add <name> --peer-urls http:\/\/127\.0\.0\.1:23901/,
    );
  });
});
