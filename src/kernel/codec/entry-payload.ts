import { ByteReader, ByteWriter, CodecError } from './bytes.js';
import type { Command } from './command.js';
import { readCommand, writeCommand } from './command-codec.js';

/**
 * The data of a normal log entry: a format byte, then the commands that were waiting when the entry
 * was made, in order. An entry without data is the one by which a new leader begins its term.
 */

const FORMAT = 1;

/** Collects commands into one payload. */
export class EntryPayloadWriter {
  readonly #writer = new ByteWriter(16_384);
  #commandCount = 0;

  get byteCount(): number {
    return this.#writer.length;
  }

  get commandCount(): number {
    return this.#commandCount;
  }

  /**
   * Adds a command, unless its encoding is longer than `bytesMax`: then nothing is added.
   * @returns the length of the encoding
   * @throws CodecError when it cannot be encoded; then, too, nothing is added
   */
  add(command: Command, bytesMax: number): number {
    const before = this.#writer.length;
    if (this.#commandCount === 0) this.#writer.u8(FORMAT);
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

  /** The payload; the writer starts anew. */
  finish(): Uint8Array {
    this.#commandCount = 0;
    return this.#writer.finish();
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
  if (format !== FORMAT) throw new CodecError(`entry format ${format}, expected ${FORMAT}`);
  const commands: Command[] = [];
  while (reader.remaining > 0) commands.push(readCommand(reader));
  return commands;
}
