// Proves that one member can be asked how it is when it is not well: without a leader an etcd keeps
// silent about alarms, and the rest of its report has to come all the same, in time.
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

  it('gives up in time although garbage is collected meanwhile', async () => {
    const errors = ['etcdserver: no leader'];
    server.onUnary(status.path, () => status.responseSerialize({ header: HEADER, errors }));
    server.onUnary(alarm.path, () => new Promise<Buffer>(() => undefined));
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const collector = setInterval(collect, 20);
    try {
      const { signal } = new AbortController();
      // Half of it is for the alarms; long, for a machine with much else to do.
      const report = await askMember(server.endpoint, { timeoutMs: 3000, signal });
      assert.deepEqual([report.role, report.alarms], ['unknown', []]);
      server.onUnary(status.path, () => new Promise<Buffer>(() => undefined));
      const asked = askMember(server.endpoint, { signal: AbortSignal.timeout(200) });
      await assert.rejects(asked, { code: 'Canceled' });
    } finally {
      clearInterval(collector);
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
