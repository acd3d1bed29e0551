import type { JsonRecord } from './json-record.js';

/** How results are written: lines for a person, or one JSON object a line. */
export type OutputFormat = 'simple' | 'json';

/** A piece of simple output; bytes are written as they are. */
export type Piece = string | Uint8Array;

/**
 * Where a command's results go, and nothing else: standard output in the format that was asked for.
 * Remarks for the person at the terminal go to standard error by `remark`, and never in JSON's way.
 */
export class Output {
  readonly format: OutputFormat;

  constructor(format: OutputFormat) {
    this.format = format;
  }

  /**
   * Writes one result: `record` as a line of JSON, or what `simple` gives, each piece as a line.
   */
  write(record: JsonRecord, simple: () => readonly Piece[]): void {
    if (this.format === 'json') {
      process.stdout.write(`${JSON.stringify(record)}\n`);
      return;
    }
    for (const piece of simple()) {
      process.stdout.write(piece);
      process.stdout.write('\n');
    }
  }

  /** `text` set off from the rest, where a person looks at it. */
  strong(text: Uint8Array): Piece {
    if (!process.stdout.isTTY || process.env['NO_COLOR'] !== undefined) return text;
    return Buffer.concat([Buffer.from('\u001b[1m'), text, Buffer.from('\u001b[22m')]);
  }

  /** One line for the person at the terminal. */
  remark(line: string): void {
    process.stderr.write(`tidelock: ${line}\n`);
  }
}
