// The cases of the conformance suite that make sense for a membership, which nobody waits for: it
// is there while its process can say so, gone when it cannot, back by itself, and left for good by
// those who leave. At the end of each case all revisions are gone through: every key of a member
// came into being under a lease, and its incarnations grew.
import assert from 'node:assert/strict';
import type { Members, Membership } from '../../../src/recipes/index.js';
import { toText } from '../../../src/store/index.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const PATIENCE_MS = 3 * TTL_MS;
const CALLS = 8;
const KEY = 'group/@members/';

describe('conformance: membership', () => {
  let world: World;
  let a: Client;
  let b: Client;

  const renew = (): void => {
    world = new World();
    [a, b] = [world.client('a'), world.client('b')];
  };
  beforeEach(renew);

  const group = (client: Client): Members => client.coord.members('group');
  const join = (client: Client): Promise<Membership> => world.run(group(client).join());
  const ids = (): readonly string[] => world.keys(KEY).map((key) => key.slice(KEY.length));
  const incarnationOf = (member: Membership): number => {
    assert.equal(member.state.kind, 'joined');
    return member.state.kind === 'joined' ? member.state.incarnation : 0;
  };

  afterEach(() => {
    const last = new Map<string, number>();
    for (const { events, revision } of world.server.kv.history) {
      for (const { type, kv } of events) {
        const key = toText(kv.key);
        if (type !== 'put' || !key.startsWith(KEY)) continue;
        assert.notEqual(kv.lease, 0n, `revision ${revision}: a member without a lease`);
        const incarnation = last.get(key) ?? 0;
        assert.ok(kv.createRevision >= incarnation, `revision ${revision}: an older incarnation`);
        last.set(key, kv.createRevision);
      }
    }
  });

  for (const fault of ['loseResponse', 'loseRequest'] as const) {
    it(`${fault}: joining, telling and leaving happen once`, async () => {
      for (let fatal = 1; fatal <= CALLS; fatal++) {
        renew();
        let count = 0;
        a.store[fault](() => ++count === fatal);
        const me = await join(a);
        await world.run(me.update({ load: 1 }));
        assert.deepEqual(ids(), ['a'], `call ${fatal}`);
        const { members } = await world.run(group(b).list());
        assert.deepEqual(members[0]?.metadata, { load: 1 }, `call ${fatal}`);
        await world.run(me.leave());
        await world.advance(PATIENCE_MS);
        assert.deepEqual(ids(), [], `call ${fatal}: left behind`);
        assert.equal(me.state.kind, 'left');
      }
    });
  }

  it('one that is cut off is gone for the others, knows it first, and comes back', async () => {
    const me = await join(a);
    const first = incarnationOf(me);
    a.store.partition('hang');
    let knewMs: number | undefined;
    let goneMs: number | undefined;
    me.state$.subscribe(({ kind }) => {
      if (kind === 'rejoining') knewMs ??= world.clock.monotonic();
    });
    world.server.listen(() => {
      if (ids().length === 0) goneMs ??= world.clock.monotonic();
    });
    await world.advance(2 * TTL_MS);
    assert.ok(knewMs !== undefined && goneMs !== undefined && knewMs < goneMs);
    a.store.heal();
    await world.advance(PATIENCE_MS);
    assert.ok(incarnationOf(me) > first);
    assert.deepEqual(ids(), ['a']);
  });

  for (const order of ['timers-first', 'network-first'] as const) {
    it(`one that is blocked for two TTLs comes back (${order} after it)`, async () => {
      const me = await join(a);
      const first = incarnationOf(me);
      const guard = me.guard();
      a.block();
      await world.advance(2 * TTL_MS);
      assert.deepEqual(ids(), []);
      a.unblock(order);
      await world.advance(TTL_MS);
      assert.ok(incarnationOf(me) > first);
      const { succeeded } = await world.run(b.store.txn({ compare: [guard] }));
      assert.equal(succeeded, false, 'the guard of an earlier incarnation holds');
    });
  }

  it('two of one session are two, and leaving is for one of them', async () => {
    const [one, two] = [await join(a), await world.run(group(a).join({ id: 'second' }))];
    await world.run(one.leave());
    await world.run(one.leave());
    await world.advance(PATIENCE_MS);
    assert.deepEqual(ids(), ['second']);
    assert.equal(two.state.kind, 'joined');
  });

  it('observers arrive over lost events, watches that end and compaction', async () => {
    const seen: (readonly string[])[] = [];
    group(b).members$.subscribe(({ members }) => seen.push(members.map(({ id }) => id)));
    await world.settle();
    b.store.dropNextEvent(() => true);
    const me = await join(a);
    await world.advance(PATIENCE_MS);
    assert.deepEqual(seen.at(-1), ['a'], 'a lost event was never made up for');
    b.store.partition('hang');
    await world.run(me.leave());
    const { header } = await world.run(a.store.put({ key: 'noise' }));
    await world.run(a.store.compact({ revision: header.revision }));
    b.store.heal();
    b.store.breakWatches();
    await world.advance(PATIENCE_MS);
    assert.deepEqual(seen.at(-1), []);
  });

  it('one that joins or leaves costs an observer one event, however many there are', async () => {
    const costs: number[] = [];
    for (const crowd of [20, 200]) {
      renew();
      for (let n = 0; n < crowd; n++) await world.run(group(a).join({ id: `m${n}` }));
      group(b).members$.subscribe();
      await world.settle();
      const [calls, events] = [b.store.calls.length, b.store.deliveredEventCount];
      const me = await world.run(group(a).join({ id: 'one-more' }));
      await world.run(me.leave());
      await world.settle();
      assert.equal(b.store.calls.length, calls);
      costs.push(b.store.deliveredEventCount - events);
    }
    assert.deepEqual(costs, [2, 2]);
  });
});
