// Proves that apply is total: whatever is well-formed enough to be read from the log, however
// hostile, has an outcome, the same one on every member, and leaves the same state. Members that
// apply the same commands with other flushes in between stand for members of a cluster.
import assert from 'node:assert/strict';
import { Alarms } from '../../../src/kernel/apply/alarms.js';
import { Applier } from '../../../src/kernel/apply/applier.js';
import { Members } from '../../../src/kernel/apply/members.js';
import { ByteReader, ByteWriter } from '../../../src/kernel/codec/bytes.js';
import type { Command } from '../../../src/kernel/codec/command.js';
import { readCommand, writeCommand } from '../../../src/kernel/codec/command-codec.js';
import { Lessor } from '../../../src/kernel/lease/lessor.js';
import { Mvcc } from '../../../src/kernel/mvcc/mvcc.js';
import { WriteBuffer } from '../../../src/kernel/mvcc/write-buffer.js';
import { SimBackend } from '../../../src/simulation/sim-backend.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import type { Compare, RangeRequest, TxnOperation } from '../../../src/store/index.js';
import { isStoreError } from '../../../src/store/index.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 5);
const COMMANDS = 1500;

/** Numbers at the edges of what the log can say. */
const NUMBERS = [0, 1, 2, -1, 7, 2 ** 31, -(2 ** 31), 2 ** 52, -(2 ** 52), Number.MAX_SAFE_INTEGER];
const IDS = [0n, 1n, 7n, -1n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)];
const TEXTS = ['', '\0', 'k1', 'k2', 'k3', 'é\u{10ffff}', 'k'.repeat(300)];

