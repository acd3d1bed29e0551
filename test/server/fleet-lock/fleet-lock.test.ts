// Proves the FleetLock endpoint as its clients see it: the header, a body without a content type,
// the answers that let a machine reboot and those that do not, repetition, groups, and the metrics
// under the names that airlock gave them.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { type Coordination, coordinate } from '../../../src/recipes/index.js';
import { FakeKernel } from '../support/fake-kernel.js';
import {
  startFakeServer,
  startTestServer,
  stopTestServers,
  type TestServer,
} from '../support/test-server.js';
import { LIMITS, StoreError } from '../../../src/store/index.js';
import { until } from '../support/until.js';

const HEADER = { 'fleet-lock-protocol': 'true' };

interface Answer {
  readonly status: number;
  readonly body: { readonly kind?: string; readonly value?: string; readonly state?: string };
  readonly headers: Headers;
}

describe('FleetLock', () => {
  let server: TestServer;

  afterEach(stopTestServers);

  async function call(
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = HEADER,
    method = 'POST',
  ): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init = method === 'GET' ? {} : { body: text };
    const response = await fetch(`${server.url}${path}`, { method, headers, ...init });
    const answer = (await response.json()) as Answer['body'];
    return { status: response.status, body: answer, headers: response.headers };
  }

  const params = (id: string, more: object = {}): object => ({
    client_params: { id, group: 'default', ...more },
  });
  const lock = (id: string, more: object = {}): Promise<Answer> =>
    call('/v1/pre-reboot', params(id, more));
  const unlock = (id: string, more: object = {}): Promise<Answer> =>
    call('/v1/steady-state', params(id, more));

  async function metric(name: string): Promise<string | undefined> {
    const page = await (await fetch(`${server.url}/metrics`)).text();
    return page.split('\n').find((line) => line.startsWith(name));
  }

  describe('on a member', () => {
    beforeEach(async () => {
      server = await startTestServer();
    });

    it('lets one machine reboot at a time, as often as it asks', async () => {
      assert.equal((await lock('m1')).status, 200);
      assert.equal((await lock('m1')).status, 200, 'who has the lock is told so again');
      const refused = await lock('m2');
      assert.equal(refused.status, 423);
      assert.equal(refused.body.kind, 'semaphore_full');
      assert.match(refused.body.value ?? '', /m1/);
      assert.equal((await unlock('m2')).status, 200, 'who has no lock may give it back');
      assert.equal((await lock('m2')).status, 423, 'and does not free that of another');
      assert.equal((await unlock('m1')).status, 200);
      assert.equal((await unlock('m1')).status, 200);
      assert.equal((await lock('m2')).status, 200);
    });

    it('keeps groups apart, and the case of ids', async () => {
      assert.equal((await lock('m1')).status, 200);
      assert.equal((await lock('m2', { group: 'other.group-2' })).status, 200);
      assert.equal((await lock('M1')).status, 423);
    });

    it('takes a body without a content type, and one that says it is a form', async () => {
      const body = JSON.stringify(params('m1'));
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const raw = httpRequest(`${server.url}/v1/pre-reboot`, { method: 'POST', headers: HEADER });
        raw.on('response', (response) => resolve(response.resume().statusCode));
        raw.on('error', reject);
        raw.end(body);
      });
      assert.equal(status, 200);
      const form = { ...HEADER, 'content-type': 'application/x-www-form-urlencoded' };
      assert.equal((await call('/v1/pre-reboot', body, form)).status, 200);
    });

    it('names what is wrong with a request', async () => {
      const cases: readonly (readonly [string, number, RegExp])[] = [
        ['', 400, /not JSON/],
        ['{', 400, /not JSON/],
        ['[]', 400, /client_params/],
        ['{"client_params": []}', 400, /client_params/],
        ['{"client_params": {"group": "a"}}', 400, /client_params.id/],
        ['{"client_params": {"id": "", "group": "a"}}', 400, /client_params.id/],
        ['{"client_params": {"id": "a"}}', 400, /client_params.group undefined/],
        ['{"client_params": {"id": "a", "group": ""}}', 400, /client_params.group ""/],
        ['{"client_params": {"id": "a", "group": "a/b"}}', 400, /client_params.group "a\/b"/],
        [
          `{"client_params": {"id": "a", "group": "${'g'.repeat(257)}"}}`,
          400,
          /client_params.group has more than 256/,
        ],
        ['{"client_params": {"id": "a", "group": "a", "zone": 7}}', 400, /client_params.zone/],
        ['x'.repeat(100_000), 413, /bytes/],
      ];
      for (const path of ['/v1/pre-reboot', '/v1/steady-state']) {
        for (const [body, status, value] of cases) {
          const answer = await call(path, body);
          assert.equal(answer.status, status, body.slice(0, 80));
          assert.equal(answer.body.kind, 'invalid_request');
          assert.match(answer.body.value ?? '', value);
        }
        const plain = await call(path, params('m1'), {});
        assert.deepEqual([plain.status, plain.body.kind], [400, 'invalid_request']);
        assert.match(plain.body.value ?? '', /fleet-lock-protocol: true/);
        const got = await call(path, '', HEADER, 'GET');
        assert.deepEqual([got.status, got.headers.get('allow')], [405, 'POST']);
      }
      assert.equal((await lock('m1')).status, 200, 'and nothing was half done');
    });

    it('takes no two ids for the same one because of what cannot be written down', async () => {
      const halves = ['\\ud800', '\\udc00x', '\\ufeffm1'];
      const bodies: (string | Uint8Array)[] = halves.flatMap((half) => [
        `{"client_params": {"id": "${half}", "group": "a"}}`,
        `{"client_params": {"id": "a", "group": "a", "zone": "${half}"}}`,
      ]);
      // Latin-1, as of a machine with a locale of long ago.
      bodies.push(Buffer.from('{"client_params": {"id": "h\xf6st", "group": "a"}}', 'latin1'));
      for (const body of bodies) {
        const init = { method: 'POST', headers: HEADER, body };
        const response = await fetch(`${server.url}/v1/pre-reboot`, init);
        const { kind, value } = (await response.json()) as Answer['body'];
        assert.deepEqual([response.status, kind], [400, 'invalid_request'], String(body));
        assert.match(value ?? '', /surrogates|UTF-8/);
      }
      assert.equal((await lock('h\u00f6st \ud83d\ude9a')).status, 200);
      assert.equal((await lock('h\ufffdst')).status, 423);
    });

    it('makes no more groups than it has numbers for, and serves those that exist', async () => {
      const { store } = server.kernel;
      const count = LIMITS.fleetLockGroups + 5;
      const puts = Array.from({ length: count }, (_, i) => {
        return { kind: 'put', key: `reboot/g${i}/node/m`, value: '{}' } as const;
      });
      const step = LIMITS.txnOperations;
      for (let at = 0; at < count; at += step) {
        await store.txn({ success: puts.slice(at, at + step) });
      }
      const refused = await lock('m1', { group: 'new' });
      assert.deepEqual([refused.status, refused.body.kind], [403, 'too_many_groups']);
      assert.match(refused.body.value ?? '', /tidelock reboot set-max 1 --group new$/);
      assert.equal((await unlock('m1', { group: 'new' })).status, 200, 'it makes no group');
      assert.equal((await lock('m1', { group: 'g7' })).status, 200);
      const operator = coordinate(store);
      await operator.reboots('new').setMax(1);
      assert.equal((await lock('m1', { group: 'new' })).status, 200);
      await operator.close();
      let lines: readonly string[] = [];
      await until('the numbers of all groups', async () => {
        const page = await (await fetch(`${server.url}/metrics`)).text();
        lines = page.split('\n').filter((line) => line.startsWith('tidelock_reboot_stuck{'));
        return lines.length > 0;
      });
      assert.equal(lines.length, LIMITS.fleetLockGroups);
    });

    it('says by which rule it refuses, and when to come again', async () => {
      const operator = coordinate(server.kernel.store, { identity: 'operator' });
      const group = operator.reboots('default');
      await group.pause({ reason: 'black friday' });
      const paused = await lock('m1');
      assert.deepEqual([paused.status, paused.body.kind], [423, 'group_paused']);
      assert.match(paused.body.value ?? '', /black friday/);
      await group.resume();
      await group.hold({ node: 'm1', reason: 'disk check' });
      assert.equal((await lock('m1')).body.kind, 'node_held');
      assert.equal((await lock('m2')).status, 200);
      await operator.close();
    });

    it('knows a reboot from a restart of the agent when it is told boot ids', async () => {
      assert.equal((await lock('m1', { boot_id: 'one' })).status, 200);
      assert.equal((await unlock('m1', { boot_id: 'one' })).body.state, 'not-rebooted');
      assert.equal((await lock('m2')).status, 423);
      assert.equal((await unlock('m1', { boot_id: 'two' })).body.state, 'released');
      assert.equal((await lock('m2')).status, 200);
    });

    it('counts under airlock’s names', async () => {
      await lock('m1');
      await lock('m2');
      await unlock('m1');
      await lock('m2');
      for (const line of [
        'airlock_config_groups 1',
        'airlock_config_semaphore_slots{group="default"} 1',
        'airlock_database_semaphore_slots{group="default"} 1',
        'airlock_database_semaphore_lock_holders{group="default"} 1',
        'airlock_v1_pre_reboot_incoming_requests_total 3',
        'airlock_v1_steady_state_incoming_requests_total 1',
        'tidelock_reboot_stuck{group="default"} 0',
      ]) {
        const [name = ''] = line.split(/[ {]/);
        assert.equal(await metric(name), line);
      }
    });
  });

  it('serves no group that nobody set up, when told so', async () => {
    server = await startTestServer({ 'fleet-lock-groups': 'known' });
    const refused = await lock('m1');
    assert.deepEqual([refused.status, refused.body.kind], [400, 'unknown_group']);
    const operator = coordinate(server.kernel.store);
    await operator.reboots('default').setMax(2);
    await operator.close();
    assert.equal((await lock('m1')).status, 200);
  });

  it('says that it is not available while the store is not', async () => {
    const kernel = new FakeKernel();
    let isAsked = false;
    const refuse = (): Promise<never> => {
      isAsked = true;
      return Promise.reject(new StoreError('NoLeader'));
    };
    kernel.store.range = refuse;
    kernel.store.txn = refuse;
    server = await startFakeServer(kernel, { 'election-timeout': '500' });
    const before = lock('m1');
    await until('a question to the store', () => isAsked);
    void server.stop();
    const answer = await before;
    assert.deepEqual([answer.status, answer.body.kind], [503, 'unavailable']);
  });
  describe('whose client has gone before the store answers', () => {
    /** After that the member gives up by itself. */
    const TIMEOUT_MS = LIMITS.requestBaseMs;
    let kernel: FakeKernel;
    let operator: Coordination;
    let answer: () => void;
    let look: AbortSignal | undefined;

    beforeEach(async () => {
      kernel = new FakeKernel();
      server = await startFakeServer(kernel);
      operator = coordinate(kernel.store, { identity: 'operator' });
      look = undefined;
    });

    /** Makes a call whose first look at the group is not answered, and goes. */
    async function askAndGo(path: string): Promise<void> {
      const { store } = kernel;
      const txn = store.txn.bind(store);
      const answered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      store.txn = async (request, options) => {
        store.txn = txn;
        look = options?.signal;
        await answered;
        return await txn(request, options);
      };
      const client = new AbortController();
      const init = { method: 'POST', headers: HEADER, body: JSON.stringify(params('m1')) };
      const asked = fetch(`${server.url}${path}`, { ...init, signal: client.signal });
      await until('a look at the group', () => look !== undefined);
      client.abort();
      await assert.rejects(asked);
    }

    /** The store answers after all. */
    async function answerLate(): Promise<void> {
      await until('the end of the call', () => look?.aborted === true, TIMEOUT_MS / 2);
      answer();
      await new Promise((resolve) => setImmediate(resolve));
    }

    it('gives no slot to a machine that does not wait for it any more', async () => {
      await askAndGo('/v1/pre-reboot');
      await answerLate();
      assert.deepEqual((await operator.reboots('default').status()).holders, []);
      await operator.close();
    });

    it('ends no slot that the machine was given elsewhere meanwhile', async () => {
      await askAndGo('/v1/steady-state');
      await operator.reboots('default').acquire({ node: 'm1' });
      await answerLate();
      const { holders } = await operator.reboots('default').status();
      assert.deepEqual(
        holders.map(({ node }) => node),
        ['m1'],
      );
      await operator.close();
    });
  });
});
