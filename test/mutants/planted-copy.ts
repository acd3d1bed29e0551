// A copy of the compiled sources in which bugs are planted. The built package has no switch for
// any of them: whoever wants a mutant changes a copy, and the copy goes with its owner.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../house/repository.js';
import type { Edit } from './mutant.js';

/** Where the compiled sources are. */
export const COMPILED = join(ROOT, 'build/src');

/** The rooms that a simulated cluster is made of. */
const ROOMS: readonly string[] = ['ports', 'store', 'kernel', 'recipes', 'simulation'];

/**
 * What an edit makes of a file.
 * @throws Error when its place is not there exactly once
 */
export function edited(text: string, { file, find, replace }: Edit): string {
  const words = find.split(/\s+/).map((word) => word.replaceAll(/[$()*+./?[\\\]^{|}-]/g, '\\$&'));
  const places = [...text.matchAll(new RegExp(words.join('\\s+'), 'g'))];
  const [place] = places;
  if (place === undefined || places.length > 1) {
    throw new Error(`${file} has ${places.length} times: ${find}`);
  }
  return text.slice(0, place.index) + replace + text.slice(place.index + place[0].length);
}

export class PlantedCopy {
  readonly #scratch: string;
  /** The files that are not as they were compiled. */
  readonly #changed = new Set<string>();

  constructor() {
    this.#scratch = mkdtempSync(join(tmpdir(), 'tidelock-mutants-'));
    for (const copy of [this.sound, this.planted]) {
      for (const room of ROOMS) {
        const isWanted = (path: string): boolean => !/\.(?:d\.ts|map|tsbuildinfo)$/.test(path);
        cpSync(join(COMPILED, room), join(copy, room), { recursive: true, filter: isWanted });
      }
    }
    writeFileSync(join(this.#scratch, 'package.json'), '{ "type": "module" }\n');
    symlinkSync(join(ROOT, 'node_modules'), join(this.#scratch, 'node_modules'));
  }

  /** The copy that stays as it was compiled. */
  get sound(): string {
    return join(this.#scratch, 'sound');
  }

  /** The copy with the bug. */
  get planted(): string {
    return join(this.#scratch, 'planted');
  }

  /** Takes the bug away that is planted, and plants another one. */
  plant(edits: readonly Edit[]): void {
    for (const file of this.#changed) {
      cpSync(join(this.sound, file), join(this.planted, file));
    }
    this.#changed.clear();
    for (const edit of edits) {
      const path = join(this.planted, edit.file);
      writeFileSync(path, edited(readFileSync(path, 'utf8'), edit));
      this.#changed.add(edit.file);
    }
  }

  /** To be called at the end. */
  remove(): void {
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}
