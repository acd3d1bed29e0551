// Proves that the flags of a cluster are read as etcd reads them, that the ids come out as etcd's
// (compared with one that runs), and that combinations that make no sense are refused by name.
import assert from 'node:assert/strict';
import { addedMemberIdOf } from '../../../src/server/config/cluster-ids.js';
import { ConfigError } from '../../../src/server/config/config-error.js';
import { parseServerConfig } from '../../../src/server/config.js';

type Texts = Record<string, string>;

const THREE = 'n1=http://127.0.0.1:23901,n2=http://127.0.0.1:23902,n3=http://127.0.0.1:23903';

function parse(flags: Texts = {}) {
  return parseServerConfig(flags, {});
}

function memberOfThree(number: number, more: Texts = {}) {
  return parse({
    name: `n${number}`,
    'initial-cluster': THREE,
    'initial-cluster-token': 'tok-7',
    'initial-advertise-peer-urls': `http://127.0.0.1:2390${number}`,
    'listen-peer-urls': `http://127.0.0.1:2390${number}`,
    ...more,
  }).cluster;
}

function refusal(flags: Texts): string {
  try {
    parse(flags);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  throw new Error(`accepted: ${JSON.stringify(flags)}`);
}

describe('parseServerConfig: clusters', () => {
  it('computes the ids that etcd 3.4.23 gave three members under the same flags', () => {
    const ids = [1, 2, 3].map((number) => memberOfThree(number).memberId.toString(16));
    assert.deepEqual(ids, ['f2f1d5a4272bc382', 'cb12fb916c8db79a', '9703e6e632cdbd52']);
    assert.equal(memberOfThree(2).clusterId, 0xb02bcd87e5f3609cn);
    assert.equal(memberOfThree(2).fault, undefined);
  });

  it('computes the id that etcd 3.4.23 gave a member that was added', () => {
    // Added in the second 1795344833; the token of the cluster plays no part.
    assert.equal(addedMemberIdOf(['http://127.0.0.1:23904'], 1_795_344_833.7), 0x1e5d9a45dbd489n);
  });

  it('takes a name that stands there twice for one member with two addresses', () => {
    const urls = 'http://127.0.0.1:1,http://127.0.0.1:2';
    const { cluster } = parse({
      name: 'a',
      'initial-cluster': 'a=http://127.0.0.1:2,b=http://127.0.0.1:3,a=http://127.0.0.1:1',
      'initial-advertise-peer-urls': urls,
    });
    assert.equal(cluster.fault, undefined);
    assert.deepEqual(cluster.initialMembers, [
      { name: 'a', peerUrls: ['http://127.0.0.1:2', 'http://127.0.0.1:1'] },
      { name: 'b', peerUrls: ['http://127.0.0.1:3'] },
    ]);
  });

  it('keeps what is wrong only for a member that begins, and says what', () => {
    const cases: readonly (readonly [Texts, RegExp])[] = [
      [
        { 'initial-cluster': 'other=http://localhost:2380' },
        /^--initial-cluster: .* does not name/,
      ],
      [{ 'initial-cluster': 'default=http://x:1' }, /^--initial-cluster: .* the two must agree$/],
      [
        {
          'initial-advertise-peer-urls': 'http://localhost:1',
          'initial-cluster': 'default=http://localhost:2',
        },
        /than --initial-advertise-peer-urls=http:\/\/localhost:1; the two must agree/,
      ],
      [
        { 'initial-cluster-state': 'existing' },
        /^--initial-cluster-state: .* needs --initial-cluster/,
      ],
    ];
    for (const [flags, pattern] of cases) {
      assert.match(parse(flags).cluster.fault?.message ?? '', pattern);
    }
  });

  it('refuses what could never be meant', () => {
    const cases: readonly (readonly [Texts, RegExp])[] = [
      [{ 'initial-cluster': 'nonsense' }, /is not a list of name=url/],
      [{ 'initial-cluster': '=http://a:1' }, /is not a list of name=url/],
      [{ 'initial-cluster': 'a=http://a:1,b=https://b:1' }, /TLS, which comes with a later/],
      [{ 'initial-cluster': 'a=http://a:1,a=http://a:1' }, /repeats http:\/\/a:1/],
      [{ 'initial-cluster': 'a=http://a:1,b=http://a:1' }, /gives http:\/\/a:1 to both a and b/],
      [{ 'listen-peer-urls': 'http://localhost:1,http://localhost:1' }, /repeats an address/],
      [{ 'listen-peer-urls': '' }, /names no address/],
      [
        { 'listen-peer-urls': 'http://10.0.0.1:2380' },
        /--insecure-listen if the network is trusted/,
      ],
      [{ 'initial-advertise-peer-urls': 'http://0.0.0.0:2380' }, /no address that another member/],
      [{ 'initial-advertise-peer-urls': 'http://10.0.0.1:0' }, /no address that another member/],
      [{ 'initial-advertise-peer-urls': 'http://10.0.0.1:1/x' }, /must end after the port/],
      [{ 'max-learners': '0' }, /of 1 or more/],
      [{ 'snapshot-catchup-entries': '-1' }, /of 0 or more/],
      [{ 'strict-reconfig-check': 'perhaps' }, /is neither true nor false/],
      [{ 'discovery-srv': 'example.org' }, /members are named by --initial-cluster/],
    ];
    for (const [flags, pattern] of cases) {
      const [flag = ''] = Object.keys(flags);
      const message = refusal(flags);
      assert.match(message, pattern);
      assert.ok(message.startsWith(`--${flag}: `), message);
    }
    assert.match(
      refusal({ 'listen-peer-urls': 'http://0.0.0.0:2380', 'insecure-listen': 'true' }),
      /^--initial-advertise-peer-urls: .* is required when --listen-peer-urls has 0\.0\.0\.0/,
    );
  });

  it('has etcd’s defaults', () => {
    const config = parse();
    assert.equal(config.learnersMax, 1);
    assert.equal(config.strictReconfigCheck, true);
    assert.equal(config.snapshotCatchUpEntries, 5000);
    assert.equal(config.cluster.state, 'new');
    assert.equal(config.cluster.forceNew, false);
    assert.deepEqual(config.cluster.listenPeerUrls, [{ host: 'localhost', port: 2380 }]);
    assert.equal(config.cluster.listenPeerChosen, false);
    assert.equal(parse({ 'strict-reconfig-check': 'false' }).strictReconfigCheck, false);
    assert.equal(parse({ 'force-new-cluster': 'true' }).cluster.forceNew, true);
  });
});
