// Proves that a member is seen once, by one incarnation at a time, that it comes back by itself
// after a lost session and stays out when somebody turned it out, and that no lost answer, late
// request or crash leaves a member behind that is not there. It finds a join that takes another's
// id, one that mistakes its own old key for another's, one that never registers anew, and an old
// update that comes to rest on a newer one.
import assert from 'node:assert/strict';
import { filter, firstValueFrom } from 'rxjs';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { JoinOptions } from '../../../src/recipes/membership/members.js';
import type { MembersChange } from '../../../src/recipes/membership/members-view.js';
import type { Membership } from '../../../src/recipes/membership/membership.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, testSeed, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const join = (client: Client, options: JoinOptions = {}): Promise<Membership> =>
  client.coord.members('g').join(options);

describe('Membership', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let seen: MembersChange[];
  let shown: string[];

  beforeEach(async () => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
    seen = [];
    shown = [];
    const { members$, changes$ } = world.client('observer').coord.members('g');
    members$.subscribe(({ members }) => shown.push(members.map(({ id }) => id).join(' ')));
    changes$.subscribe((change) => seen.push(change));
    await world.settle();
  });

  const remove = (key: string): void => {
    world.server.run(() => ({ gone: world.server.kv.delete({ key }) }));
  };
  const ids = (members: readonly { readonly id: string }[]): string =>
    members.map(({ id }) => id).join();

  it('joins in one transaction, updates, leaves, and is seen to', async () => {
    await world.run(a.coord.election('warm').campaign());
    const before = a.store.callCount('txn');
    const me = await world.run(join(a, { id: 'm1', metadata: { load: 0 } }));
    assert.equal(a.store.callCount('txn') - before, 1);
    await world.run(join(b, { id: 'm0' }));
    await world.run(me.update({ load: 5 }));
    await world.settle();
    const { members, revision } = await world.run(b.coord.members('g').list());
    assert.equal(revision, world.server.kv.revision);
    assert.deepEqual(
      members.map(({ id, identity, metadata, sinceMs }) => ({ id, identity, metadata, sinceMs })),
      [
        { id: 'm0', identity: 'b', metadata: {}, sinceMs: b.clock.wall() },
        { id: 'm1', identity: 'a', metadata: { load: 5 }, sinceMs: a.clock.wall() },
      ],
    );
    assert.ok(Object.isFrozen(members) && Object.isFrozen(members[0]));
    assert.deepEqual(me.state, { kind: 'joined', incarnation: members[1]?.incarnation });
    await world.run(me.leave());
    await world.settle();
    assert.deepEqual(shown, ['', 'm1', 'm0 m1', 'm0 m1', 'm0']);
    assert.deepEqual(
      seen.map(({ joined, left, updated }) => [ids(joined), ids(left), ids(updated)]),
      [
        ['', '', ''],
        ['m1', '', ''],
        ['m0', '', ''],
        ['', '', 'm1'],
        ['', 'm1', ''],
      ],
    );
    assert.ok(is('NotOwner')(me.signal.reason));
    await assert.rejects(world.run(me.update({})), is('NotOwner'));
    assert.throws(() => me.guard(), is('NotOwner'));
    await world.run(me.leave());
  });

  it('refuses, replaces or renames when the id is taken', async () => {
    const first = await world.run(join(a, { id: 'm' }));
    await assert.rejects(world.run(join(b, { id: 'm' })), is('Conflict'));
    assert.equal(first.state.kind, 'joined');
    const renamed = await world.run(join(b, { id: 'm', onConflict: 'suffix' }));
    assert.equal(renamed.id, 'm-2');
    const again = await world.run(join(b, { id: 'm', onConflict: 'suffix' }));
    assert.equal(again.id, 'm-3');
    const other = await world.run(join(b, { id: 'm', onConflict: 'replace' }));
    await world.advance(100);
    assert.equal(first.state.kind, 'lost');
    assert.ok(is('LockLost')(first.signal.reason));
    assert.deepEqual(ids((await world.run(a.coord.members('g').list())).members), 'm,m-2,m-3');
    const told = seen.filter((change) => /^m$/u.test(ids([...change.joined, ...change.left])));
    assert.equal(told.length, 3, 'joined, left, joined');
    await world.run(first.leave());
    assert.equal(other.state.kind, 'joined');
    await assert.rejects(world.run(join(a, { id: '' })), is('InvalidArgument'));
    await assert.rejects(world.run(join(a, { id: 'x/y' })), is('InvalidArgument'));
  });

  it('two memberships of one session are two', async () => {
    const first = await world.run(join(a, { id: 'm' }));
    await assert.rejects(world.run(join(a, { id: 'm' })), is('Conflict'));
    await world.run(first.leave());
    const second = await world.run(join(a, { id: 'm' }));
    await world.run(first.leave());
    assert.equal(second.state.kind, 'joined');
  });

  it('comes back by itself after a lost session, as another incarnation', async () => {
    const me = await world.run(join(a, { id: 'm', metadata: { port: 1 } }));
    const states: string[] = [];
    me.state$.subscribe(({ kind }) => states.push(kind));
    const guard = me.guard();
    a.store.partition('hang');
    await world.advance(TTL_MS * 2);
    assert.equal(me.state.kind, 'rejoining');
    assert.throws(() => me.guard(), is('NotOwner'));
    const update = me.update({ port: 2 });
    a.store.heal();
    await world.run(update);
    assert.deepEqual(states, ['joined', 'rejoining', 'joined']);
    assert.equal(me.signal.aborted, false);
    const { members } = await world.run(a.coord.members('g').list());
    assert.deepEqual(members[0]?.metadata, { port: 2 });
    assert.notDeepEqual(me.guard(), guard);
    assert.deepEqual(shown, ['', 'm', '', 'm', 'm'].slice(0, shown.length));
  });

  it('takes its own key of the old session for its own when it comes back', async () => {
    const me = await world.run(join(a, { id: 'm' }));
    // The session ends here and not there: the old key is still listed while it rejoins.
    a.store.loseRequest(({ name }) => name === 'lease-revoke');
    a.block();
    await world.advance(TTL_MS - 100);
    const { kvs } = world.server.kv.range({ key: 'g/@members/m' });
    assert.equal(kvs.length, 1);
    a.unblock('timers-first');
    await world.advance(2000);
    assert.equal(me.state.kind, 'joined');
    const now = world.server.kv.range({ key: 'g/@members/m' }).kvs[0];
    assert.notEqual(now?.lease, kvs[0]?.lease);
    await world.advance(TTL_MS * 2);
    assert.equal(world.keys('g/').length, 1);
  });

  it('leaves nothing when it leaves while it comes back, at whatever step', async () => {
    for (let turn = 0; turn < 120; turn++) {
      const me = await world.run(join(a, { id: 'm' }));
      const { kvs } = world.server.kv.range({ key: 'g/@members/m' });
      const rejoining = firstValueFrom(
        me.state$.pipe(filter(({ kind }) => kind === 'rejoining')),
      ).then(async () => {
        for (let i = 0; i < turn; i++) await Promise.resolve();
        await me.leave();
      });
      world.server.run(() => world.server.revoke(kvs[0]?.lease ?? 0n));
      await world.run(rejoining);
      await world.advance(100);
      assert.equal(me.state.kind, 'left', `after ${turn} turns`);
      assert.deepEqual(world.keys('g/'), [], `after ${turn} turns`);
    }
  });

  it('comes back after its lease was revoked, and not after its key was deleted', async () => {
    const me = await world.run(join(a, { id: 'm' }));
    const { kvs } = world.server.kv.range({ key: 'g/@members/m' });
    world.server.run(() => world.server.revoke(kvs[0]?.lease ?? 0n));
    await world.advance(1000);
    assert.equal(me.state.kind, 'joined');
    assert.equal(world.keys('g/').length, 1);
    remove('g/@members/m');
    await world.advance(TTL_MS * 2);
    assert.deepEqual(me.state, { kind: 'lost', loss: { kind: 'deleted', key: 'g/@members/m' } });
    assert.deepEqual(world.keys('g/'), []);
  });

  it('asks until it knows whether its lease or its key was taken', async () => {
    const me = await world.run(join(a, { id: 'm' }));
    const { kvs } = world.server.kv.range({ key: 'g/@members/m' });
    const asks = ({ name }: { readonly name: string }): boolean => name === 'lease-time-to-live';
    a.store.loseRequest(asks);
    a.store.loseRequest(asks);
    world.server.run(() => world.server.revoke(kvs[0]?.lease ?? 0n));
    await world.advance(3000);
    assert.equal(me.state.kind, 'joined');
  });

  it('leaving takes nothing from whoever has the id now', async () => {
    const me = await world.run(join(a, { id: 'm' }));
    a.store.hold();
    const other = await world.run(join(b, { id: 'm', onConflict: 'replace' }));
    const leaving = peek(me.leave());
    await world.advance(100);
    a.store.release();
    await world.run(leaving.promise);
    await world.advance(100);
    assert.equal(other.state.kind, 'joined');
    assert.equal(world.keys('g/').length, 1);
  });

  it('stays out when another took its id while it was away', async () => {
    const me = await world.run(join(a, { id: 'm', onConflict: 'replace' }));
    a.store.partition('hang');
    await world.advance(TTL_MS * 2);
    const other = await world.run(join(b, { id: 'm' }));
    a.store.heal();
    await world.advance(TTL_MS);
    assert.equal(me.state.kind, 'lost');
    assert.equal(other.state.kind, 'joined');
  });

  it('lost answers join, update and leave once', async () => {
    const isTxn = ({ name }: { readonly name: string }): boolean => name === 'txn';
    a.store.loseResponse(isTxn);
    const me = await world.run(join(a, { id: 'm' }));
    const { kvs } = world.server.kv.range({ key: 'g/@members/m' });
    assert.deepEqual(me.state, { kind: 'joined', incarnation: kvs[0]?.createRevision });
    a.store.loseResponse(isTxn);
    await world.run(me.update({ x: 1 }));
    assert.equal(me.state.kind, 'joined');
    a.store.loseResponse(isTxn);
    await world.run(me.leave());
    assert.deepEqual(world.keys('g/'), []);
  });

  it('a request that arrives after its member has left makes no member', async () => {
    a.store.delayRequest(({ name }) => name === 'txn', 5000);
    const me = await world.run(join(a, { id: 'm' }));
    await world.run(me.leave());
    await world.advance(TTL_MS * 2);
    assert.deepEqual(world.keys('g/'), []);
    a.store.delayRequest(({ name }) => name === 'txn', 3000);
    const given = peek(join(a, { id: 'm', timeoutMs: 10 }));
    await world.advance(100);
    assert.ok(is('Timeout')(given.error));
    await world.advance(TTL_MS * 2);
    assert.deepEqual(world.keys('g/'), []);
  });

  it('an old update does not come to rest on a newer one', async () => {
    const me = await world.run(join(a, { id: 'm' }));
    a.store.delayRequest(({ name }) => name === 'txn', 5000);
    await world.run(me.update({ n: 1 }));
    await world.run(Promise.all([me.update({ n: 3 }), me.update({ n: 2 })]));
    await world.advance(TTL_MS);
    const { members } = await world.run(b.coord.members('g').list());
    assert.deepEqual(members[0]?.metadata, { n: 2 });
  });

  it('closing leaves the group', async () => {
    const me = await world.run(join(a, { id: 'm' }));
    await world.run(a.coord.close());
    assert.deepEqual(world.keys('g/'), []);
    assert.equal(me.state.kind, 'left');
    assert.equal(a.store.watchCount, 0);
  });

  it('a process that dies at any call of joining leaves nothing for good', async () => {
    for (const moment of ['before', 'after'] as const) {
      for (let fatal = 1; fatal <= 4; fatal++) {
        const small = new World();
        const dying = small.client('a');
        let count = 0;
        dying.store.loseRequest(() => {
          count += 1;
          if (count !== fatal) return false;
          dying.crash();
          return moment === 'before';
        });
        void join(dying, { id: 'm' }).catch(() => undefined);
        await small.advance(1000);
        const heir = small.client('b');
        const next = peek(join(heir, { id: 'm', onConflict: 'replace' }));
        await small.advance(TTL_MS * 2);
        assert.equal(next.value?.state.kind, 'joined');
      }
    }
  });
});

