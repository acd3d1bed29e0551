// Proves that a command survives the log unchanged, and that bytes which no encoder wrote are
// refused with a CodecError and nothing else.
import assert from 'node:assert/strict';
import { ByteReader, ByteWriter, CodecError } from '../../../src/kernel/codec/bytes.js';
import type { Command } from '../../../src/kernel/codec/command.js';
import { readCommand, writeCommand } from '../../../src/kernel/codec/command-codec.js';
import { EntryPayloadWriter, readEntryPayload } from '../../../src/kernel/codec/entry-payload.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const COMMANDS: readonly Command[] = [
  {
    kind: 'put',
    key: bytes('k'),
    value: bytes('v'),
    lease: 7_587_862_094_675_123_456n,
    prevKv: true,
    ignoreValue: false,
    ignoreLease: true,
  },
  {
    kind: 'put',
    key: Uint8Array.of(0, 255),
    value: new Uint8Array(0),
    lease: 0n,
    prevKv: false,
    ignoreValue: true,
    ignoreLease: false,
  },
  { kind: 'delete', key: bytes('a'), rangeEnd: Uint8Array.of(0), prevKv: true },
  {
    kind: 'txn',
    compare: [
      { key: bytes('a'), rangeEnd: bytes(''), operator: '=', target: 'version', operand: 3 },
      { key: bytes('a'), rangeEnd: bytes('b'), operator: '!=', target: 'create', operand: 0 },
      { key: bytes('a'), rangeEnd: bytes(''), operator: '>', target: 'mod', operand: 2 ** 40 },
      { key: bytes('a'), rangeEnd: bytes(''), operator: '<', target: 'lease', operand: -5n },
      { key: bytes('a'), rangeEnd: bytes(''), operator: '=', target: 'value', operand: bytes('x') },
    ],
    success: [
      {
        kind: 'range',
        key: bytes('a'),
        rangeEnd: bytes('z'),
        limit: 10,
        revision: 4,
        sortTarget: 'mod',
        sortOrder: 'descend',
        serializable: true,
        keysOnly: false,
        countOnly: true,
        minModRevision: 1,
        maxModRevision: 2,
        minCreateRevision: 3,
        maxCreateRevision: -4,
      },
      { kind: 'txn', compare: [], success: [], failure: [] },
    ],
    failure: [{ kind: 'delete', key: bytes('q'), rangeEnd: bytes(''), prevKv: false }],
  },
  { kind: 'compact', revision: 123_456_789_012, physical: true },
  { kind: 'leaseGrant', id: 1n, ttlSeconds: 9_000_000_000 },
  { kind: 'leaseRevoke', id: -1n },
  {
    kind: 'leaseExpire',
    term: 12,
    leases: [
      { id: 1n, grantIndex: 7 },
      { id: 2n ** 62n, grantIndex: 2 ** 40 },
    ],
  },
  {
    kind: 'leaseCheckpoint',
    term: 3,
    items: [{ id: 9n, grantIndex: 700, remainingTtlSeconds: 0 }],
  },
  { kind: 'alarm', action: 'deactivate', alarm: 'corrupt', memberId: 2n ** 64n - 1n },
  {
    kind: 'memberPublish',
    member: {
      id: 2n ** 63n,
      name: 'näme',
      peerUrls: ['http://localhost:2380'],
      clientUrls: [],
      isLearner: false,
    },
    directoryNonce: 2n ** 63n - 1n,
  },
  { kind: 'memberUpdate', id: 2n ** 63n, peerUrls: ['http://a:1', 'http://b:2'] },
];

function encode(command: Command): Uint8Array {
  const writer = new ByteWriter(1);
  writeCommand(writer, command);
  return writer.finish();
}

describe('command codec', () => {
  for (const [at, command] of COMMANDS.entries()) {
    it(`keeps command ${at} (${command.kind}) as it is`, () => {
      const reader = new ByteReader(encode(command));
      assert.deepEqual(readCommand(reader), command);
      reader.end();
    });
  }

  it('refuses every truncation with a CodecError', () => {
    for (const command of COMMANDS) {
      const whole = encode(command);
      for (let length = 0; length < whole.length; length++) {
        assert.throws(() => readCommand(new ByteReader(whole.subarray(0, length))), CodecError);
      }
    }
  });

  it('answers random bytes with a command or a CodecError', () => {
    const seed = Number(process.env['TIDELOCK_SEED'] ?? 1);
    const random = new SimRandom(seed);
    for (let round = 0; round < 20_000; round++) {
      const input = Uint8Array.from({ length: random.below(40) }, () => random.below(256));
      try {
        readCommand(new ByteReader(input));
      } catch (error) {
        assert.ok(error instanceof CodecError, `seed ${seed}, round ${round}: ${String(error)}`);
      }
    }
  });

  it('refuses transactions nested too deep', () => {
    let txn: Command = { kind: 'txn', compare: [], success: [], failure: [] };
    for (let depth = 0; depth < 40; depth++) {
      txn = { kind: 'txn', compare: [], success: [txn], failure: [] };
    }
    assert.throws(() => readCommand(new ByteReader(encode(txn))), /nested/);
  });
});

describe('entry payload', () => {
  it('holds many commands in order, and none in an empty entry', () => {
    const writer = new EntryPayloadWriter({ memberId: 1n, startNonce: 7n });
    for (const command of COMMANDS) writer.add(command, 1_000_000);
    assert.deepEqual(readEntryPayload(writer.finish()), COMMANDS);
    assert.deepEqual(readEntryPayload(new Uint8Array(0)), []);
  });

  it('leaves out a command that is too long, and only that one', () => {
    const writer = new EntryPayloadWriter({ memberId: 1n, startNonce: 7n });
    const long: Command = { kind: 'put', key: 'k', value: 'x'.repeat(100) };
    assert.ok(writer.add(long, 50) > 50);
    assert.equal(writer.commandCount, 0);
    writer.add({ kind: 'leaseRevoke', id: 1n }, 50);
    assert.ok(writer.add(long, 50) > 50);
    writer.add({ kind: 'leaseRevoke', id: 2n }, 50);
    assert.deepEqual(readEntryPayload(writer.finish()), [
      { kind: 'leaseRevoke', id: 1n },
      { kind: 'leaseRevoke', id: 2n },
    ]);
  });

  it('refuses another format', () => {
    assert.throws(() => readEntryPayload(Uint8Array.of(9, 1)), CodecError);
  });
});
