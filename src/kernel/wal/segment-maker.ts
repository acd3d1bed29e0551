import { DiskError } from '../../ports/disk.js';
import type { Disk, DiskFile } from '../../ports/disk.js';
import { ByteWriter } from '../codec/bytes.js';
import { writeSegmentStart } from './payload.js';
import type { SegmentStart } from './payload.js';
import { chainOf, openRecord, recordExtent, sealRecord, SECTOR_BYTES } from './record.js';
import { formatSegmentName, UNFINISHED_SUFFIX } from './segment-name.js';
import { SegmentWriter } from './segment-writer.js';

/** Room for what a larger size or mark may add to a first record. */
const START_SLACK_BYTES = 64;
const SPARE = `spare${UNFINISHED_SUFFIX}`;
const LARGE = `large${UNFINISHED_SUFFIX}`;

type Spare = { readonly file: DiskFile } | { readonly failure: unknown } | undefined;

/** A new segment, and the path of its file. */
export interface MadeSegment {
  readonly path: string;
  readonly writer: SegmentWriter;
}

/**
 * Makes the files of segments: full size, zeroed and synced under a temporary name, and given their
 * own name only with a durable first record. It can make one ahead, so that the log seldom waits
 * for the zeros. A name ending in `.wal` therefore never stands for an unfinished segment.
 */
export class SegmentMaker {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #segmentBytes: number;
  #spare: Promise<Spare> | undefined;

  constructor(disk: Disk, directory: string, segmentBytes: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#segmentBytes = Math.ceil(segmentBytes / SECTOR_BYTES) * SECTOR_BYTES;
  }

  /** Removes unfinished segments that an earlier process left. */
  async clear(): Promise<void> {
    for (const name of await this.#disk.list(this.#directory)) {
      if (name.endsWith(UNFINISHED_SUFFIX)) await this.#disk.remove(`${this.#directory}/${name}`);
    }
  }

  /**
   * Begins to make a segment ahead, unless there is one. Never rejects: `make` reports what failed.
   */
  prepare(): void {
    this.#spare ??= this.#allocate(SPARE, this.#segmentBytes).then(
      (file) => ({ file }),
      (failure: unknown) => ({ failure }),
    );
  }

  async #allocate(name: string, sizeBytes: number): Promise<DiskFile> {
    const file = await this.#disk.create(`${this.#directory}/${name}`, sizeBytes);
    try {
      await file.sync();
      return file;
    } catch (failure) {
      await file.close();
      throw failure;
    }
  }

  /** The spare file if it will do, else a new one, and its temporary name. */
  async #take(sizeBytes: number): Promise<{ readonly file: DiskFile; readonly name: string }> {
    if (sizeBytes > this.#segmentBytes) {
      return { file: await this.#allocate(LARGE, sizeBytes), name: LARGE };
    }
    const spare = await this.#spare;
    this.#spare = undefined;
    if (spare !== undefined && 'file' in spare) return { file: spare.file, name: SPARE };
    if (spare !== undefined) {
      // A full disk may have room by now, and no byte of the log depends on the file that failed.
      const { failure } = spare;
      if (!(failure instanceof DiskError) || failure.kind !== 'full') throw failure;
      await this.#disk.remove(`${this.#directory}/${SPARE}`);
    }
    return { file: await this.#allocate(SPARE, this.#segmentBytes), name: SPARE };
  }

  /**
   * Makes the segment that begins with `start` and has room for a payload of `payloadLength` bytes;
   * its name and first record are durable when it resolves.
   * @param previous chain value of the record before, in the segment before
   */
  async make(
    start: Omit<SegmentStart, 'sizeBytes'>,
    previous: number,
    payloadLength: number,
  ): Promise<MadeSegment> {
    const record = new ByteWriter();
    writeSegmentStart(record, { ...start, sizeBytes: 0 });
    const needed = recordExtent(record.length + START_SLACK_BYTES) + recordExtent(payloadLength);
    const aligned = Math.ceil(needed / SECTOR_BYTES) * SECTOR_BYTES;
    const sizeBytes = Math.max(aligned, this.#segmentBytes);
    const { file, name } = await this.#take(sizeBytes);
    record.finish();
    writeSegmentStart(openRecord(record), { ...start, sizeBytes });
    const { sequence } = start;
    const bytes = sealRecord(
      record,
      'segment',
      { offset: 0, segment: sequence, seed: 0 },
      previous,
    );
    await file.writeDurably(bytes, 0);
    const path = `${this.#directory}/${formatSegmentName(start)}`;
    await this.#disk.rename(`${this.#directory}/${name}`, path);
    await this.#disk.syncDirectory(this.#directory);
    const chain = chainOf(bytes);
    const position = { sequence, sizeBytes, offset: bytes.length, chain, seed: chain };
    return { path, writer: new SegmentWriter(file, position) };
  }

  /** Closes and removes a segment that was made ahead. */
  async discard(): Promise<void> {
    const spare = await this.#spare;
    this.#spare = undefined;
    if (spare === undefined) return;
    if ('file' in spare) await spare.file.close();
    await this.#disk.remove(`${this.#directory}/${SPARE}`);
  }
}
