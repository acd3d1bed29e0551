import { ByteReader, ByteWriter, CodecError } from './bytes.js';
import type { Command } from './command.js';
import { readCommand, writeCommand } from './command-codec.js';

/**
 * The data of a normal log entry: a format byte, who made the entry, then the commands that were
 * waiting when it was made, in order. Who made it finds its waiters again by its number, wherever
 * the entry was taken into the log. An entry without data is the one by which a new leader begins
 * its term.
 */

const FORMAT = 2;
const ORIGIN_BYTES = 17;

/** Whoever makes entries: a start of a member. */
export interface EntryOrigin {
  readonly memberId: bigint;
  readonly startNonce: bigint;
}

/** The first bytes of every payload that `origin` makes. */
function originBytes({ memberId, startNonce }: EntryOrigin): Uint8Array {
  return new ByteWriter(ORIGIN_BYTES).u8(FORMAT).u64(memberId).u64(startNonce).finish();
}

/** Collects commands into one payload. */
export class EntryPayloadWriter {
  readonly #writer = new ByteWriter(16_384);
  readonly #origin: Uint8Array;
  #commandCount = 0;
  #sequence = 1;

  constructor(origin: EntryOrigin) {
    this.#origin = originBytes(origin);
  }

  get byteCount(): number {
    return this.#writer.length;
  }

  get commandCount(): number {
    return this.#commandCount;
  }

  /** The number of the payload that is being made: 1, 2, 3 and so on. */
  get sequence(): number {
    return this.#sequence;
  }

  /**
   * Adds a command, unless its encoding is longer than `bytesMax`: then nothing is added.
   * @returns the length of the encoding
   * @throws CodecError when it cannot be encoded; then, too, nothing is added
   */
  add(command: Command, bytesMax: number): number {
    const before = this.#writer.length;
    if (this.#commandCount === 0) this.#writer.raw(this.#origin).varint(this.#sequence);
    const start = this.#writer.length;
    let byteCount = Number.NaN;
    try {
      writeCommand(this.#writer, command);
      byteCount = this.#writer.length - start;
    } finally {
      // Half a command would make the whole entry unreadable, for every member and for ever.
      if (Number.isNaN(byteCount)) this.#writer.rewind(before);
    }
    if (Number.isNaN(byteCount)) throw new CodecError('a key or value is neither text nor bytes');
    if (byteCount > bytesMax) this.#writer.rewind(before);
    else this.#commandCount++;
    return byteCount;
  }

  /** The payload; the writer starts anew, with the next number. */
  finish(): Uint8Array {
    this.#commandCount = 0;
    this.#sequence++;
    return this.#writer.finish();
  }

  /** The number of a payload that this writer made; undefined for one of anybody else. */
  sequenceOf(payload: Uint8Array): number | undefined {
    if (payload.length <= ORIGIN_BYTES) return undefined;
    const origin = this.#origin;
    for (let at = 0; at < ORIGIN_BYTES; at++) if (payload[at] !== origin[at]) return undefined;
    return new ByteReader(payload, ORIGIN_BYTES).varint();
  }
}

/**
 * The commands of a payload.
 * @throws CodecError on anything but what {@link EntryPayloadWriter} wrote
 */
export function readEntryPayload(data: Uint8Array): readonly Command[] {
  if (data.length === 0) return [];
  const reader = new ByteReader(data);
  const format = reader.u8();
  if (format !== FORMAT) {
    throw new CodecError(
      `a log entry of format ${format}, and this release reads ${FORMAT}: the directory was made ` +
        'by another release',
    );
  }
  reader.raw(ORIGIN_BYTES - 1);
  reader.varint();
  const commands: Command[] = [];
  while (reader.remaining > 0) commands.push(readCommand(reader));
  return commands;
}
