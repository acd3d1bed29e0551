// Proves that one member can be asked how it is when it is not well: without a leader an etcd keeps
// silent about alarms, and the rest of its report has to come all the same.
import assert from 'node:assert/strict';
import { askMember } from '../../src/client/index.js';
import { SERVICES } from '../../src/wire/services.js';
import { FakeServer, HEADER, Refusal } from './fake-server.js';

const { alarm, status } = SERVICES['etcdserverpb.Maintenance'];

describe('askMember', () => {
  let server: FakeServer;

  beforeEach(async () => {
    server = await FakeServer.start();
  });

  afterEach(() => {
    server.stop();
  });

  it('tells alarms from the status where the member does not answer for them', async () => {
    const errors = ['etcdserver: no leader', 'memberID:2 alarm:NOSPACE '];
    server.onUnary(status.path, () => status.responseSerialize({ header: HEADER, errors }));
    for (const silent of [
      () => new Promise<Buffer>(() => undefined),
      () => Promise.reject(new Refusal(14, 'etcdserver: request timed out')),
    ]) {
      server.onUnary(alarm.path, silent);
      const report = await askMember(server.endpoint, { timeoutMs: 600 });
      assert.equal(report.role, 'unknown');
      assert.deepEqual(report.alarms, ['NOSPACE']);
      assert.deepEqual(report.errors, ['etcdserver: no leader', 'memberID:2 alarm:NOSPACE']);
    }
  });

  it('rejects at an aborted signal, also between its questions', async () => {
    const controller = new AbortController();
    server.onUnary(alarm.path, () => {
      controller.abort();
      return new Promise<Buffer>(() => undefined);
    });
    const asked = askMember(server.endpoint, { signal: controller.signal });
    await assert.rejects(asked, { code: 'Canceled' });
  });
});
