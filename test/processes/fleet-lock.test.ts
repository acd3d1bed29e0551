// Proves with real processes that a FleetLock client needs nothing but another address when the
// member that it asked is killed: its slot is where it was, nobody else gets it meanwhile, and it
// is given back at a member that is left.
import assert from 'node:assert/strict';
import { PlainCluster, type PlainMember } from '../server/support/plain-cluster.js';
import { until } from '../server/support/until.js';

const GROUP = 'racks';
const REQUEST_MS = 10_000;

describe('FleetLock on three members', function () {
  this.timeout(120_000);
  let cluster: PlainCluster;

  before(async () => {
    cluster = await PlainCluster.start('tidelock', 3);
  });

  after(async () => {
    await cluster.stop();
  });

  async function ask(
    { clientUrl }: PlainMember,
    call: 'pre-reboot' | 'steady-state',
    id: string,
  ): Promise<readonly [number, string]> {
    const response = await fetch(`${clientUrl}/v1/${call}`, {
      method: 'POST',
      headers: { 'fleet-lock-protocol': 'true' },
      body: JSON.stringify({ client_params: { id, group: GROUP } }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const { kind = '' } = (await response.json()) as { kind?: string };
    return [response.status, kind];
  }

  /** As a client does: one that is not available is asked again. */
  async function insist(
    member: PlainMember,
    call: 'pre-reboot' | 'steady-state',
    id: string,
  ): Promise<readonly [number, string]> {
    let answer: readonly [number, string] = [503, ''];
    await until(`an answer to ${call} of ${id}`, async () => {
      answer = await ask(member, call, id);
      return answer[0] !== 503;
    });
    return answer;
  }

  it('go on when the leader, which gave the slot, is killed', async () => {
    const leader = await cluster.leader();
    const [second, third] = cluster.members.filter((member) => member !== leader);
    assert.ok(second !== undefined && third !== undefined);
    assert.deepEqual(await ask(leader, 'pre-reboot', 'host-7'), [200, '']);
    await leader.process.end('SIGKILL');
    assert.deepEqual(await insist(second, 'pre-reboot', 'host-8'), [423, 'semaphore_full']);
    assert.deepEqual(await insist(third, 'pre-reboot', 'host-7'), [200, '']);
    assert.deepEqual(await insist(second, 'steady-state', 'host-8'), [200, '']);
    assert.deepEqual(await insist(second, 'pre-reboot', 'host-8'), [423, 'semaphore_full']);
    assert.deepEqual(await insist(second, 'steady-state', 'host-7'), [200, '']);
    assert.deepEqual(await insist(third, 'pre-reboot', 'host-8'), [200, '']);
  });

  it('say that they are not available when a majority is gone', async () => {
    const [last, other] = cluster.running;
    assert.ok(last !== undefined && other !== undefined);
    await other.process.end('SIGKILL');
    assert.deepEqual(await ask(last, 'steady-state', 'host-8'), [503, 'unavailable']);
  });
});
