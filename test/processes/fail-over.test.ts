// Proves with real processes that a leader which is killed is replaced long before anybody's
// election timeout is over, because the others notice the end of its process; and that one which is
// told to stop has handed over before its end is noticed.
import assert from 'node:assert/strict';
import { connect } from '../../src/client/index.js';
import { PlainCluster, type PlainMember } from '../server/support/plain-cluster.js';
import { until } from '../server/support/until.js';

const ELECTION_MS = 4000;
const HEARTBEAT_MS = 100;
const FLAGS = [
  ...['--heartbeat-interval', `${HEARTBEAT_MS}`, '--election-timeout', `${ELECTION_MS}`],
  ...['--log-level', 'info'],
];
const ENDED = '"msg":"peerEnded"';
const NOTICED = 'the process that leads has ended';

describe('three members', function () {
  this.timeout(120_000);
  let cluster: PlainCluster;

  before(async () => {
    cluster = await PlainCluster.start('tidelock', 3, FLAGS);
  });

  after(async () => {
    await cluster.stop();
  });

  async function write(member: PlainMember, key: string): Promise<void> {
    const store = await connect(member.clientUrl);
    try {
      await store.put({ key, value: key });
    } finally {
      await store.close();
    }
  }

  function countOf(words: string, { process }: PlainMember): number {
    return process.log.split(words).length - 1;
  }

  async function othersOf(leader: PlainMember): Promise<readonly PlainMember[]> {
    const others = cluster.members.filter((member) => member !== leader);
    for (const other of others) await write(other, other.name);
    return others;
  }

  it('replace a leader that is killed before an election timeout is over', async () => {
    const leader = await cluster.leader();
    const others = await othersOf(leader);
    const startMs = performance.now();
    await leader.process.end('SIGKILL');
    await Promise.any(others.map((member) => write(member, 'after')));
    const ms = performance.now() - startMs;
    // Whoever waits for a timeout has heard the leader a heartbeat before its end, or later.
    assert.ok(ms < ELECTION_MS - HEARTBEAT_MS, `${ms} ms`);
    // What a member logs comes on another way than its answers.
    await until('a word of why', () => others.some((member) => countOf(NOTICED, member) > 0));
    assert.ok(others.every((member) => countOf(NOTICED, member) <= 1));
    const next = await cluster.leader();
    assert.ok(others.includes(next));
    await cluster.launch(leader, cluster.members, 'new');
    const isThere = async (): Promise<boolean> => {
      return ((await cluster.report(leader))?.leaderId ?? 0n) !== 0n;
    };
    await until('all are there', isThere);
    // Until then another follower listens to its new process only after a pause.
    const isForgotten = (): boolean => performance.now() - startMs > ELECTION_MS;
    await until('its first process is forgotten', isForgotten);
  });

  it('notice no end of a leader that was told to stop', async () => {
    const leader = await cluster.leader();
    const others = await othersOf(leader);
    const counts = (words: string): readonly number[] =>
      others.map((member) => countOf(words, member));
    const before = counts(NOTICED);
    const endedBefore = counts(ENDED);
    assert.equal(await leader.process.end('SIGTERM'), 0);
    await write(others[0] as PlainMember, 'after');
    await cluster.leader();
    await until('its end is noticed', () =>
      counts(ENDED).every((count, at) => count > (endedBefore[at] ?? 0)),
    );
    assert.deepEqual(counts(NOTICED), before);
  });
});
