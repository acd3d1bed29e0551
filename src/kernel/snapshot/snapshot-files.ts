import type { BackendWrite } from '../../ports/backend.js';
import type { Disk, DiskFile } from '../../ports/disk.js';
import { LIMITS } from '../../store/index.js';
import type { SnapshotMark } from '../raft/types.js';
import { ImageReader } from './image-reader.js';
import { StateImageError } from './state-image-error.js';

/**
 * The files of images that arrive: one that is being written, and complete ones, whose names say up
 * to which entry their state goes. A complete file was verified and synced before it got its name.
 * What is left of one after a crash is useless unless the backend holds its rows already.
 */

const DIRECTORY = 'snapshot';
const INCOMING = `${DIRECTORY}/incoming.tmp`;
const COMPLETE_NAME = /^install-([0-9a-f]{16})-([0-9a-f]{16})$/;

/** Which entry a state goes up to. */
export type StatePlace = Pick<SnapshotMark, 'index' | 'term'>;

const hex16 = (value: number): string => value.toString(16).padStart(16, '0');

function completePath({ index, term }: StatePlace): string {
  return `${DIRECTORY}/install-${hex16(index)}-${hex16(term)}`;
}

/** The image that is being written. */
export class IncomingFile {
  readonly #disk: Disk;
  #file: DiskFile | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async begin(): Promise<void> {
    await this.#disk.makeDirectory(DIRECTORY);
    await this.#disk.syncDirectory('.');
    await this.#disk.remove(INCOMING);
    this.#file = await this.#disk.create(INCOMING, 0);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await this.#file?.write(bytes, position);
  }

  /** The image is durable under its name when it resolves. */
  async finish(place: StatePlace): Promise<void> {
    await this.#file?.sync();
    await this.#file?.close();
    this.#file = undefined;
    await this.#disk.rename(INCOMING, completePath(place));
    await this.#disk.syncDirectory(DIRECTORY);
  }

  /** Gives the file back and leaves it as it is. */
  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async abandon(): Promise<void> {
    await this.close();
    await this.#disk.remove(INCOMING);
  }
}

/** The complete images of a directory, and the file of each. */
export async function listImages(disk: Disk): Promise<readonly StatePlace[]> {
  const places: StatePlace[] = [];
  for (const name of await disk.list(DIRECTORY)) {
    const match = COMPLETE_NAME.exec(name);
    if (match !== null) {
      places.push({ index: Number(`0x${match[1]}`), term: Number(`0x${match[2]}`) });
    }
  }
  return places;
}

/** Removes all images that are not beyond `index`, and what an earlier process left unfinished. */
export async function removeImages(disk: Disk, index: number): Promise<void> {
  const places = await listImages(disk);
  for (const place of places) if (place.index <= index) await disk.remove(completePath(place));
}

/** Removes everything that an earlier process left. */
export async function clearImages(disk: Disk): Promise<void> {
  for (const name of await disk.list(DIRECTORY)) await disk.remove(`${DIRECTORY}/${name}`);
}

/**
 * The rows of a complete image. The last of them comes only when the whole image was found sound:
 * whoever stores them must not make them count before the end.
 * @throws StateImageError, DiskError
 */
export async function* imageRows(
  disk: Disk,
  place: StatePlace,
): AsyncIterable<readonly BackendWrite[]> {
  const reader = new ImageReader();
  for await (const bytes of pieces(disk, completePath(place))) yield reader.push(bytes);
  const { mark } = reader.end();
  if (mark.index !== place.index || mark.term !== place.term) {
    throw new StateImageError(0, `it is of entry ${mark.index} in term ${mark.term}`);
  }
}

async function* pieces(disk: Disk, path: string): AsyncIterable<Uint8Array> {
  for (let offset = 0; ; ) {
    const bytes = await disk.readPart(path, offset, LIMITS.imageReadBytes);
    if (bytes.length === 0) return;
    offset += bytes.length;
    yield bytes;
  }
}
