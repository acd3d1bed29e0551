// Proves that the npm package etcd3 works unmodified: keys, the txn builder, a watch that resumes
// after the connection broke, leases, locks, elections and software transactional memory.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Etcd3, EtcdLockFailedError } from 'etcd3';
import { startTestServer, stopTestServers, type TestServer } from './support/test-server.js';

describe('npm etcd3', () => {
  let server: TestServer;
  let client: Etcd3;

  before(async () => {
    server = await startTestServer();
    client = new Etcd3({ hosts: server.address });
  });

  after(async () => {
    client.close();
    await stopTestServers();
  });

  it('reads, writes and deletes', async () => {
    await client.put('foo').value('bar');
    await client.put('fob').value('baz');
    assert.equal(await client.get('foo').string(), 'bar');
    assert.deepEqual(await client.getAll().prefix('f').strings(), { foo: 'bar', fob: 'baz' });
    assert.equal(await client.getAll().prefix('f').count(), 2);
    await client.delete().prefix('f');
    assert.equal(await client.get('foo').string(), null);
    await assert.rejects(async () => await client.put('').value('x'), /key is not provided/);
  });

  it('builds txns', async () => {
    const swap = () =>
      client
        .if('t', 'Version', '==', 0)
        .then(client.put('t').value('new'))
        .else(client.get('t'))
        .commit();
    assert.equal((await swap()).succeeded, true);
    const second = await swap();
    assert.equal(second.succeeded, false);
    assert.equal(second.responses[0]?.response_range.kvs[0]?.value.toString(), 'new');
  });

  it('watches, and resumes after the connection broke without gap or repeat', async () => {
    const sockets = new Set<Socket>();
    const [host = '', port = ''] = server.address.split(':');
    const proxy = createServer((socket) => {
      const upstream = connect(Number(port), host);
      for (const end of [socket, upstream]) {
        sockets.add(end);
        end.on('error', () => {});
      }
      socket.pipe(upstream).pipe(socket);
      socket.on('close', () => upstream.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = proxy.address();
    assert.ok(address !== null && typeof address === 'object');
    const watching = new Etcd3({ hosts: `127.0.0.1:${address.port}` });
    const watcher = await watching.watch().prefix('w').create();
    const seen: string[] = [];
    const last = new Promise<void>((resolve) => {
      watcher.on('put', (kv) => {
        seen.push(kv.key.toString());
        if (kv.key.toString() === 'w-last') resolve();
      });
    });
    await client.put('w1').value('1');
    await client.put('w2').value('2');
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const socket of sockets) socket.destroy();
    await client.put('w3').value('3');
    await client.put('w-last').value('4');
    await last;
    assert.deepEqual(seen, ['w1', 'w2', 'w3', 'w-last']);
    await watcher.cancel();
    watching.close();
    proxy.close();
  });

  it('keeps leases, and loses their keys with them', async () => {
    const lease = client.lease(10);
    await lease.put('l1').value('x');
    const id = await lease.grant();
    const { keys, grantedTTL } = await client.leaseClient.leaseTimeToLive({ ID: id, keys: true });
    assert.deepEqual([keys.map(String), grantedTTL], [['l1'], '10']);
    await lease.keepaliveOnce();
    await lease.revoke();
    assert.equal(await client.get('l1').string(), null);
  });

  it('locks out others', async () => {
    const lock = client.lock('resource');
    await lock.acquire();
    await assert.rejects(client.lock('resource').acquire(), EtcdLockFailedError);
    await lock.release();
    await client.lock('resource').do(() => undefined);
  });

  it('elects', async () => {
    const election = client.election('office', 5);
    const campaign = election.campaign('me');
    await once(campaign, 'elected');
    assert.equal(await election.leader(), 'me');
    await campaign.resign();
    assert.equal(await election.leader(), undefined);
  });

  it('runs software transactional memory', async () => {
    const add = () =>
      client.stm().transact(async (tx) => {
        const value = Number((await tx.get('counter').string()) ?? 0);
        await tx.put('counter').value(String(value + 1));
      });
    for (let i = 0; i < 3; i++) await Promise.all([add(), add()]);
    assert.equal(await client.get('counter').string(), '6');
  });
});
