// Proves that a scheme is taken out of `:authority` however a client writes it down, that every
// other header block stays byte for byte what it was, and that no bytes whatever make it fail.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { withoutSchemeInAuthority } from '../../src/server/http2-authority.js';
import {
  END_HEADERS,
  frame,
  HEADERS,
  headerBlock,
  PADDED,
  PREFACE,
  PRIORITIZED,
} from './support/raw-http2.js';

const SHORT = headerBlock('member');

/** As etcdctl 3.4 sent it for `--endpoints http://127.0.0.1:23790 endpoint status`. */
const BY_ETCDCTL = Buffer.from(
  '8386459760a924882d9dcb6571afa066a925a87510ac6e48d36a3f' +
    '41909d29aee30c044eae05c0b86e09975f175f8b1d75d0620d263d4c4d6564',
  'hex',
);

function headers(block: Uint8Array, flags = END_HEADERS): Buffer {
  return frame(HEADERS, flags, 1, block);
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
}

/** The frame in which Node's own client, which uses HPACK's Huffman code, sends an authority. */
async function byNode(authority: string): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const taken = once(server, 'connection');
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.on('error', () => {});
  session.request({ ':authority': authority }).on('error', () => {});
  const [socket] = (await taken) as [Socket];
  let seen = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    seen = Buffer.concat([seen, chunk]);
    const at = PREFACE.length + 9;
    if (seen[at + 3] !== HEADERS || seen.length < at + 9 + seen.readUIntBE(at, 3)) continue;
    seen = seen.subarray(at, at + 9 + seen.readUIntBE(at, 3));
    break;
  }
  session.destroy();
  server.close();
  return seen;
}

function unchanged(subject: Buffer): void {
  assert.equal(withoutSchemeInAuthority(subject), subject);
}

describe('withoutSchemeInAuthority', () => {
  it('shortens what etcdctl sends', () => {
    const changed = withoutSchemeInAuthority(headers(BY_ETCDCTL));
    const expected = Buffer.concat([
      BY_ETCDCTL.subarray(0, 28),
      text('member'),
      BY_ETCDCTL.subarray(45),
    ]);
    assert.equal(changed.toString('hex'), headers(expected).toString('hex'));
  });

  for (const url of [
    'http://a',
    'https://b',
    'http://127.0.0.1:2379/',
    'https://[::1]:1',
    'http://',
  ]) {
    it(`knows ${url} in plain characters and in Huffman code`, async () => {
      assert.deepEqual(withoutSchemeInAuthority(headers(headerBlock(url))), headers(SHORT));
      const coded = await byNode(url);
      const changed = withoutSchemeInAuthority(coded);
      assert.ok(changed.length < coded.length || url.length <= 9);
      assert.ok(changed.includes(text('member')), changed.toString('hex'));
    });
  }

  for (const host of [
    '127.0.0.1:2379',
    'localhost',
    'http',
    'https',
    'httpd://x',
    'http:/x',
    'x',
  ]) {
    it(`leaves ${host} alone`, async () => {
      unchanged(headers(headerBlock(host)));
      unchanged(await byNode(host));
    });
  }

  it('finds it behind padding, priority and other fields', () => {
    const url = headerBlock('http://a:1').subarray(3);
    const short = SHORT.subarray(3);
    const before: Record<string, Uint8Array> = {
      'from the table': Buffer.from([0x82, 0xff, 0x80, 0x01]),
      'a new size': Buffer.from([0x3f, 0xe1, 0x1f]),
      'a name spelled out': Buffer.concat([Buffer.from([0x40]), text('x-name'), text('value')]),
      'not to be remembered': Buffer.concat([Buffer.from([0x00]), text('a'), text('b')]),
      'never to be remembered': Buffer.concat([Buffer.from([0x1f, 0x04]), text('c')]),
      'a long value': Buffer.concat([Buffer.from([0x44, 0x7f, 0x49]), Buffer.alloc(200, 'z')]),
    };
    for (const [name, field] of Object.entries(before)) {
      for (const tail of [Buffer.alloc(0), Buffer.from([0x84])]) {
        const [whole, expected] = [url, short].map((each) => Buffer.concat([field, each, tail]));
        assert.ok(whole !== undefined && expected !== undefined);
        assert.deepEqual(withoutSchemeInAuthority(headers(whole)), headers(expected), name);
        const priority = Buffer.from([0, 0, 0, 0, 15]);
        const wrap = (block: Uint8Array): Buffer =>
          headers(
            Buffer.concat([Buffer.from([3]), priority, block, Buffer.alloc(3)]),
            END_HEADERS | PADDED | PRIORITIZED,
          );
        assert.deepEqual(withoutSchemeInAuthority(wrap(whole)), wrap(expected), name);
      }
    }
  });

  it('keeps whether the field is to be remembered', () => {
    for (const first of [0x41, 0x01, 0x11]) {
      const block = (value: string): Buffer => Buffer.concat([Buffer.from([first]), text(value)]);
      const changed = withoutSchemeInAuthority(headers(block('http://a')));
      assert.deepEqual(changed, headers(block('member')));
    }
  });

  it('leaves alone what it cannot read', () => {
    const block = headerBlock('http://a:1');
    for (let length = 0; length < block.length; length += 1) {
      unchanged(headers(block.subarray(0, length)));
    }
    unchanged(headers(Buffer.from([0x41])));
    unchanged(headers(Buffer.from([0x41, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])));
    unchanged(headers(Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), block])));
    unchanged(headers(Buffer.concat([Buffer.from([255]), block]), PADDED | END_HEADERS));
    unchanged(headers(Buffer.from([1]), PADDED | PRIORITIZED));
    unchanged(headers(Buffer.concat([Buffer.from([0x44]), text('http://a')])));
    unchanged(headers(Buffer.from('41859d29aee30c', 'hex')));
  });

  it('stands any bytes', () => {
    const seed = Number(process.env['TIDELOCK_SEED'] ?? 1);
    let state = seed;
    const next = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    };
    const sample = headers(BY_ETCDCTL);
    for (let round = 0; round < 20_000; round += 1) {
      const subject = Buffer.from(sample);
      for (let count = next() % 6; count >= 0; count -= 1) {
        subject[4 + (next() % (subject.length - 4))] = next();
      }
      const changed = withoutSchemeInAuthority(subject);
      const good = changed === subject || changed.readUIntBE(0, 3) === changed.length - 9;
      assert.ok(good && changed.length <= subject.length, `seed ${seed}, round ${round}`);
    }
  });
});
