import type { SavedBytes } from '../../ports/saved-bytes.js';
import { toText } from '../../store/index.js';
import type { SimClient } from '../scenario/sim-client.js';

/** Of a thousand times that something is saved, how often the disk refuses. */
const REFUSED_PER_MILLE = 150;
const SAVE_MAX_MS = 200;
const LOAD_MAX_MS = 400;

/**
 * Saved bytes of a client that outlive its processes: slow to save and to load, refused now and
 * then, and as they were or as they are to be, whenever a process ends.
 */
export class SavedImage implements SavedBytes {
  readonly #client: SimClient;
  #bytes: Uint8Array | undefined;
  /** The revision of what was saved last. */
  savedRevision = 0;
  isDamaged = false;
  /** Whether the last save failed. */
  wasRefused = false;

  constructor(client: SimClient) {
    this.#client = client;
  }

  async load(): Promise<Uint8Array | undefined> {
    const { dice, pause } = this.#client;
    await pause(dice.between(0, LOAD_MAX_MS));
    return this.#bytes;
  }

  async save(bytes: Uint8Array): Promise<void> {
    const { dice, pause } = this.#client;
    await pause(dice.between(0, SAVE_MAX_MS));
    this.wasRefused = dice.chance(REFUSED_PER_MILLE);
    if (this.wasRefused) throw new Error('the disk is full');
    this.#bytes = bytes;
    this.isDamaged = false;
    const { body } = JSON.parse(toText(bytes)) as { readonly body: { readonly revision: number } };
    this.savedRevision = body.revision;
  }

  /** Changes one of the bytes, if there are any. */
  damage(): void {
    if (this.#bytes === undefined) return;
    const bytes = this.#bytes.slice();
    const at = this.#client.dice.below(bytes.length - 1);
    bytes[at] = (bytes[at] as number) ^ 1;
    this.#bytes = bytes;
    this.isDamaged = true;
  }
}
