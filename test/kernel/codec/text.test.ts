/**
 * Proves that text is written as the very bytes that TextEncoder makes of it, whatever it holds,
 * and that its length in bytes is known without making them.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ByteReader, ByteWriter } from '../../../src/kernel/codec/bytes.js';
import { byteLengthOf, utf8Length } from '../../../src/kernel/codec/utf8.js';

const encoder = new TextEncoder();
/** One that fast-check picks, and names when the test fails, unless it is given. */
const seed = process.env['TIDELOCK_SEED'];

function written(text: string): Uint8Array {
  const reader = new ByteReader(new ByteWriter(1).u8(7).input(text).u8(9).finish());
  assert.equal(reader.u8(), 7);
  const bytes = reader.bytes();
  assert.equal(reader.u8(), 9);
  reader.end();
  return bytes;
}

describe('kernel/codec text', () => {
  for (const [name, text] of [
    ['nothing', ''],
    ['a short key', '/jobs/nightly'],
    ['a long key', 'k'.repeat(500)],
    ['the last letter of a loop', `${'a'.repeat(127)}z`],
    ['the first one beyond it', `${'a'.repeat(128)}z`],
    ['two and three bytes', 'Grüße, 世界'],
    ['pairs of surrogates', '😀😀'],
    ['half a pair at the end', 'a\ud800'],
    ['half a pair before a letter', '\ud800a'],
    ['the other half alone', '\udc00\udc00'],
    ['a pair the wrong way round', '\udc00\ud800'],
    ['half a pair before a whole one', '\ud83d😀'],
  ] as const) {
    it(`writes ${name} as TextEncoder does`, () => {
      assert.deepEqual(written(text), encoder.encode(text));
      assert.equal(utf8Length(text), encoder.encode(text).length);
    });
  }

  it('agrees with TextEncoder on any text', () => {
    const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 });
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      units.map((all) => String.fromCharCode(...all)),
      fc.string({ unit: 'grapheme-ascii', maxLength: 300 }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        assert.deepEqual(written(text), encoder.encode(text));
        assert.equal(byteLengthOf(text), encoder.encode(text).length);
      }),
      seed === undefined ? {} : { seed: Number(seed) },
    );
  });

  it('takes bytes as they are, and nothing for what is absent', () => {
    const writer = new ByteWriter().input(Uint8Array.of(1, 2)).input(undefined);
    assert.deepEqual(writer.finish(), Uint8Array.of(2, 1, 2, 0));
    assert.equal(byteLengthOf(Uint8Array.of(1, 2)), 2);
    assert.equal(byteLengthOf(undefined), 0);
  });
});
