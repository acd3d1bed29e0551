import type {
  Compare,
  KeyRange,
  RangeRequest,
  TxnOperation,
  TxnRequest,
} from '../../store/index.js';
import type { SimDice } from '../sim-dice.js';
import type { SimClient } from '../scenario/sim-client.js';
import type { World } from '../scenario/world.js';
import { compactedTo } from './compacted-to.js';

/** Few keys, so that clients meet. */
const KEY_COUNT = 10;
const CLIENT_COUNT = 6;
/** Calls that one client may have under way. */
const UNDER_WAY_MAX = 4;

/**
 * Clients that put, delete, compare and read a few keys, with values that tell who wrote them. Some
 * reads are serializable, some of the past, some of the future; some transactions are nested, and
 * some requests make no sense.
 */
export async function kvWorkload(world: World): Promise<void> {
  const clients = Array.from({ length: CLIENT_COUNT }, (_, at) =>
    world.addClient({ isLoyal: at === 0, timeoutMs: 1000 + 1000 * at }),
  );
  await Promise.all(clients.map((client) => runClient(world, client)));
}

async function runClient(world: World, client: SimClient): Promise<void> {
  const { dice } = client;
  const meanMs = (CLIENT_COUNT * 1000) / world.callsPerSecond;
  const writer = new Writer(client.number);
  let underWay = 0;
  while (!world.isEnding) {
    await client.pause(dice.between(0, 2 * meanMs));
    if (world.isEnding) return;
    if (underWay >= UNDER_WAY_MAX) continue;
    underWay++;
    const done = callOnce(world, client, writer).then(
      () => underWay--,
      () => underWay--,
    );
    if (dice.below(4) !== 0) await done;
  }
}

/** Makes values that nobody else writes. */
class Writer {
  readonly #client: number;
  #count = 0;

  constructor(client: number) {
    this.#client = client;
  }

  next(): string {
    return `c${this.#client}v${this.#count++}`;
  }
}

async function callOnce(world: World, client: SimClient, writer: Writer): Promise<unknown> {
  const { dice, store } = client;
  const roll = dice.below(100);
  if (roll < 35) {
    return await store.put({ key: keyOf(dice), value: writer.next(), prevKv: dice.below(3) === 0 });
  }
  if (roll < 43) return await store.delete({ ...rangeOf(dice), prevKv: dice.below(2) === 0 });
  if (roll < 65) return await store.txn(txnOf(dice, writer, world.revisionMax, 0));
  const read = readOf(dice, world.revisionMax);
  if (dice.below(8) !== 0) return await store.range(read);
  return await store.range({ ...read, revision: compactedTo(world) });
}

function keyOf(dice: SimDice): string {
  return `k${dice.below(KEY_COUNT)}`;
}

function rangeOf(dice: SimDice): KeyRange {
  const roll = dice.below(8);
  if (roll === 0) return { key: 'k', rangeEnd: 'l' };
  if (roll === 1) return { key: keyOf(dice), rangeEnd: '\0' };
  return { key: keyOf(dice) };
}

function readOf(dice: SimDice, revision: number): RangeRequest {
  const roll = dice.below(12);
  const range = dice.below(3) === 0 ? { key: 'k', rangeEnd: 'l' } : rangeOf(dice);
  if (roll < 4) return range;
  if (roll < 7) return { ...range, serializable: true };
  if (roll < 9) return { ...range, revision: Math.max(1, revision - dice.below(40)) };
  if (roll === 9) return { ...range, revision: revision + dice.below(3) };
  if (roll === 10) return { ...range, limit: 1 + dice.below(3), countOnly: dice.below(3) === 0 };
  return { ...range, sortTarget: 'mod', sortOrder: 'descend', keysOnly: dice.below(2) === 0 };
}

function compareOf(dice: SimDice, revision: number): Compare {
  const key = keyOf(dice);
  const roll = dice.below(4);
  if (roll === 0) return { key, target: 'create', operator: '=', operand: 0 };
  if (roll === 1) return { key, target: 'version', operator: '>', operand: dice.below(4) };
  if (roll === 2) return { key, target: 'value', operator: '!=', operand: 'none' };
  return { key, target: 'mod', operator: '<', operand: revision - dice.below(20) };
}

function txnOf(dice: SimDice, writer: Writer, revision: number, depth: number): TxnRequest {
  const operations = (): readonly TxnOperation[] =>
    Array.from({ length: dice.below(4) }, (): TxnOperation => {
      const roll = dice.below(10);
      if (roll < 5) return { kind: 'put', key: keyOf(dice), value: writer.next() };
      if (roll < 7) return { kind: 'delete', ...rangeOf(dice), prevKv: true };
      if (roll === 7 && depth === 0) {
        return { kind: 'txn', ...txnOf(dice, writer, revision, depth + 1) };
      }
      if (roll === 8) return { kind: 'range', ...readOf(dice, revision) };
      return { kind: 'range', ...rangeOf(dice) };
    });
  return {
    compare: Array.from({ length: dice.below(3) }, () => compareOf(dice, revision)),
    success: operations(),
    failure: operations(),
  };
}