class Hostile {
  readonly #random: SimRandom;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  #one<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)] as T;
  }

  #perhaps<T extends object>(part: T): Partial<T> {
    return this.#random.below(2) === 0 ? part : {};
  }

  #keys(): { readonly key: string; readonly rangeEnd?: string } {
    return { key: this.#one(TEXTS), ...this.#perhaps({ rangeEnd: this.#one(TEXTS) }) };
  }

  #put(): Extract<TxnOperation, { kind: 'put' }> {
    return {
      kind: 'put',
      key: this.#one(TEXTS),
      value: this.#one(TEXTS),
      ...this.#perhaps({ lease: this.#one(IDS) }),
      ...this.#perhaps({ prevKv: true }),
      ...(this.#random.below(4) === 0 ? { ignoreValue: true } : {}),
      ...(this.#random.below(4) === 0 ? { ignoreLease: true } : {}),
    };
  }

  #range(): RangeRequest {
    return {
      ...this.#keys(),
      ...this.#perhaps({ revision: this.#one(NUMBERS) }),
      ...this.#perhaps({ limit: this.#one(NUMBERS) }),
      ...this.#perhaps({ minModRevision: this.#one(NUMBERS) }),
      ...this.#perhaps({ maxCreateRevision: this.#one(NUMBERS) }),
      ...this.#perhaps({ sortTarget: 'value', sortOrder: 'descend' }),
    };
  }

  #compare(): Compare {
    const operator = this.#one(['=', '!=', '<', '>'] as const);
    const keys = this.#keys();
    if (this.#random.below(3) === 0) {
      return { ...keys, target: 'value', operator, operand: this.#one(TEXTS) };
    }
    if (this.#random.below(3) === 0) {
      return { ...keys, target: 'lease', operator, operand: this.#one(IDS) };
    }
    const target = this.#one(['mod', 'create', 'version'] as const);
    return { ...keys, target, operator, operand: this.#one(NUMBERS) };
  }

  #operations(depth: number): readonly TxnOperation[] {
    return Array.from({ length: this.#random.below(5) }, (): TxnOperation => {
      const roll = this.#random.below(depth < 6 ? 4 : 3);
      if (roll === 0) return this.#put();
      if (roll === 1) return { kind: 'delete', ...this.#keys(), prevKv: true };
      if (roll === 2) return { kind: 'range', ...this.#range() };
      return { kind: 'txn', ...this.#txn(depth + 1) };
    });
  }

  #txn(depth: number) {
    return {
      compare: Array.from({ length: this.#random.below(3) }, () => this.#compare()),
      success: this.#operations(depth),
      failure: this.#operations(depth),
    };
  }

  #other(): Command {
    const id = this.#one(IDS);
    const number = this.#one(NUMBERS);
    const ref = { id, grantIndex: this.#random.below(COMMANDS) };
    const term = this.#random.below(3);
    const left = { ...ref, remainingTtlSeconds: Math.abs(number) };
    return this.#one<Command>([
      { kind: 'compact', revision: number, physical: true },
      { kind: 'leaseGrant', id, ttlSeconds: number },
      { kind: 'leaseRevoke', id },
      { kind: 'leaseExpire', term, leases: [ref, ref] },
      { kind: 'leaseCheckpoint', term, items: [left, left] },
      { kind: 'memberUpdate', id, peerUrls: [this.#one(TEXTS)] },
      { kind: 'compact', revision: this.#random.below(40) },
    ]);
  }

  command(): Command {
    const roll = this.#random.below(10);
    if (roll < 3) return this.#put();
    if (roll < 5) return { kind: 'delete', ...this.#keys(), prevKv: true };
    if (roll < 8) return { kind: 'txn', ...this.#txn(0) };
    return this.#other();
  }
}

/** One member's state machine. */
class Machine {
  readonly buffer: WriteBuffer;
  readonly mvcc: Mvcc;
  readonly lessor: Lessor;
  readonly #applier: Applier;

  constructor(buffer: WriteBuffer, mvcc: Mvcc) {
    this.buffer = buffer;
    this.mvcc = mvcc;
    this.lessor = new Lessor({ buffer, minTtlSeconds: 1 });
    const members = new Members(buffer);
    const parts = { mvcc, lessor: this.lessor, alarms: new Alarms(buffer), members };
    this.#applier = new Applier({ ...parts, onRevision: () => undefined });
  }

  static async open(random: SimRandom): Promise<Machine> {
    const backend = new SimBackend(random);
    const buffer = new WriteBuffer(backend);
    return new Machine(buffer, await Mvcc.open({ backend, buffer }));
  }

  /** What comes of it, as one text; undefined when the log would not say such a thing. */
  apply(bytes: Uint8Array, index: number): string {
    const outcome = this.#applier.apply(readCommand(new ByteReader(bytes)), { term: 1, index });
    const told = outcome.kind === 'error' ? { kind: 'error', code: outcome.error.code } : outcome;
    return JSON.stringify(told, (_key, value: unknown) => {
      if (value instanceof Uint8Array) return [...value];
      return typeof value === 'bigint' ? `${value}n` : value;
    });
  }
}

/** The bytes of a command; undefined for one that nobody can write into a log. */
function encode(command: Command): Uint8Array | undefined {
  const writer = new ByteWriter();
  try {
    writeCommand(writer, command);
    readCommand(new ByteReader(writer.written()));
  } catch {
    return undefined;
  }
  return writer.finish();
}

describe('hostile entries of the log', () => {
  it('have the same outcome on every member, and end none', async () => {
    const random = new SimRandom(SEED);
    const hostile = new Hostile(random.split('commands'));
    const one = await Machine.open(random.split('one'));
    const other = await Machine.open(random.split('other'));
    const kinds = new Set<string>();
    let refused = 0;
    let written = 0;
    for (let index = 1; index <= COMMANDS; index++) {
      const bytes = encode(hostile.command());
      if (bytes === undefined) continue;
      written++;
      const hint = `TIDELOCK_SEED=${SEED}, command ${index}`;
      const outcome = one.apply(bytes, index);
      assert.equal(other.apply(bytes, index), outcome, hint);
      assert.equal(other.mvcc.revision, one.mvcc.revision, hint);
      if (outcome.startsWith('{"kind":"error"')) refused++;
      kinds.add(outcome.slice(0, outcome.indexOf(',')));
      if (index % 50 === 0) await one.buffer.flush();
      if (index % 170 === 0) await other.buffer.flush();
    }
    assert.ok(written > COMMANDS / 2, String(written));
    assert.ok(refused > COMMANDS / 10, String(refused));
    assert.ok(kinds.size > 6, [...kinds].join(' '));
    assert.ok(one.mvcc.revision > 100, String(one.mvcc.revision));
    const hash = (machine: Machine): unknown => {
      try {
        return machine.mvcc.hashKv(0);
      } catch (error) {
        if (isStoreError(error)) return error.code;
        throw error;
      }
    };
    assert.deepEqual(await hash(one), await hash(other));
    assert.equal(one.lessor.count, other.lessor.count);
  });
});
