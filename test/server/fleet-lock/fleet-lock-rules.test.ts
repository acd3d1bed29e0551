// Proves what FleetLock answers by each rule of a group that its own tests leave out, with the time
// to come again where that is known, and when the store refuses.
import assert from 'node:assert/strict';
import { type Coordination, coordinate, parseWindow } from '../../../src/recipes/index.js';
import { StoreError } from '../../../src/store/index.js';
import { FakeKernel } from '../support/fake-kernel.js';
import {
  startFakeServer,
  startTestServer,
  stopTestServers,
  type TestServer,
} from '../support/test-server.js';
import { until } from '../support/until.js';

const HALF_A_DAY_MS = 12 * 3_600_000;

interface Answer {
  readonly status: number;
  readonly kind: string | undefined;
  readonly value: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

describe('FleetLock, rule by rule', () => {
  let server: TestServer;
  let operator: Coordination;

  async function ask(call: 'pre-reboot' | 'steady-state', id: string, zone = ''): Promise<Answer> {
    const response = await fetch(`${server.url}/v1/${call}`, {
      method: 'POST',
      headers: { 'fleet-lock-protocol': 'true' },
      body: JSON.stringify({ client_params: { id, group: 'racks', zone } }),
    });
    const { kind, value } = (await response.json()) as { kind?: string; value?: string };
    const header = response.headers.get('retry-after');
    const retryAfterSeconds = header === null ? undefined : Number(header);
    return { status: response.status, kind, value, retryAfterSeconds };
  }

  const isRefused = (answer: Answer, kind: string): void =>
    assert.deepEqual([answer.status, answer.kind], [423, kind]);

  afterEach(stopTestServers);

  describe('of a member', () => {
    beforeEach(async () => {
      server = await startTestServer();
      operator = coordinate(server.kernel.store, { identity: 'operator' });
    });

    afterEach(() => operator.close());

    it('outside of the windows: until the next one opens', async () => {
      const start = new Date(Date.now() + HALF_A_DAY_MS).toISOString().slice(11, 16);
      await operator.reboots('racks').setPolicy({ windows: [parseWindow(`${start} 1m`)] });
      const answer = await ask('pre-reboot', 'm1');
      isRefused(answer, 'outside_window');
      const waitMs = (answer.retryAfterSeconds ?? 0) * 1000;
      assert.ok(Math.abs(waitMs - HALF_A_DAY_MS) < 120_000, `${waitMs} ms`);
    });

    it('while it cools down, is paused or held for a time: until that is over', async () => {
      const group = operator.reboots('racks');
      await group.setPolicy({ cooldownSeconds: 600 });
      assert.equal((await ask('pre-reboot', 'm1')).status, 200);
      assert.equal((await ask('steady-state', 'm1')).status, 200);
      const cooling = await ask('pre-reboot', 'm2');
      isRefused(cooling, 'cooldown');
      const held = await group.hold({ forSeconds: 60 });
      const back = await ask('pre-reboot', 'm2');
      isRefused(back, 'group_held');
      await group.unhold({ id: held.id });
      await group.pause({ forSeconds: 6000 });
      const paused = await ask('pre-reboot', 'm2');
      isRefused(paused, 'group_paused');
      const waits = [back, cooling, paused].map(({ retryAfterSeconds = 0 }) => retryAfterSeconds);
      for (const [place, most] of [60, 600, 6000].entries()) {
        const wait = waits[place] ?? 0;
        assert.ok(wait > most / 2 && wait <= most + 1, waits.join());
      }
      await group.pause();
      assert.equal((await ask('pre-reboot', 'm2')).retryAfterSeconds, undefined, 'nobody knows');
    });

    it('a busy zone, and a budget that is used up', async () => {
      const group = operator.reboots('racks');
      await group.setPolicy({ max: 2, order: { by: 'zone', rule: 'one-per-zone' } });
      assert.equal((await ask('pre-reboot', 'm1', 'east')).status, 200);
      isRefused(await ask('pre-reboot', 'm2', 'east'), 'zone_busy');
      await group.setPolicy({ grantTimeoutSeconds: 1 });
      assert.equal((await ask('pre-reboot', 'm3', 'west')).status, 200);
      await until('m3 to be stuck', async () => (await group.status()).stuck === 1);
      const answer = await ask('pre-reboot', 'm4', 'north');
      isRefused(answer, 'failure_budget_exhausted');
      assert.match(answer.value ?? '', /m3/);
    });
  });

  it('a store that takes no writes: an operator has to look', async () => {
    const kernel = new FakeKernel();
    const refuse = (): Promise<never> => Promise.reject(new StoreError('NoSpace'));
    kernel.store.range = refuse;
    kernel.store.txn = refuse;
    server = await startFakeServer(kernel);
    const answer = await ask('pre-reboot', 'm1');
    assert.deepEqual([answer.status, answer.kind], [503, 'store_refused']);
    assert.match(answer.value ?? '', /NoSpace/);
  });
});
