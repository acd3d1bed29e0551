// Proves which texts are endpoints, what they mean, and that the others are refused with a reason.
import assert from 'node:assert/strict';
import { connect } from '../../src/client/index.js';
import { parseEndpoints } from '../../src/client/endpoint.js';

function targets(endpoints: string | readonly string[]): string[] {
  return parseEndpoints(endpoints).map(({ target, secure }) => `${target}${secure ? ' tls' : ''}`);
}

describe('endpoints', () => {
  it('are URLs, alone, in a list, or separated by commas', () => {
    assert.deepEqual(targets('http://127.0.0.1:2379'), ['dns:127.0.0.1:2379']);
    assert.deepEqual(targets(['http://a:1', 'https://b:2']), ['dns:a:1', 'dns:b:2 tls']);
    assert.deepEqual(targets('http://a:1, http://b:2,'), ['dns:a:1', 'dns:b:2']);
    assert.deepEqual(targets('http://[::1]:2379/'), ['dns:[::1]:2379']);
  });

  it('may leave out scheme and port', () => {
    assert.deepEqual(targets('localhost'), ['dns:localhost:2379']);
    assert.deepEqual(targets('localhost:80'), ['dns:localhost:80']);
    assert.deepEqual(targets('https://host'), ['dns:host:2379 tls']);
    assert.deepEqual(targets('https://host:443'), ['dns:host:443 tls']);
  });

  it('are refused with what is wrong', () => {
    for (const [text, reason] of [
      ['', /no endpoint given/],
      ['ftp://host', /ftp:\/\/ is neither/],
      ['http://host:99999', /it is no URL/],
      ['http://host:1/path', /more than a host and a port/],
      ['http://user:word@host', /user or password/],
    ] as const) {
      assert.throws(() => parseEndpoints(text), { code: 'InvalidArgument', message: reason });
    }
  });

  it('that are refused reject connect', async () => {
    await assert.rejects(connect('ftp://host'), { code: 'InvalidArgument' });
    const halfTls = connect('https://host', { tls: { key: 'k' } });
    await assert.rejects(halfTls, { code: 'InvalidArgument', message: /tls.cert and tls.key/ });
  });
});