describe('members at random', function () {
  this.timeout(60_000);

  it('those that are joined are there, and nobody else, when the faults are over', async () => {
    const base = testSeed();
    for (let run = 0; run < 12; run++) {
      try {
        await runMembers(base + run);
      } catch (error) {
        throw new Error(`TIDELOCK_SEED=${base + run}`, { cause: error });
      }
    }
  });
});

async function runMembers(seed: number): Promise<void> {
  const world = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: 4 } });
  const random = world.random.split('schedule');
  const clients = ['a', 'b', 'c'].map((name) => world.client(name));
  const members: Membership[] = [];
  const all: Promise<unknown>[] = [];
  const policies = ['reject', 'replace', 'suffix'] as const;
  const acceptable = (error: unknown): void => {
    if (!isCoordinationError(error)) throw error;
  };
  const enter = async (client: Client): Promise<void> => {
    const onConflict = policies[random.below(3)] ?? 'reject';
    members.push(await join(client, { id: `m${random.below(4)}`, onConflict }));
  };
  for (let step = 0; step < 100; step++) {
    const client = clients[random.below(clients.length)] as Client;
    const member = members[random.below(members.length + 1)];
    const what = random.below(16);
    if (what === 0) client.store.partition(random.below(2) === 0 ? 'fail' : 'hang');
    else if (what < 4) client.store.heal();
    else if (what === 4) client.store.loseResponse(() => true);
    else if (what === 5) client.store.loseRequest(() => true);
    else if (what === 6) client.store.delayRequest(() => true, random.below(3000));
    else if (what === 7) client.store.dropNextEvent(() => true);
    else if (what === 8) client.block();
    else if (what === 9) client.unblock();
    else if (what === 10) all.push(member?.leave() ?? Promise.resolve());
    else if (what < 13) all.push(member?.update({ step }).catch(acceptable) ?? Promise.resolve());
    else if (all.length < 60) all.push(enter(client).catch(acceptable));
    await world.advance(random.below(600));
  }
  for (const client of clients) {
    client.unblock();
    client.store.heal();
  }
  await world.run(Promise.all(all), 300_000);
  await world.advance(30_000);
  const joined = members.filter(({ state }) => state.kind === 'joined').map(({ id }) => id);
  assert.deepEqual(
    world.keys('g/@members/'),
    joined.toSorted().map((id) => `g/@members/${id}`),
  );
  for (const { state } of members) assert.notEqual(state.kind, 'rejoining');
  await world.close();
  await world.advance(12_000);
  assert.deepEqual(world.keys(), []);
  assert.equal(world.clock.timerCount, 0);
}
